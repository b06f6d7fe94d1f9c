//! The intent while it is made: documents with comments, and the objects that clusters carry over.

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::node::FieldPath;
use meshwright_policies::version::Minor;
use serde_json::{Map, Value as Json, json};

use super::node::set;
use crate::yaml::{Comments, to_commented_yaml, to_yaml};

/// Everything that is written, and what is said about it.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) meshes: BTreeMap<String, MeshDraft>,
    /// The mesh of each cluster.
    homes: BTreeMap<String, String>,
    pub(super) contradictions: Vec<String>,
    /// Claims that a contradiction names, as it names them.
    pub(super) said: BTreeSet<String>,
    /// Objects that are listed already, by where they are from.
    pub(super) told: BTreeMap<String, Told>,
    pub(super) left_out: BTreeSet<String>,
    pub(super) questions: BTreeSet<String>,
}

/// Why an object is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Something else stands for it.
    LeftOut,
    /// It contradicts the rest.
    TakenOut,
}

/// One mesh.
#[derive(Debug, Default)]
pub(super) struct MeshDraft {
    pub(super) mesh: Document,
    pub(super) networks: BTreeMap<String, Document>,
    pub(super) clusters: BTreeMap<String, ClusterDraft>,
    /// Where no cluster's release of Istio is known: one that the manifests could be for.
    pub(super) unknown_release: Option<Minor>,
}

/// One cluster.
#[derive(Debug, Default)]
pub(super) struct ClusterDraft {
    pub(super) document: Document,
    /// Objects that are carried over, by file name.
    pub(super) carried: BTreeMap<String, CarriedFile>,
    /// The same objects, as text.
    objects: BTreeSet<String>,
}

impl ClusterDraft {
    pub(super) fn new(document: Document) -> ClusterDraft {
        ClusterDraft { document, ..ClusterDraft::default() }
    }

    /// Carries an object over, once.
    pub(super) fn carry(&mut self, base: &str, carried: CarriedFile) {
        if !self.objects.insert(carried.object.to_string()) {
            return;
        }
        let mut names =
            std::iter::once(format!("{base}.yaml")).chain((2_u32..).map(|n| format!("{base}-{n}.yaml")));
        if let Some(name) = names.find(|name| !self.carried.contains_key(name)) {
            self.carried.insert(name, carried);
        }
    }

    /// Takes back what was to be carried over.
    pub(super) fn take_out(&mut self, file: &str) -> Option<CarriedFile> {
        let taken = self.carried.remove(file)?;
        self.objects.remove(&taken.object.to_string());
        Some(taken)
    }

    /// Whether an object is carried over as it is.
    pub(super) fn is_carrying(&self, object: &Json) -> bool {
        !self.objects.is_empty() && self.objects.contains(&object.to_string())
    }
}

/// An object that is carried over.
#[derive(Clone, Debug)]
pub(super) struct CarriedFile {
    pub(super) object: Json,
    /// Where it is from: `Kind/namespace/name in file:line`.
    pub(super) from: String,
}

/// The `spec` of a document.
#[derive(Clone, Debug, Default)]
pub(super) struct Document {
    pub(super) spec: Map<String, Json>,
    pub(super) comments: Comments,
}

impl Document {
    /// Adds a comment above a field of `spec`; at the end of what is there when the field is missing.
    pub(super) fn comment(&mut self, path: &str, text: impl Into<String>) {
        let path = FieldPath::parse("spec").0.into_iter().chain(FieldPath::parse(path).0).collect();
        let lines = self.comments.entry(FieldPath(path)).or_default();
        let text = text.into();
        if !lines.contains(&text) {
            lines.push(text);
        }
    }

