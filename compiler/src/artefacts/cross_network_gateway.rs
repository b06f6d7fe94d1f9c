//! The Istio `Gateway` that lets other networks in: SNI routing without ending mutual TLS.

use meshwright_policies::address::Port;
use meshwright_policies::intent::ControlPlane;
use meshwright_policies::mesh::{Cluster, Gateway, Mesh, Role};
use serde_json::json;

use crate::artefact::{Artefact, Output, Root, Wave};
use crate::istio_values::networking_api;
use crate::object::Object;

/// `cross-network-gateway` (istio/istio: `samples/multicluster/expose-services.yaml`), where configuration is read: in
/// each primary, for its remotes too; in the hosted API server of a hosted mesh.
#[derive(Debug)]
pub struct CrossNetworkGateway;

impl Artefact for CrossNetworkGateway {
    fn name(&self) -> &'static str {
        "cross-network-gateway"
    }

    fn render_cluster(&self, mesh: &Mesh, cluster: &Cluster, out: &mut Output) {
        if cluster.role == Role::Primary && mesh.is_multi_network() {
            let served = std::iter::once(cluster).chain(mesh.remotes_of(&cluster.name));
            add(mesh, cluster, served, Root::Mesh(cluster.name.clone()), out);
        }
    }

    fn render_mesh(&self, mesh: &Mesh, out: &mut Output) {
        let ControlPlane::Hosted(hosted) = &mesh.spec.control_plane else { return };
        let Some(host) = mesh.clusters.get(&hosted.cluster) else { return };
        if let (Some(server), true) = (mesh.hosted_name(), mesh.is_multi_network()) {
            add(mesh, host, mesh.clusters.values(), Root::Mesh(server), out);
        }
    }
}

/// One object per distinct selector: an istiod configures the gateways of all clusters it serves from the same objects.
fn add<'a>(
    mesh: &Mesh,
    owner: &Cluster,
    served: impl Iterator<Item = &'a Cluster>,
    root: Root,
    out: &mut Output,
) {
    let mut selectors: Vec<&str> = Vec::new();
    for label in served.flat_map(|cluster| cluster.gateways.iter().map(Gateway::istio_label)) {
        if !selectors.contains(&label) {
            selectors.push(label);
        }
    }
    for (index, selector) in selectors.into_iter().enumerate() {
        let name = match index {
            0 => "cross-network-gateway".to_owned(),
            _ => format!("cross-network-gateway-{selector}"),
        };
        out.protected(root.clone(), Wave::Traffic, gateway(mesh, owner, name, selector));
    }
}

fn gateway(mesh: &Mesh, owner: &Cluster, name: String, selector: &str) -> Object {
    let domain = mesh.spec.cluster_domain.as_str();
    let last = domain.rsplit('.').next().unwrap_or(domain);
    Object::new(networking_api(&owner.istio), "Gateway", name)
        .namespace(owner.system_namespace().as_str())
        .label("app.kubernetes.io/managed-by", "meshwright")
        .spec(json!({
            "selector": {"istio": selector},
            "servers": [{
                "port": {"number": u32::from(Port::MTLS), "name": "tls", "protocol": "TLS"},
                "tls": {"mode": "AUTO_PASSTHROUGH"},
                "hosts": [format!("*.{last}")],
            }],
        }))
}
