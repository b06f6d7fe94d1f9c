//! What is rendered: the trait of a rendered artefact, where its objects go, and the registry.

use std::collections::BTreeMap;
use std::sync::Arc;

use meshwright_policies::mesh::{Cluster, Fleet, Mesh};
use meshwright_policies::names::ClusterName;

use crate::memory::Memory;
use crate::object::Object;
use crate::stage::group;

/// One thing that is rendered: one file in `artefacts/`, one line in [`crate::artefacts::ARTEFACTS`].
pub trait Artefact: Sync {
    /// Its name in documentation and messages: `east-west-gateway`.
    fn name(&self) -> &'static str;

    /// What it adds for one cluster. It sees the [outline](crate::outline) of the mesh, and what the artefacts before it added
    /// for the same cluster.
    fn render_cluster(&self, _mesh: &Mesh, _cluster: &Cluster, _out: &mut Output) {}

    /// What it adds once per mesh, such as objects of a management cluster. It sees what all artefacts added for clusters.
    fn render_mesh(&self, _mesh: &Mesh, _out: &mut Output) {}

    /// What it adds once. It sees what all artefacts added for clusters, and may keep what it made from what.
    fn render_fleet(&self, _fleet: &Fleet, _memory: &mut Memory, _out: &mut Output) {}

    /// A page for people: its path and its text. It is written beside the objects, which it does not see.
    fn page(&self, _fleet: &Fleet) -> Option<(String, String)> {
        None
    }
}

/// A kustomize root, or a directory of plain files, below the output directory. Every root is applied to one API
/// server, by one agent, at one point in the order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Root {
    /// `crds/`: CRDs of meshwright itself, for every cluster.
    Crds,
    /// `clusters/<cluster>/declaration/`: the MeshDeclaration, applied before everything else.
    Declaration(ClusterName),
    /// `clusters/<cluster>/mesh/`: everything that is applied to that API server.
    Mesh(ClusterName),
    /// `clusters/<cluster>/`: the Flux objects that apply the two.
    Flux(ClusterName),
    /// `argocd/`: the Argo CD objects that apply all, in the cluster that runs Argo CD.
    Argocd,
    /// `clusters/<cluster>/istioctl/`: IstioOperator files for `istioctl install -f`; no kustomize root.
    Istioctl(ClusterName),
    /// `clusters/<cluster>/helm/`: values files for `helm upgrade --install`, where no agent delivers charts; no
    /// kustomize root.
    Helm(ClusterName),
}

impl Root {
    /// The directory, without a slash at the end.
    #[must_use]
    pub fn directory(&self) -> String {
        match self {
            Root::Crds => "crds".to_owned(),
            Root::Declaration(cluster) => format!("clusters/{cluster}/declaration"),
            Root::Mesh(cluster) => format!("clusters/{cluster}/mesh"),
            Root::Flux(cluster) => format!("clusters/{cluster}"),
            Root::Argocd => "argocd".to_owned(),
            Root::Istioctl(cluster) => format!("clusters/{cluster}/istioctl"),
            Root::Helm(cluster) => format!("clusters/{cluster}/helm"),
        }
    }

    /// The cluster, or other API server, whose directory it is.
    #[must_use]
    pub fn cluster(&self) -> Option<&ClusterName> {
        match self {
            Root::Declaration(cluster)
            | Root::Mesh(cluster)
            | Root::Flux(cluster)
            | Root::Istioctl(cluster)
            | Root::Helm(cluster) => Some(cluster),
            Root::Crds | Root::Argocd => None,
        }
    }

    /// Whether a `kustomization.yaml` is written.
    #[must_use]
    pub fn is_kustomize(&self) -> bool {
        !matches!(self, Root::Istioctl(_) | Root::Helm(_))
    }
}

/// When an object is applied, relative to the others of its cluster. Argo CD's sync waves; Flux and kubectl order by
/// kind. The numbers follow the convention of Argo CD users: declaration, namespaces, control plane, gateways, traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wave {
    /// The MeshDeclaration.
    Declaration = -10,
    /// What brings the CRDs of objects in the next waves: MetalLB's chart, with its namespace and source.
    Platform = -8,
    /// Namespaces and addresses.
    Namespace = -5,
    /// What the control plane stands on: CRDs, the CNI agent, chart repositories.
    Foundation = -3,
    /// Control plane.
    ControlPlane = 0,
    /// Gateways.
    Gateway = 5,
    /// Traffic rules and samples.
    Traffic = 10,
}

