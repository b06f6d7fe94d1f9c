//! The `MeshDeclaration` of every cluster.

mod provenance;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use meshwright_policies::declaration::{KIND, MeshFacts};
use meshwright_policies::intent::API_VERSION;
use meshwright_policies::mesh::{Cluster, Fleet, Role};
use meshwright_policies::names::ClusterId;
use serde_json::{Map, Value};

use crate::artefact::{Artefact, Output, Root, Wave};
use crate::object::Object;
use crate::{threads, yaml};
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
                part.iter().map(|cluster| shared.object(cluster)).collect::<Vec<_>>()
            });
            for (cluster, object) in clusters.iter().zip(parts.into_iter().flatten()) {
                out.protected(Root::Declaration(cluster.name.clone()), Wave::Declaration, object);
            }
        }
    }
}

/// Spaces before a field of `spec`.
const INDENT: usize = 2;

/// What the declarations of a mesh share, written once: most of a declaration is the same in every cluster of the mesh.
struct Shared<'a> {
    facts: MeshFacts<'a>,
    networks: Value,
    /// The field `networks` as YAML.
    networks_written: String,
    /// By cluster ID: the line for it in the field `remoteSecrets`.
    remote_secrets: BTreeMap<String, String>,
    sources: Sources<'a>,
}

impl<'a> Shared<'a> {
    fn new(fleet: &'a Fleet, facts: MeshFacts<'a>) -> Shared<'a> {
        let networks = json(&**facts.networks());
        let networks_written = written("networks", networks.clone());
        let remote = |(id, url): (&ClusterId, &String)| {
            let mut line = String::new();
            yaml::spaces(&mut line, 2 * INDENT);
            yaml::append_field(&mut line, id.as_str(), url, 2 * INDENT);
            (id.to_string(), line)
        };
        let remote_secrets = facts.remotes().iter().map(remote).collect();
        let sources = Sources::new(fleet, facts.mesh());
        Shared { facts, networks, networks_written, remote_secrets, sources }
    }

    fn object(&self, cluster: &Cluster) -> Object {
        let mut spec = match json(&self.facts.declare(cluster, true)) {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        spec.shift_remove("networks");
        let mut written = self.networks_seen_by(cluster);
        if cluster.role == Role::Primary {
            let own = cluster.id.as_str();
            let mut others = self.remote_secrets.iter().filter(|(id, _)| id.as_str() != own).peekable();
            if others.peek().is_some() {
                yaml::spaces(&mut written, INDENT);
                written.push_str("remoteSecrets:\n");
            }
            others.for_each(|(_, line)| written.push_str(line));
        }
        self.sources.append(cluster, &mut written, INDENT);
        Object::new(API_VERSION, KIND, self.facts.mesh().name.as_str())
            .label("app.kubernetes.io/managed-by", "meshwright")
            .spec_ending_in(spec, written)
    }

    fn networks_seen_by(&self, cluster: &Cluster) -> String {
        let mut differently = self.facts.seen_differently(&cluster.name).peekable();
        if differently.peek().is_none() {
            return self.networks_written.clone();
        }
        let mut networks = self.networks.clone();
        for (id, index, address) in differently {
            let entry = networks.get_mut(id.as_str()).and_then(|network| network.get_mut("gateways"));
            if let Some(entry) =
                entry.and_then(|gateways| gateways.get_mut(index)).and_then(Value::as_object_mut)
            {
                entry.insert("address".into(), address.to_string().into());
            }
        }
        written("networks", networks)
    }
}

/// A field of `spec` as YAML.
fn written(key: &str, value: Value) -> String {
    let mut text = String::new();
    yaml::append_fields(&mut text, &Map::from_iter([(key.to_owned(), value)]), INDENT);
    text
}

/// Types of the declaration have string keys and no map that could fail.
fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}
