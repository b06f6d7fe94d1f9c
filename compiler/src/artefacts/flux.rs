//! The Flux objects that apply a cluster's directories, one after the other.
//!
//! CRDs, then the declaration, then what installs Istio, then what needs it: each waits until the one before is ready at
//! the same revision. Flux compares revisions only where both have the same source
//! (fluxcd/kustomize-controller: `internal/controller/kustomization_controller.go`, `checkDependencies`), so all have.
//! The declaration depends on nothing of the mesh: a mesh that is not healthy never keeps its own correction away. What is
//! for a hosted API server waits for the installation in the cluster that runs it. The webhook waits for the declaration, and
//! nothing waits for the webhook.

use std::sync::Arc;

use meshwright_policies::intent::{Delivery, FluxDelivery};
use meshwright_policies::mesh::Fleet;
use meshwright_policies::names::{ClusterName, ObjectName};
use serde_json::{Value, json};

use crate::artefact::{Artefact, Output, Rendered, Root, Wave};
use crate::assemble::label_sized;
use crate::destination::{Destination, Server, destinations};
use crate::memory::Memory;
use crate::object::Object;
use crate::stage::Stage;

const API_VERSION: &str = "kustomize.toolkit.fluxcd.io/v1";

/// Ending of the name of the Kustomization that applies the declaration.
const DECLARATION: &str = "declaration";

/// Flux `Kustomization` objects. Rendered after everything else: they apply what is there.
pub(super) struct FluxKustomizations;

impl Artefact for FluxKustomizations {
    fn name(&self) -> &'static str {
        "flux-kustomizations"
    }

    fn render_fleet(&self, fleet: &Fleet, memory: &mut Memory, out: &mut Output) {
        for (name, destination) in &destinations(fleet) {
            let Delivery::Flux(flux) = destination.delivery else { continue };
            let Some(applied) = applied(name, destination, flux, out) else { continue };
            let last = memory.last::<Applied>(self.name(), name.as_str());
            let known = last.filter(|(last, _)| last.is_same(&applied)).map(|(_, output)| output.clone());
            let output = match known {
                Some(output) => {
                    memory.keep_on(self.name(), name.as_str());
                    output
                }
                None => {
                    let output = applied.output(self.name());
                    memory.keep(self.name(), name.as_str(), applied, &output);
                    output
                }
            };
            out.append(output);
        }
    }
}

/// One directory that Flux applies.
struct Step {
    /// Ending of the Kustomization's name.
    suffix: &'static str,
    directory: String,
    health: Vec<Value>,
    /// Whether it waits for the declaration alone, and no other step for it.
    aside: bool,
}

/// What Flux applies to one API server, and how.
struct Applied {
    /// Name of the API server's directory.
    server: ClusterName,
    /// The cluster whose Flux it is.
    holder: ClusterName,
    flux: FluxDelivery,
    account: Option<ObjectName>,
    kube_config: Option<ObjectName>,
    /// The Kustomization that must be there first.
    before: Option<String>,
    rendered: RenderedFor,
}

/// What is rendered for one API server.
struct RenderedFor {
    crds: bool,
    declaration: bool,
    mesh: Vec<Arc<Rendered>>,
}

/// `None` where Flux cannot reach the API server.
fn applied(
    name: &ClusterName,
    destination: &Destination<'_>,
    flux: &FluxDelivery,
    out: &Output,
) -> Option<Applied> {
    let (holder, kube_config) = match destination.server {
        Server::Cluster(_) | Server::Management => (name, flux.kube_config_secret.as_ref()),
        Server::Hosted { host, secret: Some(secret) } => (host, Some(secret)),
        // Without its kubeconfig, Flux cannot reach it.
        Server::Hosted { secret: None, .. } => return None,
    };
    // The declared account is one of the cluster; the hosted API server has accounts of its own.
    let account = match destination.server {
        Server::Hosted { .. } => None,
        Server::Cluster(_) | Server::Management => flux.service_account_name.as_ref(),
    };
    let before = match destination.server {
        // What runs the hosted API server is installed in its host first. Both are applied by the host's Flux.
        Server::Hosted { host, .. } => RenderedFor::new(host, out)
            .steps(host)
            .into_iter()
            .find(|step| step.suffix == Stage::Install.directory())
            .map(|step| label_sized(format!("{host}-{}", step.suffix))),
        Server::Cluster(_) | Server::Management => None,
    };
    Some(Applied {
        server: name.clone(),
        holder: holder.clone(),
        flux: flux.clone(),
        account: account.cloned(),
        kube_config: kube_config.cloned(),
        before,
        rendered: RenderedFor::new(name, out),
    })
}

