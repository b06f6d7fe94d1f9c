//! The `MeshDeclaration` of every cluster.

mod provenance;
#[cfg(test)]
mod tests;

use meshwright_policies::declaration::{KIND, MeshFacts};
use meshwright_policies::intent::API_VERSION;
use meshwright_policies::mesh::{Cluster, Fleet, Role};
use serde_json::{Map, Value};

use crate::artefact::{Artefact, Output, Root, Wave};
use crate::object::Object;
use crate::threads;
use provenance::Sources;

/// The declarations of fewer clusters are written by one thread.
const CLUSTERS_FOR_THREADS: usize = 16;

/// Renders what the whole intent means for each cluster. A hosted API server and a global management cluster are no
/// members of the mesh and have none.
pub(super) struct Declaration;

impl Artefact for Declaration {
    fn name(&self) -> &'static str {
        "mesh-declaration"
    }

    fn render_fleet(&self, fleet: &Fleet, out: &mut Output) {
        for mesh in fleet.meshes.values() {
            let shared = Shared::new(fleet, MeshFacts::new(fleet, mesh));
            let clusters: Vec<&Cluster> = mesh.clusters.values().collect();
            let parts = threads::in_parts(&clusters, CLUSTERS_FOR_THREADS, |part| {
                part.iter().map(|cluster| shared.spec(cluster)).collect::<Vec<_>>()
            });
            for (cluster, spec) in clusters.iter().zip(parts.into_iter().flatten()) {
                let object = Object::new(API_VERSION, KIND, mesh.name.as_str())
                    .label("app.kubernetes.io/managed-by", "meshwright")
                    .spec(spec);
                out.protected(Root::Declaration(cluster.name.clone()), Wave::Declaration, object);
            }
        }
    }
}

/// What the declarations of a mesh share, written once: a mesh of many networks would otherwise be serialised once for
/// every cluster.
struct Shared<'a> {
    facts: MeshFacts<'a>,
    networks: Value,
    remote_secrets: Map<String, Value>,
    sources: Sources<'a>,
}

impl<'a> Shared<'a> {
    fn new(fleet: &'a Fleet, facts: MeshFacts<'a>) -> Shared<'a> {
        let networks = json(&**facts.networks());
        let remote_secrets = match json(facts.remotes()) {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        let sources = Sources::new(fleet, facts.mesh());
        Shared { facts, networks, remote_secrets, sources }
    }

    fn spec(&self, cluster: &Cluster) -> Value {
        let declared = self.facts.declare(cluster, true);
        let mut spec = match json(&declared) {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        spec.insert("networks".into(), self.networks_seen_by(cluster));
        if cluster.role == Role::Primary {
            let own = cluster.id.as_str();
            let others = self.remote_secrets.iter().filter(|(id, _)| id.as_str() != own);
            let others: Map<String, Value> =
                others.map(|(id, remote)| (id.clone(), remote.clone())).collect();
            if !others.is_empty() {
                spec.insert("remoteSecrets".into(), others.into());
            }
        }
        spec.insert("provenance".into(), self.sources.of(cluster));
        Value::Object(spec)
    }

    fn networks_seen_by(&self, cluster: &Cluster) -> Value {
        let mut networks = self.networks.clone();
        for (id, index, address) in self.facts.seen_differently(&cluster.name) {
            let entry = networks.get_mut(id.as_str()).and_then(|network| network.get_mut("gateways"));
            if let Some(entry) =
                entry.and_then(|gateways| gateways.get_mut(index)).and_then(Value::as_object_mut)
            {
                entry.insert("address".into(), address.to_string().into());
            }
        }
        networks
    }
}

/// Types of the declaration have string keys and no map that could fail.
fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}
