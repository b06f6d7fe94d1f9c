//! MW7001: a private key, token or other credential in the intent.

use std::collections::BTreeSet;

use crate::finding::{Finding, Findings, Place, Rule, Severity};
use crate::mesh::{Fleet, Written};
use crate::node::{FieldPath, FileId, Node, Span, Value};
use crate::policy::Policy;

/// A private key, token or other credential in the intent.
pub(super) struct SecretInIntent;

static RULE: Rule = Rule {
    code: "MW7001",
    name: "secret-in-intent",
    severity: Severity::Error,
    title: "private key, token or credential in the intent",
    docs: include_str!("../../docs/MW7001.md"),
};

impl Policy for SecretInIntent {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_fleet(&self, fleet: &Fleet, findings: &mut Findings) {
        // What is written once is reported once.
        let mut seen = BTreeSet::new();
        for mesh in fleet.meshes.values() {
            search(&mesh.written, None, &mut seen, findings);
            for network in mesh.networks.values() {
                search(&network.written, None, &mut seen, findings);
            }
            for cluster in mesh.clusters.values() {
                search(&cluster.written, Some(cluster.name.as_str()), &mut seen, findings);
                for document in cluster.carried.iter().flat_map(|carried| &carried.documents) {
                    search_document(document, false, Some(cluster.name.as_str()), &mut seen, findings);
                }
            }
        }
    }
}

fn search(written: &Written, cluster: Option<&str>, seen: &mut BTreeSet<Span>, findings: &mut Findings) {
    search_document(&written.document, true, cluster, seen, findings);
}

fn search_document(
    document: &Node,
    is_intent: bool,
    cluster: Option<&str>,
    seen: &mut BTreeSet<Span>,
    findings: &mut Findings,
) {
    let mut found = Vec::new();
    walk(document, document.span.file, is_intent, &mut Vec::new(), &mut |node, path, what| {
        if !node.span.is_written() || seen.insert(node.span) {
            let path = path.iter().fold(FieldPath::root(), |field, step| match step {
                Part::Key(key) => field.key(key),
                Part::Index(index) => field.index(*index),
            });
            found.push(secret(what, Place { span: node.span, path }, cluster));
        }
    });
    findings.extend(found);
}

/// A step of a path that is built only when something is found.
enum Part<'a> {
    Key(&'a str),
    Index(usize),
}