impl Applied {
    /// Whether the other one becomes the same objects.
    fn is_same(&self, other: &Applied) -> bool {
        self.server == other.server
            && self.holder == other.holder
            && self.flux == other.flux
            && self.account == other.account
            && self.kube_config == other.kube_config
            && self.before == other.before
            && self.rendered.is_same(&other.rendered)
    }

    fn output(&self, artefact: &'static str) -> Output {
        let mut out = Output::default();
        out.begin(artefact);
        let (mut before, mut declared) = (self.before.clone(), None);
        for step in &self.rendered.steps(&self.server) {
            let called = label_sized(format!("{}-{}", self.server, step.suffix));
            let object = Object::new(API_VERSION, "Kustomization", called.clone())
                .namespace(self.flux.namespace.as_str())
                .label("app.kubernetes.io/managed-by", "meshwright")
                .spec(self.spec(step, if step.aside { declared.as_deref() } else { before.as_deref() }));
            // Its loss would remove what it applied.
            out.protected(Root::Flux(self.holder.clone()), Wave::ControlPlane, object);
            if step.suffix == DECLARATION {
                declared = Some(called.clone());
            }
            if !step.aside {
                before = Some(called);
            }
        }
        out
    }

    fn spec(&self, step: &Step, before: Option<&str>) -> Value {
        let flux = &self.flux;
        let mut spec = json!({
            "interval": flux.interval,
            "retryInterval": flux.retry_interval,
            "timeout": flux.timeout,
            "sourceRef": {
                "kind": flux.source.kind.as_str(),
                "name": flux.source.name,
                "namespace": flux.source.namespace,
            },
            "path": path(&flux.path, &step.directory),
            "prune": true,
            "wait": true,
            "force": false,
        });
        let optional = [
            ("dependsOn", before.map(|name| json!([{"name": name}]))),
            ("serviceAccountName", self.account.as_ref().map(|name| json!(name))),
            ("kubeConfig", self.kube_config.as_ref().map(|name| json!({"secretRef": {"name": name}}))),
            (
                "healthCheckExprs",
                Some(&step.health).filter(|checks| !checks.is_empty()).map(|checks| json!(checks)),
            ),
        ];
        if let Some(map) = spec.as_object_mut() {
            map.extend(optional.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
        }
        spec
    }
}

impl RenderedFor {
    fn new(name: &ClusterName, out: &Output) -> RenderedFor {
        let objects = out.objects();
        RenderedFor {
            crds: objects.contains_key(&Root::Crds),
            declaration: objects.contains_key(&Root::Declaration(name.clone())),
            mesh: objects.get(&Root::Mesh(name.clone())).cloned().unwrap_or_default(),
        }
    }

    fn is_same(&self, other: &RenderedFor) -> bool {
        self.crds == other.crds
            && self.declaration == other.declaration
            && self.mesh.len() == other.mesh.len()
            && self.mesh.iter().zip(&other.mesh).all(|(one, another)| one.is_same(another))
    }

