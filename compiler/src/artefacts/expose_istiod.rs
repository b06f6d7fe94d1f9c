//! istiod made reachable for remote clusters, through the primary's east-west gateway.

use meshwright_policies::address::Port;
use meshwright_policies::mesh::{Cluster, Gateway, Mesh};
use serde_json::{Value, json};

use crate::artefact::{Artefact, Output, Root, Wave};
use crate::istio_values::networking_api;
use crate::object::Object;

/// istiod's Service has its webhooks at 443.
const ISTIOD_WEBHOOK: u32 = 443;

/// `istiod-gateway` and `istiod-vs` (istio/istio: `samples/multicluster/expose-istiod.yaml` and
/// `expose-istiod-rev.yaml.tmpl`), in primaries that serve remotes.
#[derive(Debug)]
pub struct ExposeIstiod;

impl Artefact for ExposeIstiod {
    fn name(&self) -> &'static str {
        "expose-istiod"
    }

    fn render_cluster(&self, mesh: &Mesh, cluster: &Cluster, out: &mut Output) {
        let Some(first) = cluster.gateways.first().filter(|_| mesh.serves_remotes(cluster)) else { return };
        let root = Root::Mesh(cluster.name.clone());
        out.protected(root.clone(), Wave::Traffic, gateway(cluster, first));
        out.protected(root, Wave::Traffic, virtual_service(mesh, cluster));
    }
}

fn networking(cluster: &Cluster, kind: &str, name: String) -> Object {
    Object::new(networking_api(&cluster.istio), kind, name)
        .namespace(cluster.system_namespace().as_str())
        .label("app.kubernetes.io/managed-by", "meshwright")
}

fn gateway(cluster: &Cluster, first: &Gateway) -> Object {
    let server = |port: Port, name: &str| {
        json!({
            "port": {"number": u32::from(port), "name": name, "protocol": "TLS"},
            "tls": {"mode": "PASSTHROUGH"},
            "hosts": ["*"],
        })
    };
    networking(cluster, "Gateway", "istiod-gateway".to_owned()).spec(json!({
        "selector": {"istio": first.istio_label()},
        "servers": [server(Port::XDS, "tls-istiod"), server(Port::WEBHOOK, "tls-istiodwebhook")],
    }))
}

/// With a revision, the SNI names that one istiod, so that several may be exposed at one gateway.
fn virtual_service(mesh: &Mesh, cluster: &Cluster) -> Object {
    let service = format!("{}.{}.svc", cluster.with_revision("istiod"), cluster.system_namespace());
    let host = format!("{service}.{}", mesh.spec.cluster_domain);
    let names = match cluster.istio.revision {
        Some(_) => json!([service, host]),
        None => json!(["*"]),
    };
    let route = |port: Port, target: u32| -> Value {
        json!({
            "match": [{"port": u32::from(port), "sniHosts": names}],
            "route": [{"destination": {"host": host, "port": {"number": target}}}],
        })
    };
    networking(cluster, "VirtualService", cluster.with_revision("istiod-vs")).spec(json!({
        "hosts": ["*"],
        "gateways": ["istiod-gateway"],
        "tls": [route(Port::XDS, Port::XDS.into()), route(Port::WEBHOOK, ISTIOD_WEBHOOK)],
    }))
}
