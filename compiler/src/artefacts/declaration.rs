//! The `MeshDeclaration` of every cluster.

mod provenance;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use meshwright_policies::declaration::{DeclarationSpec, DeclaredEntry, DeclaredRole, KIND, MeshFacts};
use meshwright_policies::intent::API_VERSION;
use meshwright_policies::mesh::{Cluster, Fleet, Mesh};
use meshwright_policies::names::{ClusterId, ClusterName, NetworkId};
use serde_json::{Map, Value};

use crate::artefact::{Artefact, Output, Root, Wave};
use crate::memory::Memory;
use crate::object::Object;
use crate::{threads, yaml};
use provenance::{ByFile, Dialled, Documents, SharedSources};

/// The declarations of fewer clusters are written by one thread.
const CLUSTERS_FOR_THREADS: usize = 16;

/// Renders what the whole intent means for each cluster. A hosted API server and a global management cluster are no
/// members of the mesh and have none.
pub(super) struct Declaration;

impl Artefact for Declaration {
    fn name(&self) -> &'static str {
        "mesh-declaration"
    }

    fn render_fleet(&self, fleet: &Fleet, memory: &mut Memory, out: &mut Output) {
        for mesh in fleet.meshes.values() {
            render(fleet, mesh, memory, out);
        }
    }
}

fn render(fleet: &Fleet, mesh: &Mesh, memory: &mut Memory, out: &mut Output) {
    let facts = MeshFacts::new(fleet, mesh);
    let documents = memory.shared("documents", mesh.name.as_str(), Documents::new(fleet, mesh));
    let shared = Shared::new(&facts, documents.shared_sources(mesh));
    let shared = memory.shared(Declaration.name(), mesh.name.as_str(), shared);
    let clusters: Vec<&Cluster> = mesh.clusters.values().collect();
    let kept = &*memory;
    let parts = threads::in_parts(&clusters, CLUSTERS_FOR_THREADS, |part| {
        let one = |cluster: &&Cluster| {
            let last = kept.last::<Said>(Declaration.name(), cluster.name.as_str());
            let dialled = Dialled::by(cluster, mesh);
            let same_sources = last.map(|(last, _)| &last.sources).filter(|sources| {
                let same = |now| sources.cluster.as_ref().is_some_and(|last| Arc::ptr_eq(last, now));
                kept.cluster(&cluster.name).is_some_and(same)
                    && Arc::ptr_eq(&sources.documents, &documents)
                    && sources.dialled == dialled
            });
            let sources = same_sources.cloned().unwrap_or_else(|| OwnSources {
                by_file: Arc::new(documents.sources(cluster, dialled.as_ref())),
                cluster: kept.cluster(&cluster.name).cloned(),
                documents: Arc::clone(&documents),
                dialled,
            });
            let said = Said {
                shared: Arc::clone(&shared),
                declared: facts.declare(cluster, true),
                seen_differently: facts
                    .seen_differently(&cluster.name)
                    .map(|(id, index, seen)| (id.clone(), index, seen))
                    .collect(),
                sources,
            };
            match last.filter(|(last, _)| last.is_same(&said)) {
                Some((_, output)) => (output.clone(), None),
                None => (said.output(&cluster.name), Some(said)),
            }
        };
        part.iter().map(one).collect::<Vec<_>>()
    });
    for (cluster, (output, said)) in clusters.iter().zip(parts.into_iter().flatten()) {
        match said {
            Some(said) => memory.keep(Declaration.name(), cluster.name.as_str(), said, &output),
            None => memory.keep_on(Declaration.name(), cluster.name.as_str()),
        }
        out.append(output);
    }
}

/// Spaces before a field of `spec`.
const INDENT: usize = 2;

/// What the declarations of a mesh share, written once: most of a declaration is the same in every cluster of the mesh.
#[derive(PartialEq)]
struct Shared {
    networks: Value,
    /// The field `networks` as YAML.
    networks_written: String,
    /// By cluster ID: the line for it in the field `remoteSecrets`.
    remote_secrets: BTreeMap<String, String>,
    sources: SharedSources,
}

impl Shared {
    fn new(facts: &MeshFacts<'_>, sources: SharedSources) -> Shared {
        let networks = json(&**facts.networks());
        let networks_written = written("networks", networks.clone());
        let remote = |(id, url): (&ClusterId, &String)| {
            let mut line = String::new();
            yaml::spaces(&mut line, 2 * INDENT);
            yaml::append_field(&mut line, id.as_str(), url, 2 * INDENT);
            (id.to_string(), line)
        };
        let remote_secrets = facts.remotes().iter().map(remote).collect();
        Shared { networks, networks_written, remote_secrets, sources }
    }
}

/// All that a declaration says.
struct Said {
    shared: Arc<Shared>,
    /// Without what is shared.
    declared: DeclarationSpec,
    /// Entry points that this cluster dials otherwise than others, now or until a change: network, index, and how it sees them.
    seen_differently: Vec<(NetworkId, usize, DeclaredEntry)>,
    sources: OwnSources,
}

/// Where the values come from that are the cluster's own, with all that this was told from.
#[derive(Clone)]
struct OwnSources {
    by_file: Arc<ByFile>,
    /// `None` where nothing is kept.
    cluster: Option<Arc<Cluster>>,
    documents: Arc<Documents>,
    dialled: Option<Dialled>,
}

impl OwnSources {
    fn is_same(&self, other: &OwnSources) -> bool {
        Arc::ptr_eq(&self.by_file, &other.by_file) || self.by_file == other.by_file
    }
}

impl Said {
    fn is_same(&self, other: &Said) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
            && self.declared == other.declared
            && self.seen_differently == other.seen_differently
            && self.sources.is_same(&other.sources)
    }

    fn output(&self, cluster: &ClusterName) -> Output {
        let mut out = Output::default();
        out.begin(Declaration.name());
        out.protected(Root::Declaration(cluster.clone()), Wave::Declaration, self.object());
        out
    }

    fn object(&self) -> Object {
        let mut spec = match json(&self.declared) {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        spec.shift_remove("networks");
        let mut written = self.networks();
        if self.declared.control_plane.role == DeclaredRole::Primary {
            let own = self.declared.cluster.id.as_str();
            let all = self.shared.remote_secrets.iter();
            let mut others = all.filter(|(id, _)| id.as_str() != own).peekable();
            if others.peek().is_some() {
                yaml::spaces(&mut written, INDENT);
                written.push_str("remoteSecrets:\n");
            }
            others.for_each(|(_, line)| written.push_str(line));
        }
        self.shared.sources.append(&self.sources.by_file, &mut written, INDENT);
        Object::new(API_VERSION, KIND, self.declared.mesh.name.as_str())
            .label("app.kubernetes.io/managed-by", "meshwright")
            .spec_ending_in(spec, written)
    }

    /// The field `networks` as YAML.
    fn networks(&self) -> String {
        if self.seen_differently.is_empty() {
            return self.shared.networks_written.clone();
        }
        let mut networks = self.shared.networks.clone();
        for (id, index, seen) in &self.seen_differently {
            let entries = networks.get_mut(id.as_str()).and_then(|network| network.get_mut("gateways"));
            if let Some(entry) = entries.and_then(|entries| entries.get_mut(index)) {
                *entry = json(seen);
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