    /// The directories, in the order in which they are applied.
    fn steps(&self, name: &ClusterName) -> Vec<Step> {
        let mut steps = Vec::new();
        let plain = |suffix, root: &Root| Step {
            suffix,
            directory: root.directory(),
            health: Vec::new(),
            aside: false,
        };
        if self.declaration {
            if self.crds {
                steps.push(plain("crds", &Root::Crds));
            }
            steps.push(plain(DECLARATION, &Root::Declaration(name.clone())));
        }
        let staged: Vec<(Stage, &Object)> =
            self.mesh.iter().map(|one| (Stage::of(one), &one.object)).collect();
        for stage in Stage::ALL {
            let objects = || staged.iter().filter(|(of, _)| *of == stage).map(|(_, object)| object);
            let has = |api: &str, kind: &str| {
                objects().any(|object| object.api_version() == api && object.kind() == kind)
            };
            if objects().next().is_some() {
                let directory = format!("{}/{}", Root::Mesh(name.clone()).directory(), stage.directory());
                let aside = stage == Stage::Enforcement;
                steps.push(Step { suffix: stage.directory(), directory, health: health_checks(has), aside });
            }
        }
        steps
    }
}

/// How Flux tells that a custom resource is ready where its own rule (kstatus: a condition `Ready`, and ready when there
/// are no conditions) cannot. `healthChecks` would be ignored beside `wait` (`docs/spec/v1/kustomizations.md`).
fn health_checks(present: impl Fn(&str, &str) -> bool) -> Vec<Value> {
    let mut checks = Vec::new();
    let operator = "install.istio.io/v1alpha1";
    if present(operator, "IstioOperator") {
        // istio/api@1.23: operator/v1alpha1/operator.proto, InstallStatus: no conditions, but `status.status`.
        checks.push(json!({
            "apiVersion": operator,
            "kind": "IstioOperator",
            "failed": "has(status.status) && status.status == 'ERROR'",
            "current": "has(status.status) && status.status == 'HEALTHY'",
        }));
    }
    let sail = "sailoperator.io/v1";
    for kind in ["Istio", "IstioCNI", "ZTunnel"] {
        if present(sail, kind) {
            // It has no status until the operator has seen it.
            checks.push(json!({
                "apiVersion": sail,
                "kind": kind,
                "current": "has(status.conditions) && \
                            status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')",
            }));
        }
    }
    checks
}

/// A directory of the output as a path of the source.
fn path(base: &str, directory: &str) -> String {
    format!("./{}", super::below(base, directory))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artefacts::testing_delivery::{deliver, fleet, mesh_objects, name, output, yaml};

    const FLUX: &str = "  delivery: {flux: {path: ./rendered}}\n";

    #[test]
    fn a_cluster_is_applied_step_by_step() {
        let mut out = output(&["c1", "c2"]);
        deliver(&fleet(FLUX, "", ""), &mut out);
        insta::assert_snapshot!(yaml(&out, &Root::Flux(name("c1"))), @r#"
        apiVersion: kustomize.toolkit.fluxcd.io/v1
        kind: Kustomization
        metadata:
          name: c1-crds
          namespace: flux-system
          labels:
            app.kubernetes.io/managed-by: meshwright
        spec:
          interval: 60m
          retryInterval: 2m
          timeout: 10m
          sourceRef:
            kind: GitRepository
            name: flux-system
            namespace: flux-system
          path: "./rendered/crds"
          prune: true
          wait: true
          force: false
        ---
        apiVersion: kustomize.toolkit.fluxcd.io/v1
        kind: Kustomization
        metadata:
          name: c1-declaration
          namespace: flux-system
          labels:
            app.kubernetes.io/managed-by: meshwright
        spec:
          interval: 60m
          retryInterval: 2m
          timeout: 10m
          sourceRef:
            kind: GitRepository
            name: flux-system
            namespace: flux-system
          path: "./rendered/clusters/c1/declaration"
          prune: true
          wait: true
          force: false
          dependsOn:
          - name: c1-crds
        ---
        apiVersion: kustomize.toolkit.fluxcd.io/v1
        kind: Kustomization
        metadata:
          name: c1-install
          namespace: flux-system
          labels:
            app.kubernetes.io/managed-by: meshwright
        spec:
          interval: 60m
          retryInterval: 2m
          timeout: 10m
          sourceRef:
            kind: GitRepository
            name: flux-system
            namespace: flux-system
          path: "./rendered/clusters/c1/mesh/install"
          prune: true
          wait: true
          force: false
          dependsOn:
          - name: c1-declaration
        ---
        apiVersion: kustomize.toolkit.fluxcd.io/v1
        kind: Kustomization
        metadata:
          name: c1-traffic
          namespace: flux-system
          labels:
            app.kubernetes.io/managed-by: meshwright
        spec:
          interval: 60m
          retryInterval: 2m
          timeout: 10m
          sourceRef:
            kind: GitRepository
            name: flux-system
            namespace: flux-system
          path: "./rendered/clusters/c1/mesh/traffic"
          prune: true
          wait: true
          force: false
          dependsOn:
          - name: c1-install
        "#);
        assert_eq!(yaml(&out, &Root::Argocd), "");
    }

    #[test]
    fn flux_elsewhere_reaches_the_cluster_by_its_kubeconfig() {
        let mut out = output(&["c1", "c2"]);
        let more =
            "  delivery: {flux: {kubeConfigSecret: c2-kubeconfig, serviceAccountName: mesh, path: .}}\n";
        deliver(&fleet(FLUX, "", more), &mut out);
        let text = yaml(&out, &Root::Flux(name("c2")));
        assert_eq!(text.matches("secretRef:\n      name: c2-kubeconfig\n").count(), 4, "{text}");
        assert_eq!(text.matches("serviceAccountName: mesh\n").count(), 4, "{text}");
        assert!(text.contains("path: \"./clusters/c2/mesh/install\"\n"), "{text}");
        assert!(!yaml(&out, &Root::Flux(name("c1"))).contains("kubeConfig"));
    }

    #[test]
    fn only_what_is_rendered_is_applied() {
        let mut out = Output::default();
        mesh_objects(&name("c1"), &mut out);
        deliver(&fleet(FLUX, "", "  delivery: {none: {}}\n"), &mut out);
        let names: Vec<_> =
            out.objects().get(&Root::Flux(name("c1"))).unwrap().iter().map(|one| one.object.name()).collect();
        assert_eq!(names, ["c1-install", "c1-traffic"]);
        assert!(!out.objects().contains_key(&Root::Flux(name("c2"))));
    }

    #[test]
    fn the_hosted_api_server_is_reached_from_its_host() {
        let hosted = |secret: &str| {
            format!(
                "{FLUX}  controlPlane: {{hosted: {{cluster: c1, mspider: {{globalCluster: global{secret}}}}}}}\n"
            )
        };
        let mut out = output(&["c1", "c2"]);
        mesh_objects(&name("shop-hosted"), &mut out);
        mesh_objects(&name("global"), &mut out);
        deliver(&fleet(&hosted(", hostedApiServerSecret: shop-kubeconfig"), "", ""), &mut out);
        let text = yaml(&out, &Root::Flux(name("c1")));
        insta::assert_snapshot!(text.split("---\n").last().unwrap(), @r#"
        apiVersion: kustomize.toolkit.fluxcd.io/v1
        kind: Kustomization
        metadata:
          name: shop-hosted-traffic
          namespace: flux-system
          labels:
            app.kubernetes.io/managed-by: meshwright
        spec:
          interval: 60m
          retryInterval: 2m
          timeout: 10m
          sourceRef:
            kind: GitRepository
            name: flux-system
            namespace: flux-system
          path: "./rendered/clusters/shop-hosted/mesh/traffic"
          prune: true
          wait: true
          force: false
          dependsOn:
          - name: shop-hosted-install
          kubeConfig:
            secretRef:
              name: shop-kubeconfig
        "#);
        assert!(text.contains("dependsOn:\n  - name: c1-install\n  kubeConfig:\n"), "{text}");
        assert!(yaml(&out, &Root::Flux(name("global"))).contains("name: global-install\n"));
        assert!(!out.objects().contains_key(&Root::Flux(name("shop-hosted"))));

        let mut out = output(&["c1", "c2"]);
        mesh_objects(&name("shop-hosted"), &mut out);
        deliver(&fleet(&hosted(""), "", ""), &mut out);
        assert!(!yaml(&out, &Root::Flux(name("c1"))).contains("shop-hosted"));
    }

    #[test]
    fn nothing_waits_for_the_webhook() {
        let mut out = output(&["c1"]);
        out.begin(crate::artefacts::webhook::NAME);
        let release = Object::new("helm.toolkit.fluxcd.io/v2", "HelmRelease", "meshwright-webhook");
        out.object(Root::Mesh(name("c1")), Wave::Foundation, release);
        deliver(&fleet(FLUX, "", ""), &mut out);
        let waits = |one: &Arc<Rendered>| {
            let on = one.object.as_map().get("spec").and_then(|spec| spec.pointer("/dependsOn/0/name"));
            format!("{} <- {}", on.and_then(Value::as_str).unwrap_or("-"), one.object.name())
        };
        let steps: Vec<String> = out.objects()[&Root::Flux(name("c1"))].iter().map(waits).collect();
        assert_eq!(
            steps,
            [
                "- <- c1-crds",
                "c1-crds <- c1-declaration",
                "c1-declaration <- c1-install",
                "c1-install <- c1-traffic",
                "c1-declaration <- c1-enforcement",
            ]
        );
    }

    #[test]
    fn readiness_of_operators_resources_is_spelled_out() {
        let mut out = output(&["c1", "c2"]);
        let operator = Object::new("install.istio.io/v1alpha1", "IstioOperator", "control-plane");
        out.object(Root::Mesh(name("c1")), Wave::ControlPlane, operator);
        out.object(
            Root::Mesh(name("c2")),
            Wave::ControlPlane,
            Object::new("sailoperator.io/v1", "Istio", "default"),
        );
        deliver(&fleet(FLUX, "", ""), &mut out);
        let checks = |cluster: &str| {
            let objects = out.objects().get(&Root::Flux(name(cluster))).unwrap();
            let spec = |one: &crate::artefact::Rendered| one.object.as_map().get("spec").cloned().unwrap();
            objects.iter().filter_map(|one| spec(one).get("healthCheckExprs").cloned()).collect::<Vec<_>>()
        };
        let yaml = |cluster: &str| crate::yaml::to_yaml(&json!(checks(cluster)));
        insta::assert_snapshot!(yaml("c1"), @r#"
        - - apiVersion: install.istio.io/v1alpha1
            kind: IstioOperator
            failed: "has(status.status) && status.status == 'ERROR'"
            current: "has(status.status) && status.status == 'HEALTHY'"
        "#);
        insta::assert_snapshot!(yaml("c2"), @r#"
        - - apiVersion: sailoperator.io/v1
            kind: Istio
            current: "has(status.conditions) && status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')"
        "#);
    }
}
