//! The control plane of a cluster: which release, installed how, with which values.

use meshwright_policies::claim::Fact;
use meshwright_policies::node::{FieldPath, Node};
use meshwright_policies::repository::{Cluster, Manifest};
use meshwright_policies::version::{Minor, Version};
use serde_json::{Map, Value as Json};

use super::external;
use super::node::text;

/// A control plane as one document configures it.
#[derive(Clone, Debug)]
pub(super) struct Plane<'a> {
    pub(super) subject: &'a Manifest,
    /// Where its chart values are.
    pub(super) values: FieldPath,
    /// Where its mesh configuration is.
    pub(super) mesh_config: FieldPath,
    pub(super) remote: bool,
}

/// The chart that a Helm release installs.
pub(super) fn chart(subject: &Manifest) -> Option<String> {
    // A chart of the repository, whose values are told apart, wraps others.
    let kind = text(&subject.document, "spec.chart.spec.sourceRef.kind");
    let is_wrapper = matches!(kind.as_deref(), Some("GitRepository" | "Bucket"))
        && subject.document.at(&"spec.values".into()).is_none();
    let path = match subject.kind.as_str() {
        "HelmRelease" if is_wrapper => return None,
        "HelmRelease" => "spec.chart.spec.chart",
        "Application" => "spec.source.chart",
        _ => return None,
    };
    let name = text(&subject.document, path)?;
    Some(name.rsplit('/').next().unwrap_or(&name).to_owned())
}

/// Where a Helm release keeps its values.
pub(super) fn values_path(subject: &Manifest) -> FieldPath {
    FieldPath::parse(match subject.kind.as_str() {
        "HelmRelease" | "IstioOperator" | "Istio" => "spec.values",
        "Application" => "spec.source.helm.valuesObject",
        _ => "",
    })
}

/// The control plane of a cluster: the first document that configures one in the main namespace.
pub(super) fn find(cluster: &Cluster) -> Option<Plane<'_>> {
    let planes = cluster.planes();
    let main = if planes.contains(&"istio-system") { Some("istio-system") } else { planes.first().copied() };
    let of_main = |subject: &&Manifest| main.is_none_or(|main| subject.plane == main);
    cluster.subjects.iter().filter(of_main).filter(|subject| !external::is_part(subject)).find_map(read)
}

fn read(subject: &Manifest) -> Option<Plane<'_>> {
    let document = &subject.document;
    let is_plane = match subject.kind.as_str() {
        "IstioOperator" => subject.claims.plane.is_some() && speaks(subject),
        "Istio" => true,
        "HelmRelease" | "Application" => {
            matches!(chart(subject).as_deref(), Some("istiod" | "istiod-remote"))
        }
        "" => speaks(subject),
        _ => false,
    };
    if !is_plane {
        return None;
    }
    let values = values_path(subject);
    let mesh_config = match subject.kind.as_str() {
        "IstioOperator" => FieldPath::parse("spec.meshConfig"),
        _ => values.clone().key("meshConfig"),
    };
    let profile = text(document, "spec.profile").or_else(|| at(document, &values, "profile"));
    let address = subject.claims.list.iter().any(|claim| claim.fact == Fact::ControlPlaneAddress);
    let remote = address
        || matches!(profile.as_deref(), Some("remote" | "external"))
        || chart(subject).as_deref() == Some("istiod-remote");
    Some(Plane { subject, values, mesh_config, remote })
}

/// Whether it says which cluster, network or mesh this is, other than for a gateway.
fn speaks(subject: &Manifest) -> bool {
    subject.claims.list.iter().any(|claim| match claim.fact {
        Fact::ClusterId | Fact::MeshId | Fact::ControlPlaneAddress => true,
        Fact::Network => claim.path.to_string().contains("global"),
        _ => false,
    })
}

/// The API group of an object; empty for the core group and for values.
pub(super) fn group_of(subject: &Manifest) -> String {
    let api = text(&subject.document, "apiVersion").unwrap_or_default();
    api.split_once('/').map_or(String::new(), |(group, _)| group.to_owned())
}

/// The text of a scalar below a path.
pub(super) fn at(document: &Node, prefix: &FieldPath, path: &str) -> Option<String> {
    let node = document.at(&FieldPath::parse(path).under(prefix))?;
    node.scalar().filter(|text| !text.is_empty())
}