    fn yaml(&self, kind: &str, name: &str) -> String {
        let mut document = Map::new();
        document.insert("apiVersion".into(), "meshwright.dev/v1alpha1".into());
        document.insert("kind".into(), kind.into());
        document.insert("metadata".into(), json!({"name": name}));
        if !self.spec.is_empty() {
            document.insert("spec".into(), self.spec.clone().into());
        }
        to_commented_yaml(&Json::Object(document), &self.comments)
    }
}

impl Draft {
    pub(super) fn insert(&mut self, name: String, mesh: MeshDraft) {
        self.homes.extend(mesh.clusters.keys().map(|cluster| (cluster.clone(), name.clone())));
        self.meshes.insert(name, mesh);
    }

    /// The files as they are written.
    pub(super) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        for (name, mesh) in &self.meshes {
            mesh.write(&self.directory(name), name, &mut files);
        }
        files.into_iter().map(|(path, text)| (path, text.into_bytes())).collect()
    }

    /// Whether every release of Istio is known.
    pub(super) fn is_complete(&self) -> bool {
        !self.meshes.values().any(|mesh| mesh.unknown_release.is_some())
    }

    /// The files with an Istio release where none is known, so that there is something to render.
    pub(super) fn working_files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        for (name, mesh) in &self.meshes {
            let mut working = MeshDraft { mesh: mesh.mesh.clone(), ..MeshDraft::default() };
            if let Some(minor) = mesh.unknown_release {
                let release = format!("{minor}.0");
                set(&mut working.mesh.spec, &["istio", "version"], release.into());
            }
            let directory = self.directory(name);
            mesh.write(&directory, name, &mut files);
            files.insert(format!("{directory}mesh.yaml"), working.mesh.yaml("Mesh", name));
        }
        files.into_iter().map(|(path, text)| (path, text.into_bytes())).collect()
    }

    /// Where a mesh's files are.
    fn directory(&self, mesh: &str) -> String {
        if self.meshes.len() == 1 { String::new() } else { format!("{mesh}/") }
    }

    /// Where the objects are that a cluster carries over, from the intent root.
    pub(super) fn manifests(&self, mesh: &str, cluster: &str) -> String {
        format!("{}manifests/{cluster}", self.directory(mesh))
    }

    /// What the mesh of a cluster says of failover.
    pub(super) fn failover(&mut self, cluster: &str) -> Vec<Json> {
        let mesh = self.cluster(cluster).map(|(mesh, _)| mesh.mesh.spec.get("failover"));
        mesh.flatten().and_then(Json::as_array).cloned().unwrap_or_default()
    }

    /// The mesh and the cluster of that name.
    pub(super) fn cluster(&mut self, name: &str) -> Option<(&mut MeshDraft, String)> {
        let mesh = self.homes.get(name)?;
        Some((self.meshes.get_mut(mesh)?, mesh.clone()))
    }

    /// The document of a cluster.
    pub(super) fn of_cluster(&self, name: &str) -> Option<&ClusterDraft> {
        self.meshes.get(self.homes.get(name)?)?.clusters.get(name)
    }
}

impl MeshDraft {
    fn write(&self, directory: &str, name: &str, files: &mut BTreeMap<String, String>) {
        files.insert(format!("{directory}mesh.yaml"), self.mesh.yaml("Mesh", name));
        let networks: Vec<String> =
            self.networks.iter().map(|(id, network)| network.yaml("Network", id)).collect();
        files.insert(format!("{directory}networks.yaml"), networks.join("---\n"));
        for (cluster, draft) in &self.clusters {
            let mut document = draft.document.clone();
            let manifests = format!("{directory}manifests/{cluster}");
            if !draft.carried.is_empty() {
                document.spec.insert("manifests".into(), json!([manifests]));
            }
            files.insert(format!("{directory}clusters/{cluster}.yaml"), document.yaml("Cluster", cluster));
            for (file, carried) in &draft.carried {
                let text = format!("# From {}\n{}", carried.from, to_yaml(&carried.object));
                files.insert(format!("{manifests}/{file}"), text);
            }
        }
    }
}
