//! The Argo CD ApplicationSets that apply the clusters' directories.
//!
//! One Application per API server, of three directories: CRDs, declaration, mesh. They are one sync, so that its waves order
//! them; between Applications there is no order.

use std::collections::BTreeMap;

use meshwright_policies::intent::{ArgocdDelivery, Delivery};
use meshwright_policies::mesh::{Fleet, Mesh};
use meshwright_policies::names::{ClusterName, MeshName};
use serde_json::{Value, json};

use crate::artefact::{Artefact, Output, Root, Wave};
use crate::assemble::{digest, label_sized};
use crate::destination::{Destination, Server, destinations};
use crate::memory::Memory;
use crate::object::Object;

/// Argo CD `ApplicationSet` objects. Rendered after everything else: they apply what is there.
pub(super) struct ArgocdApplicationSets;

impl Artefact for ArgocdApplicationSets {
    fn name(&self) -> &'static str {
        "argocd-applicationsets"
    }

    fn render_fleet(&self, fleet: &Fleet, _memory: &mut Memory, out: &mut Output) {
        let sets = sets(fleet, out);
        for (mesh, sets) in sets {
            let Some(mesh) = fleet.meshes.get(&mesh) else { continue };
            let several = sets.keys().map(Settings::place).any(|place| Some(place) != first_place(&sets));
            for (settings, elements) in sets {
                let object = application_set(mesh, &settings, several, elements);
                out.protected(Root::Argocd, Wave::ControlPlane, object);
            }
        }
    }
}

/// What all Applications of one ApplicationSet share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Settings {
    namespace: String,
    project: String,
    repo_url: String,
    target_revision: String,
    path: String,
    automated: bool,
    /// The directories of one Application, with `{{ .cluster }}` for the cluster's.
    directories: Vec<String>,
}

impl Settings {
    fn new(argocd: &ArgocdDelivery, directories: Vec<String>) -> Settings {
        Settings {
            namespace: argocd.namespace.to_string(),
            project: argocd.project.to_string(),
            repo_url: argocd.repo_url.clone(),
            target_revision: argocd.target_revision.clone(),
            path: argocd.path.clone(),
            automated: argocd.automated,
            directories,
        }
    }

    /// What is normally one for a whole mesh.
    fn place(&self) -> [&str; 5] {
        [&self.namespace, &self.project, &self.repo_url, &self.target_revision, &self.path]
    }
}

type Sets = BTreeMap<Settings, Vec<Value>>;

fn first_place(sets: &Sets) -> Option<[&str; 5]> {
    sets.keys().next().map(Settings::place)
}

fn sets(fleet: &Fleet, out: &Output) -> BTreeMap<MeshName, Sets> {
    let mut sets: BTreeMap<MeshName, Sets> = BTreeMap::new();
    for (name, destination) in &destinations(fleet) {
        let Delivery::Argocd(argocd) = destination.delivery else { continue };
        let directories = directories(name, out);
        if directories.is_empty() {
            continue;
        }
        sets.entry(destination.mesh.name.clone())
            .or_default()
            .entry(Settings::new(argocd, directories))
            .or_default()
            .push(element(name, destination, argocd));
    }
    sets
}

/// What is rendered for one API server, in the order in which it is applied.
fn directories(name: &ClusterName, out: &Output) -> Vec<String> {
    let has = |root: &Root| out.objects().contains_key(root);
    let mut directories = Vec::new();
    if has(&Root::Declaration(name.clone())) {
        if has(&Root::Crds) {
            directories.push(Root::Crds.directory());
        }
        directories.push("clusters/{{ .cluster }}/declaration".to_owned());
    }
    if has(&Root::Mesh(name.clone())) {
        directories.push("clusters/{{ .cluster }}/mesh".to_owned());
    }
    directories
}

fn element(name: &ClusterName, destination: &Destination<'_>, argocd: &ArgocdDelivery) -> Value {
    // A name declared for a cluster is that cluster's; the hosted API server is another one.
    let declared = match destination.server {
        Server::Cluster(_) | Server::Management => argocd.destination_name.as_deref(),
        Server::Hosted { .. } => None,
    };
    json!({
        "cluster": name,
        "application": label_sized(format!("{name}-mesh")),
        "destination": declared.unwrap_or(name.as_str()),
    })
}

