//! Who applies the manifests now.

use meshwright_policies::node::Node;
use meshwright_policies::repository::{Cluster, Manifest, Repository};
use serde_json::{Map, Value as Json, json};

use super::external;
use super::node::text;
use super::plane::chart;

/// What the repository says of Argo CD, for clusters that say nothing themselves: objects that belong to no cluster, such
/// as an ApplicationSet, may name the repository of all.
#[derive(Debug, Default)]
pub(super) struct Elsewhere<'a> {
    first: Option<&'a Manifest>,
    repository: Option<String>,
}

impl<'a> Elsewhere<'a> {
    pub(super) fn of(repository: &'a Repository) -> Elsewhere<'a> {
        let all = || repository.clusters.iter().flat_map(|cluster| &cluster.subjects);
        Elsewhere {
            first: all().find(|subject| is_argocd(subject)),
            repository: all().find_map(git_repository),
        }
    }
}

fn is_argocd(subject: &Manifest) -> bool {
    matches!(subject.kind.as_str(), "Application" | "ApplicationSet")
}

/// `spec.delivery` of a cluster: Flux, Argo CD or nobody.
pub(super) fn find(cluster: &Cluster, elsewhere: &Elsewhere<'_>) -> Json {
    let own = cluster.subjects.iter().find(|subject| is_argocd(subject));
    if own.is_some() || cluster.subjects.iter().any(has_sync_wave) {
        return json!({"argocd": argocd(cluster, own, elsewhere)});
    }
    if is_by_flux(cluster) {
        return json!({"flux": flux(cluster)});
    }
    json!({"none": {}})
}

fn is_flux_kustomization(subject: &Manifest) -> bool {
    subject.kind == "Kustomization"
        && text(&subject.document, "apiVersion")
            .is_some_and(|api| api.starts_with("kustomize.toolkit.fluxcd.io/"))
}

fn is_by_flux(cluster: &Cluster) -> bool {
    cluster.subjects.iter().any(|subject| subject.kind == "HelmRelease" || is_flux_kustomization(subject))
}

fn flux(cluster: &Cluster) -> Map<String, Json> {
    let mut flux = Map::new();
    let kustomization = cluster.subjects.iter().find(|subject| is_flux_kustomization(subject));
    if let Some(subject) = kustomization {
        let mut source = Map::new();
        for (key, default) in
            [("kind", "GitRepository"), ("name", "flux-system"), ("namespace", "flux-system")]
        {
            let written = text(&subject.document, &format!("spec.sourceRef.{key}"));
            if let Some(value) = written.filter(|value| value != default) {
                source.insert(key.into(), value.into());
            }
        }
        if !source.is_empty() {
            flux.insert("source".into(), source.into());
        }
    }
    let release =
        cluster.subjects.iter().find(|subject| subject.kind == "HelmRelease" && !external::is_part(subject));
    let namespace = kustomization.or(release).and_then(|subject| subject.namespace.clone());
    if let Some(namespace) = namespace.filter(|namespace| namespace != "flux-system") {
        flux.insert("namespace".into(), namespace.into());
    }
    let elsewhere = release.and_then(|subject| text(&subject.document, "spec.kubeConfig.secretRef.name"));
    if let Some(secret) = elsewhere {
        flux.insert("kubeConfigSecret".into(), secret.into());
    }
    flux
}

/// Argo CD orders what it applies by an annotation.
fn has_sync_wave(subject: &Manifest) -> bool {
    // Those that speak of a cluster are applied to another one.
    if subject.is_of_platform() {
        return false;
    }
    let annotations = subject.document.at(&"metadata.annotations".into());
    annotations.is_some_and(|annotations| annotations.get("argocd.argoproj.io/sync-wave").is_some())
}

fn argocd(cluster: &Cluster, own: Option<&Manifest>, elsewhere: &Elsewhere<'_>) -> Map<String, Json> {
    let mut argocd = Map::new();
    let url = cluster.subjects.iter().find_map(git_repository);
    if let Some(url) = url.or_else(|| elsewhere.repository.clone()) {
        argocd.insert("repoURL".into(), url.into());
    }
    let Some(first) = own.or(elsewhere.first) else { return argocd };
    if let Some(namespace) = first.namespace.clone().filter(|namespace| namespace != "argocd") {
        argocd.insert("namespace".into(), namespace.into());
    }
    let project = text(&first.document, "spec.project").filter(|project| project != "default");
    if let Some(project) = project {
        argocd.insert("project".into(), project.into());
    }
    let destination = text(&first.document, "spec.destination.name").filter(|_| own.is_some());
    if let Some(name) = destination.filter(|name| *name != cluster.name && !name.contains("{{")) {
        argocd.insert("destinationName".into(), name.into());
    }
    argocd
}

/// The Git repository of an Application that installs no chart.
pub(super) fn git_repository(subject: &Manifest) -> Option<String> {
    match subject.kind.as_str() {
        "Application" if chart(subject).is_none() => ["spec.source.repoURL", "spec.sources[0].repoURL"]
            .iter()
            .find_map(|path| text(&subject.document, path)),
        "ApplicationSet" => ["spec.template.spec.source.repoURL", "spec.template.spec.sources[0].repoURL"]
            .iter()
            .find_map(|path| subject.document.at(&(*path).into()).and_then(Node::scalar))
            .filter(|url| !url.contains("{{")),
        _ => None,
    }
}