impl Plane<'_> {
    pub(super) fn value(&self, path: &str) -> Option<String> {
        at(&self.subject.document, &self.values, path)
    }

    /// `spec.istio`, without what the intent says by other words.
    pub(super) fn istio(&self, cluster: &Cluster) -> Map<String, Json> {
        let document = &self.subject.document;
        let spec = |path: &str| text(document, path);
        let mut istio = Map::new();
        let (version, tag) = self.release();
        let install = match self.subject.kind.as_str() {
            "IstioOperator" => "IstioOperator",
            "Istio" => "Sail",
            _ => "Helm",
        };
        if let Some(version) = &version {
            istio.insert("version".into(), version.as_str().into());
        }
        istio.insert("install".into(), install.into());
        let modern = version.as_ref().is_some_and(|version| version.minor() >= Minor(1, 24));
        // Beside kustomizations, a file that none of them lists is one for `istioctl`; an agent applies a directory
        // without any as it is. Releases since 1.24 have no operator.
        let listed = cluster.subjects.iter().any(|subject| subject.applied);
        let agent = cluster
            .subjects
            .iter()
            .any(|s| s.kind == "HelmRelease" || group_of(s) == "kustomize.toolkit.fluxcd.io");
        let applied = self.subject.applied || (agent && !listed);
        if install == "IstioOperator" && (modern || !applied) {
            istio.insert("appliedBy".into(), "istioctl".into());
        }
        if let Some(hub) = spec("spec.hub").or_else(|| self.value("global.hub")) {
            istio.insert("hub".into(), hub.into());
        }
        if let Some(tag) = tag {
            istio.insert("tag".into(), tag.into());
        }
        if self.subject.plane != "istio-system" {
            istio.insert("namespace".into(), self.subject.plane.as_str().into());
        }
        let sail_revision =
            || Some(self.subject.name.clone()).filter(|n| install == "Sail" && n != "default");
        if let Some(revision) =
            spec("spec.revision").or_else(|| self.value("revision")).or_else(sail_revision)
        {
            istio.insert("revision".into(), revision.into());
        }
        let profile = spec("spec.profile").or_else(|| self.value("profile"));
        const PROFILES: [&str; 6] = ["demo", "minimal", "openshift", "stable", "preview", "empty"];
        if let Some(profile) = profile.filter(|profile| PROFILES.contains(&profile.as_str())) {
            istio.insert("profile".into(), profile.into());
        }
        let injects_by_cni = ["pilot.cni.enabled", "istio_cni.enabled"]
            .iter()
            .any(|path| self.value(path).as_deref() == Some("true"));
        if injects_by_cni || installs_cni(cluster, document) {
            istio.insert("cni".into(), true.into());
        }
        if let Some(url) = repository(cluster, self.subject)
            && url != "https://istio-release.storage.googleapis.com/charts"
        {
            istio.insert("chartRepository".into(), url.into());
        }
        istio
    }

    /// The release, and the image tag where it is another one.
    fn release(&self) -> (Option<Version>, Option<String>) {
        let document = &self.subject.document;
        let tag = match self.subject.kind.as_str() {
            "IstioOperator" => text(document, "spec.tag").or_else(|| self.value("global.tag")),
            _ => self.value("global.tag"),
        };
        let chart = match self.subject.kind.as_str() {
            "HelmRelease" => text(document, "spec.chart.spec.version"),
            "Application" => text(document, "spec.source.targetRevision"),
            "Istio" => {
                text(document, "spec.version").map(|version| version.trim_start_matches('v').to_owned())
            }
            "IstioOperator" => tag.clone(),
            _ => None,
        };
        let wrapped = || self.subject.chart.as_ref().and_then(|(_, version)| version.clone());
        let version: Option<Version> = chart.and_then(|text| text.parse().ok()).or_else(wrapped);
        let same = version.as_ref().map(Version::as_str) == tag.as_deref();
        (version, tag.filter(|_| !same))
    }
}

fn installs_cni(cluster: &Cluster, document: &Node) -> bool {
    text(document, "spec.components.cni.enabled").as_deref() == Some("true")
        || cluster
            .subjects
            .iter()
            .any(|subject| subject.kind == "IstioCNI" || chart(subject).as_deref() == Some("cni"))
}

/// The chart repository of a release.
fn repository(cluster: &Cluster, subject: &Manifest) -> Option<String> {
    match subject.kind.as_str() {
        "HelmRelease" => {
            let name = text(&subject.document, "spec.chart.spec.sourceRef.name")?;
            let source = cluster.subjects.iter().find(|s| s.kind == "HelmRepository" && s.name == name)?;
            text(&source.document, "spec.url")
        }
        "Application" => {
            let url = text(&subject.document, "spec.source.repoURL")?;
            Some(if url.contains("://") { url } else { format!("oci://{url}") })
        }
        _ => None,
    }
}