/// Dots keep the endings apart from the meshes' names, which have none.
fn set_name(mesh: &Mesh, settings: &Settings, several: bool) -> String {
    let mut name = mesh.name.to_string();
    let has_declaration = settings.directories.iter().any(|directory| directory.ends_with("/declaration"));
    if !has_declaration {
        name.push_str(".hosted");
    }
    if !settings.automated {
        name.push_str(".manual");
    }
    let usual = match &mesh.spec.delivery {
        Delivery::Argocd(argocd) => Settings::new(argocd, Vec::new()).place() == settings.place(),
        Delivery::Flux(_) | Delivery::None(_) => false,
    };
    if several && !usual {
        name.push('.');
        name.push_str(&digest(&settings.place().join("\n")));
    }
    label_sized(name)
}

fn application_set(mesh: &Mesh, settings: &Settings, several: bool, elements: Vec<Value>) -> Object {
    Object::new("argoproj.io/v1alpha1", "ApplicationSet", set_name(mesh, settings, several))
        .namespace(settings.namespace.as_str())
        .label("app.kubernetes.io/managed-by", "meshwright")
        .spec(json!({
            "goTemplate": true,
            "goTemplateOptions": ["missingkey=error"],
            "generators": [{"list": {"elements": elements}}],
            // An Application that goes leaves what it applied: losing a list element must not cost a mesh.
            "syncPolicy": {"preserveResourcesOnDeletion": true},
            "template": {
                "metadata": {
                    "name": "{{ .application }}",
                    "labels": {"app.kubernetes.io/managed-by": "meshwright"},
                },
                "spec": application(settings),
            },
        }))
}

fn application(settings: &Settings) -> Value {
    let source = |directory: &String| {
        json!({
            "repoURL": settings.repo_url,
            "targetRevision": settings.target_revision,
            "path": super::below(&settings.path, directory),
        })
    };
    json!({
        "project": settings.project,
        "destination": {"name": "{{ .destination }}"},
        "sources": settings.directories.iter().map(source).collect::<Vec<_>>(),
        "syncPolicy": sync_policy(settings.automated),
        "ignoreDifferences": [
            webhook_differences("ValidatingWebhookConfiguration"),
            webhook_differences("MutatingWebhookConfiguration"),
        ],
    })
}

fn sync_policy(automated: bool) -> Value {
    let mut policy = serde_json::Map::new();
    if automated {
        policy.insert("automated".into(), json!({"prune": true, "selfHeal": true, "allowEmpty": false}));
    }
    policy.insert(
        "syncOptions".into(),
        json!([
            "ServerSideApply=true",
            "ApplyOutOfSyncOnly=true",
            "PruneLast=true",
            "RespectIgnoreDifferences=true"
        ]),
    );
    // A first installation fails until the CRDs are there, which other Applications bring; a sync that ran out of
    // retries is not tried again before the next commit. 10 retries are about 40 minutes.
    policy.insert(
        "retry".into(),
        json!({"limit": 10, "backoff": {"duration": "30s", "factor": 2, "maxDuration": "5m"}}),
    );
    Value::Object(policy)
}

