//! MW7001: a private key, token or other credential in the intent.

use std::collections::BTreeSet;

use crate::finding::{Finding, Findings, Place, Rule, Severity};
use crate::mesh::{Fleet, Written};
use crate::node::{FieldPath, Node, Span, Value};
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
        // Clusters repeat what their mesh and network say: what is written once is reported once.
        let mut seen = BTreeSet::new();
        for mesh in fleet.meshes.values() {
            search(&mesh.written, None, &mut seen, findings);
            for network in mesh.networks.values() {
                search(&network.written, None, &mut seen, findings);
            }
            for cluster in mesh.clusters.values() {
                search(&cluster.written, Some(cluster.name.as_str()), &mut seen, findings);
                for document in cluster.carried.iter().flat_map(|carried| &carried.documents) {
                    search_document(document, Some(cluster.name.as_str()), &mut seen, findings);
                }
            }
        }
    }
}

fn search(written: &Written, cluster: Option<&str>, seen: &mut BTreeSet<Span>, findings: &mut Findings) {
    search_document(&written.document, cluster, seen, findings);
}

fn search_document(
    document: &Node,
    cluster: Option<&str>,
    seen: &mut BTreeSet<Span>,
    findings: &mut Findings,
) {
    let mut found = Vec::new();
    walk(document, &mut Vec::new(), &mut |node, path, what| {
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

/// Calls `hit` for every credential. The depth is bounded by that of the documents that are read.
fn walk<'a>(
    node: &'a Node,
    path: &mut Vec<Part<'a>>,
    hit: &mut impl FnMut(&Node, &[Part<'_>], &'static str),
) {
    match &node.value {
        Value::String(text) => {
            let key = match path.last() {
                Some(Part::Key(key)) => key,
                _ => "",
            };
            if let Some(what) = credential(key, text) {
                hit(node, path, what);
            }
        }
        Value::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(Part::Index(index));
                walk(item, path, hit);
                path.pop();
            }
        }
        Value::Mapping(entries) => {
            for entry in entries {
                path.push(Part::Key(&entry.key));
                walk(&entry.node, path, hit);
                path.pop();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
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
    /// Bytes of three parts of a token; a key has more, and so have the texts below.
    const SHORTEST: usize = 29;
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
        if text.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'')).any(is_jwt) {
            return Some("a token");
        }
    }
    let url = text.split_once("://").and_then(|(_, rest)| rest.split('/').next()?.rsplit_once('@'));
    url.filter(|(user, _)| user.split_once(':').is_some_and(|(_, password)| !password.is_empty()))
        .map(|_| "a URL with a password")
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
}
