//! A network ID changes, from the intent to the last object, while the webhook refuses what is wrong: at no moment a correct
//! object is refused, and at no moment anything but the old and the new value is accepted.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside the test functions"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use meshwright::assemble::assemble;
use meshwright::compile::{load_text, render};
use meshwright::publish::Tree;
use meshwright_policies::kinds::{KINDS, claims_of};
use serde_json::{Value, json};

use crate::agent::{Agent, plural};
use crate::api::ApiServer;
use crate::life::{RHYTHM, until, webhook};
use crate::support::Running;

const OLD: &str = "net-old";
const NEW: &str = "net-new";
const WRONG: &str = "net-wrong";

/// Two clusters on a network each; `east` changes its network's ID.
fn intent(template: &str, network: &str, previous: &str) -> Tree {
    let text = template.replace("NETWORK", network).replace("PREVIOUS", previous);
    let loaded = load_text(&text);
    let errors: Vec<String> = loaded
        .findings
        .iter()
        .filter(|finding| finding.severity == meshwright_policies::finding::Severity::Error)
        .map(|finding| format!("{}: {}", finding.rule.code, finding.message))
        .collect();
    assert_eq!(errors, Vec::<String>::new());
    assemble(&loaded.fleet, render(&loaded.fleet)).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn template(install: &str, discovery: &str, delivery: &str) -> String {
    format!(
        r#"
apiVersion: meshwright.dev/v1alpha1
kind: Mesh
metadata: {{name: demo}}
spec:
  istio: {{version: "1.26.8", install: {install}}}
  controlPlane: {{multiPrimary: {{}}}}
  gatewayDiscovery: {discovery}
  delivery: {delivery}
---
apiVersion: meshwright.dev/v1alpha1
kind: Network
metadata: {{name: NETWORK}}
spec: {{gateways: [{{cluster: east, address: 10.1.0.10}}]}}
---
apiVersion: meshwright.dev/v1alpha1
kind: Network
metadata: {{name: net-west}}
spec: {{gateways: [{{cluster: west, address: 10.2.0.10}}]}}
---
apiVersion: meshwright.dev/v1alpha1
kind: Cluster
metadata: {{name: east}}
spec: {{mesh: demo, network: NETWORK, PREVIOUS kubernetes: {{version: "1.31", apiServer: "https://10.1.0.1:6443"}}}}
---
apiVersion: meshwright.dev/v1alpha1
kind: Cluster
metadata: {{name: west}}
spec: {{mesh: demo, network: net-west, kubernetes: {{version: "1.31", apiServer: "https://10.2.0.1:6443"}}}}
"#
    )
}

/// The objects of a directory and those below it.
fn below(tree: &Tree, directory: &str) -> Vec<Value> {
    let mut found = Vec::new();
    for (path, bytes) in tree.iter() {
        let inside = path.as_str().strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
        if inside && path.as_str().ends_with(".yaml") && !path.as_str().ends_with("kustomization.yaml") {
            let object: Value = serde_yaml::from_slice(bytes).unwrap();
            if object["kind"].is_string() {
                found.push(object);
            }
        }
    }
    found
}

/// What an agent applies at a cluster, part by part.
fn parts(tree: &Tree, cluster: &str, argo: bool) -> Vec<Vec<Value>> {
    if argo {
        // Argo CD: by wave, then namespaces first (gitops-engine: `pkg/sync/sync_tasks.go`).
        let wave = |object: &Value| -> i64 {
            let wave = &object["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"];
            wave.as_str().map_or(0, |wave| wave.parse().unwrap())
        };
        let mut all = below(tree, "crds");
        all.extend(below(tree, &format!("clusters/{cluster}")));
        let waves: BTreeSet<i64> = all.iter().map(wave).collect();
        return waves
            .into_iter()
            .map(|number| {
                let mut part: Vec<Value> =
                    all.iter().filter(|object| wave(object) == number).cloned().collect();
                part.sort_by_key(|object| object["kind"] != "Namespace");
                part
            })
            .collect();
    }
    // Flux: by dependency, then namespaces first (fluxcd/pkg: `ssa/manager_apply.go`, `ApplyAllStaged`).
    let mut parts = vec![below(tree, "crds"), below(tree, &format!("clusters/{cluster}/declaration"))];
    for stage in meshwright::stage::Stage::ALL {
        let mut part = below(tree, &format!("clusters/{cluster}/mesh/{}", stage.directory()));
        part.sort_by_key(|object| object["kind"] != "Namespace");
        parts.push(part);
    }
    parts
}

/// A cluster with its webhook, which asks about everything that it judges.
struct Place {
    cluster: &'static str,
    server: ApiServer,
    agent: Agent,
    running: Running,
}

impl Place {
    async fn new(cluster: &'static str, trees: &[&Tree]) -> Place {
        let server = ApiServer::start().await;
        for tree in trees {
            for object in below(tree, &format!("clusters/{cluster}")) {
                let (api_version, kind) =
                    (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
                let Some((group, version)) = api_version.split_once('/') else { continue };
                let scope =
                    if object["metadata"]["namespace"].is_string() { "Namespaced" } else { "Cluster" };
                if kind != "MeshDeclaration" && !server.knows(group, kind) {
                    server.put(crate::api_server::definition(group, kind, &plural(kind), scope, &[version]));
                }
            }
        }
        for name in ["flux-system", "argocd", "sail-operator"] {
            server.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
        }
        let running = webhook(&server, RHYTHM).await;
        server.put(asking(&running));
        let agent = Agent::new(server.client(), "agent");
        Place { cluster, server, agent, running }
    }

    /// What is there is what an agent left; `now` and `before` may be applied, and nothing else.
    async fn check(&self, step: &str, allowed: &[&Tree], refused: &[&Tree]) -> (usize, usize) {
        let (mut accepted, mut denied) = (0, 0);
        for tree in allowed {
            for object in below(tree, &format!("clusters/{}/mesh", self.cluster)) {
                if !self.has_namespace(&object) {
                    continue;
                }
                let applied = self.agent.apply(&object, true).await;
                assert!(
                    applied.is_ok(),
                    "{step}: a correct object is refused: {}\n{:?}",
                    name(&object),
                    applied.err()
                );
                accepted += 1;
                // The same with a network that nobody declared, wherever it says which network this is.
                let Some(wrong) = contradicting(&object) else { continue };
                let applied = self.agent.apply(&wrong, true).await;
                let (code, message) =
                    applied.err().unwrap_or_else(|| panic!("{step}: accepted: {}", name(&wrong)));
                assert!(code == 403 && message.contains(WRONG), "{step}: {code} {message}");
                denied += 1;
            }
        }
        for tree in refused {
            for object in below(tree, &format!("clusters/{}/mesh", self.cluster)) {
                if contradicting(&object).is_none() || !self.has_namespace(&object) {
                    continue;
                }
                let code = self.agent.apply(&object, true).await.err().map(|(code, _)| code);
                assert_eq!(code, Some(403), "{step}: accepted: {}", name(&object));
                denied += 1;
            }
        }
        (accepted, denied)
    }

    fn has_namespace(&self, object: &Value) -> bool {
        let namespace = object["metadata"]["namespace"].as_str();
        namespace.is_none_or(|namespace| self.server.object("", "namespaces", "", namespace).is_some())
    }

    /// Applies a tree in the agent's order, and looks at every state on the way.
    async fn roll_out(
        &self,
        step: &str,
        tree: &Tree,
        argo: bool,
        before: &[&Tree],
        after: &[&Tree],
        gone: &[&Tree],
    ) {
        let mut declared = false;
        for part in parts(tree, self.cluster, argo) {
            for object in &part {
                let applied = self.agent.apply(object, false).await;
                assert!(applied.is_ok(), "{step}: {} is refused: {:?}", name(object), applied.err());
                if object["kind"] == "CustomResourceDefinition" {
                    // Every agent waits until a definition is established.
                    let text = |at: &Value| at.as_str().unwrap().to_owned();
                    let spec = &object["spec"];
                    let (group, kind) = (text(&spec["group"]), text(&spec["names"]["kind"]));
                    until("the definition is served", || self.server.knows(&group, &kind)).await;
                }
                if object["kind"] == "MeshDeclaration" {
                    let generation = applied.unwrap()["metadata"]["generation"].clone();
                    // Flux waits for the status (kstatus), Argo CD for the next wave.
                    let wait = async {
                        until("the declaration is in force", || {
                            let seen =
                                self.server.object("meshwright.dev", "meshdeclarations", "", "demo").unwrap();
                            seen["status"]["observedGeneration"] == generation
                        })
                        .await;
                    };
                    match argo {
                        true => tokio::time::sleep(Duration::from_secs(2)).await,
                        false => wait.await,
                    }
                    declared = true;
                }
                if declared {
                    self.check(step, after, gone).await;
                } else {
                    self.check(step, before, &[]).await;
                }
            }
        }
        assert!(declared, "there was a declaration");
    }
}

fn name(object: &Value) -> String {
    format!(
        "{} {}",
        object["kind"].as_str().unwrap_or_default(),
        object["metadata"]["name"].as_str().unwrap_or_default()
    )
}

/// The object with another network, where admission reads one of it.
fn contradicting(object: &Value) -> Option<Value> {
    let Value::Object(map) = object else { return None };
    let claimed = claims_of(map).list.iter().any(|claim| claim.value == OLD || claim.value == NEW);
    let text = object.to_string().replace(OLD, WRONG).replace(NEW, WRONG);
    claimed.then(|| serde_json::from_str(&text).unwrap())
}

fn asking(running: &Running) -> Value {
    let mut configuration = crate::api_server::asking(running, "Fail");
    let rule = |group: &str, plural: &str| json!({"apiGroups": [group], "apiVersions": ["*"], "resources": [plural], "operations": ["CREATE", "UPDATE", "DELETE"]});
    let rules: Vec<Value> = KINDS.iter().map(|kind| rule(kind.group(), kind.plural())).collect();
    configuration["webhooks"][0]["rules"] = rules.into();
    configuration
}

async fn change(install: &str, discovery: &str, delivery: &str, argo: bool) {
    let template = template(install, discovery, delivery);
    let old = intent(&template, OLD, "");
    let both = intent(&template, NEW, &format!("previous: {{network: {OLD}}},"));
    let new = intent(&template, NEW, "");
    for cluster in ["east", "west"] {
        // Every istiod is told of the changed network by `meshNetworks`, and none by labels.
        let concerned = cluster == "east" || discovery == "meshNetworks";
        let place = Place::new(cluster, &[&old, &both, &new]).await;
        place.roll_out("the mesh is installed", &old, argo, &[], &[&old], &[]).await;
        place.roll_out("the network changes", &both, argo, &[&old], &[&old, &both], &[]).await;
        let (accepted, denied) = place.check("both are accepted", &[&both, &old], &[]).await;
        assert!(accepted >= 6, "{accepted} objects");
        assert!(
            denied >= if cluster == "east" { 2 } else { usize::from(concerned) },
            "{denied} wrong objects"
        );
        place.roll_out("the old network is dropped", &new, argo, &[&both, &old], &[&new, &both], &[]).await;
        let gone: &[&Tree] = if concerned { &[&old] } else { &[] };
        let (_, denied) = place.check("the old one is gone", &[&new], gone).await;
        assert!(
            denied >= if cluster == "east" { 4 } else { 2 * usize::from(concerned) },
            "{denied} wrong objects"
        );
        // An agent that applies a wrong object is refused like anybody.
        let mut wrong =
            below(&new, &format!("clusters/{cluster}/mesh")).into_iter().filter_map(|o| contradicting(&o));
        if let Some(wrong) = wrong.next() {
            assert_eq!(place.agent.apply(&wrong, false).await.unwrap_err().0, 403);
        }
        drop(place.running);
    }
}

const FLUX: &str = "{flux: {source: {name: mesh}}}";
const ARGO: &str = "{argocd: {repoURL: \"https://git.example.com/mesh.git\"}}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flux_with_helm_and_labels() {
    change("Helm", "labels", FLUX, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flux_with_helm_and_mesh_networks() {
    change("Helm", "meshNetworks", FLUX, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn argo_with_sail_and_labels() {
    change("Sail", "labels", ARGO, true).await;
}