/// istiod, cert-manager and webhooks themselves write these fields
/// (istio/istio@1.30: `pkg/webhooks/validation/controller/controller.go`).
fn webhook_differences(kind: &str) -> Value {
    json!({
        "group": "admissionregistration.k8s.io",
        "kind": kind,
        "jqPathExpressions": [".webhooks[]?.clientConfig.caBundle", ".webhooks[]?.failurePolicy"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artefacts::testing_delivery::{deliver, fleet, mesh_objects, name, output, yaml};

    const ARGOCD: &str = "  delivery: {argocd: {repoURL: 'https://git.example/mesh.git', path: rendered}}\n";

    fn sets(out: &Output) -> Vec<String> {
        let objects = out.objects().get(&Root::Argocd).map_or(&[][..], Vec::as_slice);
        let elements = |object: &Object| {
            let spec = object.as_map().get("spec").unwrap();
            let elements = spec.pointer("/generators/0/list/elements").unwrap().as_array().unwrap().clone();
            elements
                .iter()
                .map(|e| e.get("destination").unwrap().as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        objects
            .iter()
            .map(|one| format!("{} -> {}", one.object.name(), elements(&one.object).join(" ")))
            .collect()
    }

    #[test]
    fn a_mesh_is_one_application_set() {
        let mut out = output(&["c1", "c2"]);
        deliver(&fleet(ARGOCD, "", "  delivery: {argocd: {destinationName: prod-2}}\n"), &mut out);
        insta::assert_snapshot!(yaml(&out, &Root::Argocd), @r#"
        apiVersion: argoproj.io/v1alpha1
        kind: ApplicationSet
        metadata:
          name: shop
          namespace: argocd
          labels:
            app.kubernetes.io/managed-by: meshwright
        spec:
          goTemplate: true
          goTemplateOptions:
          - missingkey=error
          generators:
          - list:
              elements:
              - cluster: c1
                application: c1-mesh
                destination: c1
              - cluster: c2
                application: c2-mesh
                destination: prod-2
          syncPolicy:
            preserveResourcesOnDeletion: true
          template:
            metadata:
              name: "{{ .application }}"
              labels:
                app.kubernetes.io/managed-by: meshwright
            spec:
              project: default
              destination:
                name: "{{ .destination }}"
              sources:
              - repoURL: https://git.example/mesh.git
                targetRevision: HEAD
                path: rendered/crds
              - repoURL: https://git.example/mesh.git
                targetRevision: HEAD
                path: "rendered/clusters/{{ .cluster }}/declaration"
              - repoURL: https://git.example/mesh.git
                targetRevision: HEAD
                path: "rendered/clusters/{{ .cluster }}/mesh"
              syncPolicy:
                automated:
                  prune: true
                  selfHeal: true
                  allowEmpty: false
                syncOptions:
                - ServerSideApply=true
                - ApplyOutOfSyncOnly=true
                - PruneLast=true
                - RespectIgnoreDifferences=true
                retry:
                  limit: 10
                  backoff:
                    duration: 30s
                    factor: 2
                    maxDuration: 5m
              ignoreDifferences:
              - group: admissionregistration.k8s.io
                kind: ValidatingWebhookConfiguration
                jqPathExpressions:
                - ".webhooks[]?.clientConfig.caBundle"
                - ".webhooks[]?.failurePolicy"
              - group: admissionregistration.k8s.io
                kind: MutatingWebhookConfiguration
                jqPathExpressions:
                - ".webhooks[]?.clientConfig.caBundle"
                - ".webhooks[]?.failurePolicy"
        "#);
    }

    #[test]
    fn clusters_of_one_mesh_may_have_different_agents() {
        let mut out = output(&["c1", "c2"]);
        deliver(&fleet(ARGOCD, "", "  delivery: {flux: {}}\n"), &mut out);
        assert_eq!(sets(&out), ["shop -> c1"]);
        assert!(out.objects().contains_key(&Root::Flux(name("c2"))));
        assert!(!out.objects().contains_key(&Root::Flux(name("c1"))));
    }

    #[test]
    fn what_differs_gets_a_set_of_its_own() {
        let mut out = output(&["c1", "c2"]);
        mesh_objects(&name("shop-hosted"), &mut out);
        mesh_objects(&name("global"), &mut out);
        let mesh = format!(
            "{ARGOCD}  controlPlane: {{hosted: {{cluster: c1, mspider: {{globalCluster: global}}}}}}\n"
        );
        deliver(&fleet(&mesh, "", "  delivery: {argocd: {automated: false}}\n"), &mut out);
        assert_eq!(sets(&out), ["shop.manual -> c2", "shop.hosted -> global shop-hosted", "shop -> c1"]);

        let mut out = output(&["c1", "c2"]);
        deliver(&fleet(ARGOCD, "", "  delivery: {argocd: {project: other}}\n"), &mut out);
        assert_eq!(sets(&out), ["shop -> c1", "shop.eeb8a123 -> c2"]);
    }
}