/// A rendered object with what the delivery needs to know about it.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The object.
    pub object: Object,
    /// Its place in the order.
    pub wave: Wave,
    /// Whether its loss partitions the mesh, or takes with it what others made: the agent must not prune it.
    pub protected: bool,
    /// Name of the artefact that made it.
    pub artefact: &'static str,
}

impl Rendered {
    /// Whether the other one becomes the same file.
    #[must_use]
    pub fn is_same(self: &Arc<Self>, other: &Arc<Rendered>) -> bool {
        Arc::ptr_eq(self, other) || self.is_equal(other)
    }

    fn is_equal(&self, other: &Rendered) -> bool {
        self.wave == other.wave
            && self.protected == other.protected
            && self.artefact == other.artefact
            && self.object.is_same(&other.object)
    }
}

/// Whether an agent that prunes the object deletes with it what others made: all that is in a namespace, all resources of
/// a CRD.
fn holds_others(object: &Object) -> bool {
    match (group(object.api_version()), object.kind()) {
        ("", "Namespace") => object.api_version() == "v1",
        ("apiextensions.k8s.io", "CustomResourceDefinition") => true,
        _ => false,
    }
}

/// Rendered objects, by root, in the order in which they were added.
pub type Objects = BTreeMap<Root, Vec<Arc<Rendered>>>;

/// Collects what the artefacts render. Copies share the objects.
#[derive(Clone, Debug, Default)]
pub struct Output {
    artefact: &'static str,
    objects: Objects,
    files: BTreeMap<String, Vec<u8>>,
    values_files: Vec<(String, ClusterName, Arc<Rendered>)>,
}

impl Output {
    /// Sets the artefact that the following objects belong to.
    pub fn begin(&mut self, artefact: &'static str) {
        self.artefact = artefact;
    }

    /// Adds an object. A namespace or a CRD gets the agent's prune protection, since others' objects go with it.
    pub fn object(&mut self, root: Root, wave: Wave, object: Object) {
        self.push(root, wave, object, false);
    }

    /// Adds an object whose loss partitions the mesh: it gets the agent's prune protection.
    pub fn protected(&mut self, root: Root, wave: Wave, object: Object) {
        self.push(root, wave, object, true);
    }

    fn push(&mut self, root: Root, wave: Wave, object: Object, protected: bool) {
        let artefact = self.artefact;
        let protected = protected || holds_others(&object);
        let rendered = Rendered { object, wave, protected, artefact };
        self.objects.entry(root).or_default().push(Arc::new(rendered));
    }

    /// Adds a file that is no Kubernetes object, such as `PLAN.md`.
    pub fn file(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.files.insert(path.into(), bytes.into());
    }

    /// Adds a file of Helm values, from which a person makes `release` in a cluster: judged as that, never written as that.
    pub fn values_file(&mut self, path: String, bytes: Vec<u8>, cluster: ClusterName, release: Object) {
        let wave = Wave::ControlPlane;
        let rendered = Rendered { object: release, wave, protected: false, artefact: self.artefact };
        self.values_files.push((path.clone(), cluster, Arc::new(rendered)));
        self.file(path, bytes);
    }

    /// The files of Helm values: path, cluster, and the release that is made of it.
    pub fn values_files(&self) -> impl Iterator<Item = (&str, &ClusterName, &Rendered)> {
        self.values_files.iter().map(|(path, cluster, release)| (path.as_str(), cluster, &**release))
    }

    /// Adds what `more` holds after its own, root by root.
    pub fn append(&mut self, more: Output) {
        for (root, rendered) in more.objects {
            self.objects.entry(root).or_default().extend(rendered);
        }
        self.files.extend(more.files);
        self.values_files.extend(more.values_files);
    }

    /// The objects.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// The objects, and the other files by path.
    #[must_use]
    pub fn into_parts(self) -> (Objects, BTreeMap<String, Vec<u8>>) {
        (self.objects, self.files)
    }

    /// The other files.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_objects_of_others_is_protected() {
        let root = Root::Crds;
        let mut out = Output::default();
        for (api_version, kind) in [
            ("v1", "Namespace"),
            ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
            ("v1", "ConfigMap"),
            ("networking.istio.io/v1", "VirtualService"),
        ] {
            out.object(root.clone(), Wave::Namespace, Object::new(api_version, kind, "x"));
        }
        let protected: Vec<bool> = out.objects().values().flatten().map(|one| one.protected).collect();
        assert_eq!(protected, [true, true, false, false]);
    }
}