/// Calls `hit` for every credential that is written in `file`. The depth is bounded by that of the documents that are read.
fn walk<'a>(
    node: &'a Node,
    file: FileId,
    is_intent: bool,
    path: &mut Vec<Part<'a>>,
    hit: &mut impl FnMut(&Node, &[Part<'_>], &'static str),
) {
    match &node.value {
        // Clusters repeat what their mesh and network say, which is searched there.
        Value::String(_) if node.span.is_written() && node.span.file != file => {}
        Value::String(text) => {
            let key = match path.last() {
                Some(Part::Key(key)) => key,
                _ => "",
            };
            let what = credential(key, text);
            let what =
                what.or_else(|| (is_intent && is_literal(key, text, path)).then_some("a literal credential"));
            if let Some(what) = what {
                hit(node, path, what);
            }
        }
        Value::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(Part::Index(index));
                walk(item, file, is_intent, path, hit);
                path.pop();
            }
        }
        Value::Mapping(entries) => {
            for entry in entries {
                path.push(Part::Key(&entry.key));
                walk(&entry.node, file, is_intent, path, hit);
                path.pop();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A finding about a value that contains a credential, for whoever would otherwise repeat it in a message of their own.
#[must_use]
pub fn secret_at(text: &str, place: Place) -> Option<Finding> {
    credential("", text).map(|what| secret(what, place, None))
}

/// The value itself is never repeated: findings end up in logs.
fn secret(what: &str, place: Place, cluster: Option<&str>) -> Finding {
    let message = format!("`{}` contains {what}", place.path);
    let finding = RULE.at(place, message).help(
        "remove it, replace the credential, which everybody who reads the repository has now, and refer to a secret \
         store instead",
    );
    match cluster {
        Some(cluster) => finding.cluster(cluster),
        None => finding,
    }
}

/// What kind of credential a value is, if it is one.
fn credential(key: &str, text: &str) -> Option<&'static str> {
    /// Bytes of the shortest token below.
    const SHORTEST: usize = 20;
    /// `-----BEGIN [RSA |EC ]PRIVATE KEY`, in base64.
    const ENCODED: [&str; 4] = [
        "LS0tLS1CRUdJTiBQUklWQVRFIEtFW",
        "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRV",
        "LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFW",
        "LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUgS0VZ",
    ];
    if key == "client-key-data" || text.contains("client-key-data:") {
        return Some("a kubeconfig's client key");
    }
    // Most texts are shorter than any key or token.
    if text.len() >= SHORTEST {
        if text.contains("-----BEGIN") && text.contains("PRIVATE KEY")
            || ENCODED.iter().any(|pem| text.contains(pem))
        {
            return Some("a private key");
        }
        let mut words = text.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
        if words.any(|word| is_jwt(word) || is_known_token(word)) || is_bootstrap_token(text) {
            return Some("a token");
        }
    }
    let url = text.split_once("://").and_then(|(_, rest)| rest.split('/').next()?.rsplit_once('@'));
    url.filter(|(user, _)| user.split_once(':').is_some_and(|(_, password)| !password.is_empty()))
        .map(|_| "a URL with a password")
}

/// Tokens that say whose they are: GitHub's, GitLab's and Slack's (the services' documentation of token formats).
fn is_known_token(word: &str) -> bool {
    /// Prefix, and the least number of characters after it.
    const KNOWN: [(&str, usize); 13] = [
        ("ghp_", 36),
        ("gho_", 36),
        ("ghu_", 36),
        ("ghs_", 36),
        ("ghr_", 36),
        ("github_pat_", 22),
        ("glpat-", 20),
        ("gldt-", 20),
        ("xoxb-", 15),
        ("xoxp-", 15),
        ("xoxa-", 15),
        ("xoxr-", 15),
        ("xoxs-", 15),
    ];
    matches!(word.as_bytes().first(), Some(b'g' | b'x'))
        && KNOWN.iter().any(|(prefix, least)| {
            word.strip_prefix(prefix).is_some_and(|rest| {
                rest.len() >= *least
                    && rest.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
            })
        })
}

/// By which a node joins (Kubernetes' documentation "Authenticating with Bootstrap Tokens"): `[a-z0-9]{6}\.[a-z0-9]{16}`. A
/// secret part without a digit is rather a name.
fn is_bootstrap_token(text: &str) -> bool {
    let part = |text: &str, length| {
        text.len() == length && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    text.len() == 23
        && text.split_once('.').is_some_and(|(id, secret)| {
            part(id, 6) && part(secret, 16) && secret.bytes().any(|b| b.is_ascii_digit())
        })
}

/// Whether the value of a free field is a credential by the field's name: `password: hunter2` below `istio.values`. References
/// (`passwordSecretName`, paths of files, placeholders) are none.
fn is_literal(key: &str, text: &str, path: &[Part<'_>]) -> bool {
    const NAMES: [&str; 8] = [
        "password",
        "passwd",
        "token",
        "secretkey",
        "secret_key",
        "secretaccesskey",
        "apikey",
        "clientsecret",
    ];
    /// Fields that take any object.
    const FREE: [&str; 4] = ["values", "meshConfig", "params", "entry"];
    let ends_with = |name: &str| {
        let start = key.len().checked_sub(name.len());
        start.and_then(|start| key.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(name))
    };
    let is_text = || !matches!(text, "" | "true" | "false" | "none" | "null") && text.parse::<f64>().is_err();
    let is_reference =
        || text.starts_with(['/', '$', '<', '{']) || text.contains("://") || text.starts_with("ENC[");
    let is_free = || path.iter().any(|step| matches!(step, Part::Key(key) if FREE.contains(key)));
    NAMES.iter().any(|name| ends_with(name)) && is_text() && !is_reference() && is_free()
}

/// Three parts in base64url, of which the first two are JSON objects (RFC 7519): `eyJ` is `{"`.
fn is_jwt(word: &str) -> bool {
    let mut parts = word.split('.');
    let mut part = |start: &str| {
        parts.next().is_some_and(|part| {
            part.len() > 8
                && part.starts_with(start)
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
    };
    part("eyJ") && part("eyJ") && part("") && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_told_from_what_is_public() {
        let token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ";
        assert_eq!(credential("token", token), Some("a token"));
        assert_eq!(credential("x", &format!("Bearer {token}")), Some("a token"));
        assert_eq!(credential("x", "-----BEGIN EC PRIVATE KEY-----\nAA"), Some("a private key"));
        assert_eq!(credential("x", "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t"), Some("a private key"));
        assert_eq!(credential("repoURL", "https://bot:hunter2@git.example/x"), Some("a URL with a password"));
        for (token, is_one) in [
            (["ghp_", "0123456789abcdefghijABCDEFGHIJ012345"], true),
            (["github_pat_", "11ABCDEFG0123456789abc_x"], true),
            (["glpat-", "abcdefghij0123456789"], true),
            (["xoxb-", "123456789012-abcdefgh"], true),
            (["abcdef.", "0123456789abcdef"], true),
            (["ghp_", "short"], false),
            (["istiod.", "examplecompanies"], false),
            (["glpat-", "abcdefghij 0123456789"], false),
        ] {
            assert_eq!(credential("x", &token.concat()).is_some(), is_one, "{token:?}");
        }
        for public in [
            "-----BEGIN CERTIFICATE-----",
            "https://git@git.example/a:b@c",
            "ssh://git@git.example:22/x",
            "istio-eyJ.eyJ.x",
            "docker.io/istio:1.30.1@sha256:00",
        ] {
            assert_eq!(credential("x", public), None, "{public}");
        }
    }

    #[test]
    fn literal_credentials_are_told_from_references() {
        let path = [Part::Key("spec"), Part::Key("istio"), Part::Key("values"), Part::Key("x")];
        for (key, text) in
            [("password", "hunter2"), ("adminPassword", "x"), ("accessToken", "0f1e"), ("secretKey", "k")]
        {
            assert!(is_literal(key, text, &path), "{key}: {text}");
            assert!(!is_literal(key, text, &path[..2]), "{key} of a field of ours");
        }
        for (key, text) in [
            ("passwordSecretName", "db"),
            ("password", ""),
            ("REQUIRE_3P_TOKEN", "true"),
            ("token", "/var/run/secrets/tokens/istio-token"),
            ("token", "$(TOKEN)"),
            ("tokenAudience", "istio-ca"),
            ("password", "vault://kv/db#password"),
        ] {
            assert!(!is_literal(key, text, &path), "{key}: {text}");
        }
    }
}
