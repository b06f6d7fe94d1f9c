//! `Secret`: the clusters that istiod reads, and the certificate with which it signs (istio/istio@1.31:
//! `pkg/kube/multicluster/secretcontroller.go`, `pilot/pkg/bootstrap/istio_ca.go`). No claim holds a credential or a
//! private key.

use data_encoding::BASE64;
use serde_json::Value;

use super::{Audited, Kind, Mark, Reach, certificates};
use crate::claim::{At, Claims, Fact};
use crate::embedded;

/// `v1/Secret`.
pub(super) struct Secret;

/// Label by which istiod finds the clusters to read.
const LABEL: &str = "istio/multiCluster";
/// Annotation that istioctl writes beside the key.
const ANNOTATION: &str = "networking.istio.io/cluster";
/// Prefix of the name that istioctl gives to a remote secret (`istioctl/pkg/multicluster/remote_secret.go`).
const PREFIX: &str = "istio-remote-secret-";
/// The key of the config cluster of an external control plane, which is no cluster's ID.
const CONFIG: &str = "config";

impl Kind for Secret {
    fn group(&self) -> &'static str {
        ""
    }

    fn kind(&self) -> &'static str {
        "Secret"
    }

    fn plural(&self) -> &'static str {
        "secrets"
    }

    fn reach(&self) -> Reach {
        Reach::Lifeline(&[
            Mark::Label(LABEL),
            Mark::InSystemNamespace("istio-remote-secret"),
            Mark::InSystemNamespace(certificates::SECRET),
        ])
    }

    fn audited(&self) -> Audited {
        Audited::SystemNamespaces
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        let name = object.text_at(&["metadata", "name"]).unwrap_or_default();
        let namespace = object.text_at(&["metadata", "namespace"]).unwrap_or_default();
        if object.text_at(&["metadata", "labels", LABEL]).as_deref() == Some("true") {
            remote(object, &name, &namespace, claims);
        } else if name.starts_with(PREFIX) {
            object.with(&["metadata", "name"], |at| {
                claims.add(Fact::UnlabelledRemoteSecret { namespace: namespace.clone() }, at, name.as_str());
            });
        }
        if name == certificates::SECRET {
            certificates::claims(object, &namespace, claims);
        }
    }
}

/// The text of every key, with its place. What cannot be decoded is no text.
pub(super) fn texts<R>(object: &At<'_>, mut read: impl FnMut(&str, Option<Vec<u8>>, &At<'_>) -> R) {
    object.with(&["data"], |data| {
        for (key, at) in data.entries() {
            let text = at.str().unwrap_or_default().split_whitespace().collect::<String>();
            read(key, BASE64.decode(text.as_bytes()).ok(), &at);
        }
    });
    object.with(&["stringData"], |data| {
        for (key, at) in data.entries() {
            read(key, at.str().map(|text| text.as_bytes().to_vec()), &at);
        }
    });
}

/// The places of a key, in each of the maps that have it.
pub(super) fn each(object: &At<'_>, key: &str, mut read: impl FnMut(&At<'_>)) {
    for map in ["data", "stringData"] {
        object.with(&[map, key], &mut read);
    }
}

fn remote(object: &At<'_>, name: &str, namespace: &str, claims: &mut Claims) {
    let mut keys = Vec::new();
    texts(object, |key, text, at| {
        if key == CONFIG {
            return;
        }
        keys.push(key.to_owned());
        claims.add(Fact::RemoteCluster { namespace: namespace.to_owned() }, at, key);
        let config = text.and_then(|text| embedded::parse(std::str::from_utf8(&text).ok()?));
        let Some(config) = config else { return };
        if let Some(server) = server(&config) {
            claims.add(Fact::RemoteServer { cluster: key.to_owned() }, at, server);
        }
        for refused in refused(&config) {
            claims.add(Fact::RefusedCredential { cluster: key.to_owned() }, at, refused);
        }
    });
    // Of several clusters in one secret none can give it its name.
    let [key] = keys.as_slice() else { return };
    let fact = || Fact::RemoteName { cluster: key.clone() };
    object.claim(&["metadata", "annotations", ANNOTATION], fact(), claims);
    if let Some(suffix) = name.strip_prefix(PREFIX) {
        object.with(&["metadata", "name"], |at| claims.add_part(fact(), at, suffix));
    }
}

/// The API server of a kubeconfig's current context.
fn server(config: &Value) -> Option<String> {
    let named = |list: &str, name: &str| {
        let items = config.get(list)?.as_array()?;
        items.iter().find(|item| item.get("name").and_then(|n| n.as_str()) == Some(name))
    };
    let current = config.get("current-context").and_then(|name| name.as_str()).unwrap_or_default();
    let of_context = named("contexts", current)
        .and_then(|context| named("clusters", context.get("context")?.get("cluster")?.as_str()?));
    let clusters = config.get("clusters")?.as_array()?;
    let cluster = of_context.or_else(|| clusters.first().filter(|_| clusters.len() == 1))?;
    let server = cluster.get("cluster")?.get("server")?.as_str()?;
    // A URL can hold credentials.
    let (scheme, rest) = server.split_once("://").unwrap_or(("https", server));
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    Some(format!("{scheme}://{host}"))
}

/// Whatever would make istiod read a file or run a program (istio/istio@1.31: `pkg/kube/util.go`, `sanitizeKubeConfig`).
fn refused(config: &Value) -> Vec<String> {
    let users = config.get("users").and_then(Value::as_array);
    let users = users.into_iter().flatten().filter_map(|user| user.get("user"));
    let mut found = Vec::new();
    for user in users {
        let provider = user.get("auth-provider").and_then(|provider| provider.get("name"));
        let provider = provider.and_then(Value::as_str).filter(|name| *name != "oidc");
        found.extend(provider.map(|name| format!("auth-provider {name}")));
        let given = |key: &&str| user.get(*key).is_some_and(|value| !value.is_null() && value != "");
        let keys = ["client-key", "client-certificate", "tokenFile", "exec"];
        found.extend(keys.iter().filter(|key| given(key)).map(ToString::to_string));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_of_the_current_context_is_read() {
        let cluster = |name: &str, url: &str| format!("- {{name: {name}, cluster: {{server: '{url}'}}}}\n");
        let two =
            format!("{}{}", cluster("a", "https://10.0.0.1"), cluster("b", "https://u:p@10.0.0.2:6443"));
        let context = "contexts: [{name: x, context: {cluster: b}}]\n";
        let read = |text: &str| server(&embedded::parse(text)?);
        assert_eq!(
            read(&format!("current-context: x\n{context}clusters:\n{two}")).unwrap(),
            "https://10.0.0.2:6443"
        );
        assert_eq!(
            read(&format!("clusters:\n{}", cluster("a", "https://10.0.0.1"))).unwrap(),
            "https://10.0.0.1"
        );
        for none in
            [format!("clusters:\n{two}"), "from-a-secret-store".into(), "ENC[AES256_GCM,data:x]".into()]
        {
            assert_eq!(read(&none), None);
        }
    }
}
