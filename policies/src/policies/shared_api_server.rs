//! MW8001: two clusters are delivered to one API server.

use std::collections::BTreeMap;

use crate::finding::{Findings, Place, Rule, Severity};
use crate::intent::Delivery;
use crate::mesh::{Cluster, Fleet, Mesh};
use crate::policy::Policy;

/// MW8001: two clusters are delivered to one API server.
#[derive(Debug)]
pub(super) struct SharedApiServer;

static RULE: Rule = Rule {
    code: "MW8001",
    name: "shared-api-server",
    severity: Severity::Error,
    title: "two clusters are delivered to one API server",
    docs: include_str!("../../docs/MW8001.md"),
};

impl Policy for SharedApiServer {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_fleet(&self, fleet: &Fleet, findings: &mut Findings) {
        let mut seen = BTreeMap::new();
        for (mesh, cluster) in fleet.clusters() {
            for destination in destinations(mesh, cluster) {
                let key = (destination.scope, destination.what, destination.name.clone());
                let Some((other, place)) = seen.get(&key) else {
                    seen.insert(key, (cluster, destination.place));
                    continue;
                };
                report(cluster, other, place, &destination, findings);
            }
        }
    }
}

/// A name of the API server to which a cluster's directory is applied.
struct Destination<'a> {
    /// Where the name means one API server: the mesh's name, or nothing when it is the whole world.
    scope: &'a str,
    what: &'static str,
    name: String,
    place: Place,
}

fn destinations<'a>(mesh: &'a Mesh, cluster: &Cluster) -> Vec<Destination<'a>> {
    let mut found = Vec::new();
    if let Some(api) = cluster.spec.kubernetes.api_server.as_ref().filter(|api| !api.host.is_local_only()) {
        let place = cluster.written.place("spec.kubernetes.apiServer");
        let name = format!("{}:{}", api.host, api.port);
        found.push(Destination { scope: "", what: "API server", name, place });
    }
    let scope = mesh.name.as_str();
    match &cluster.delivery {
        Delivery::Flux(flux) => {
            if let Some(secret) = &flux.kube_config_secret {
                let place = cluster.written.place("spec.delivery.flux.kubeConfigSecret");
                let name = format!("{}/{secret}", flux.namespace);
                found.push(Destination { scope, what: "Flux's kubeconfig Secret", name, place });
            }
        }
        Delivery::Argocd(argocd) => {
            let place = cluster.written.place("spec.delivery.argocd.destinationName");
            let name = argocd.destination_name.clone().unwrap_or_else(|| cluster.name.to_string());
            found.push(Destination { scope, what: "Argo CD's destination", name, place });
        }
        Delivery::None(_) => {}
    }
    found
}

fn report(
    cluster: &Cluster,
    other: &Cluster,
    place: &Place,
    destination: &Destination<'_>,
    findings: &mut Findings,
) {
    let (what, name) = (destination.what, &destination.name);
    let message = format!("clusters `{}` and `{}` both have {what} `{name}`", other.name, cluster.name);
    findings.push(
        RULE.at(destination.place.clone(), message)
            .cluster(&cluster.name)
            .found(name)
            .related(place.clone(), format!("cluster `{}` has it here", other.name))
            .help(format!("give cluster `{}` its own", cluster.name)),
    );
}
