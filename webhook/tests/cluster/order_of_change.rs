//! A mesh changes, from the intent to the last object, while the webhook refuses what is wrong: at no moment a correct object is
//! refused, and at no moment anything but the old and the new value is accepted.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside the test functions"
)]

mod address;
mod gateway;
mod identity;
mod network;
mod pool;
mod service;

use std::collections::BTreeSet;
use std::time::Duration;

use meshwright::assemble::assemble;
use meshwright::compile::{load_text, render};
use meshwright::publish::Tree;
use meshwright_policies::claim::Claim;
use meshwright_policies::kinds::{KINDS, claims_of};
use serde_json::{Value, json};

use crate::agent::{Agent, plural};
use crate::api::ApiServer;
use crate::life::{RHYTHM, until, webhook};
use crate::support::Running;

/// What changes, and a value that nobody ever declared.
#[derive(Clone, Copy)]
struct Words {
    old: &'static str,
    new: &'static str,
    wrong: &'static str,
}

/// A document of the intent; `spec` in lines, each with its indentation.
fn document(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: meshwright.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n{spec}\n"
    )
}

/// The mesh `demo`.
fn mesh(plane: &str, install: &str, discovery: &str, delivery: &str) -> String {
    let istio = format!("  istio: {{version: \"1.26.8\", install: {install}}}\n  controlPlane: {plane}");
    document("Mesh", "demo", &format!("{istio}\n  gatewayDiscovery: {discovery}\n  delivery: {delivery}"))
}

/// A cluster of it, whose API server has the address.
fn cluster(name: &str, network: &str, server: &str, more: &str) -> String {
    let kubernetes = format!("{{version: \"1.31\", apiServer: \"https://{server}:6443\"}}");
    document("Cluster", name, &format!("  network: {network}\n  kubernetes: {kubernetes}\n{more}"))
}

/// What an intent without errors means.
fn intent(text: &str) -> Tree {
    let loaded = load_text(text);
    let errors: Vec<String> = loaded
        .findings
        .iter()
        .filter(|finding| finding.severity == meshwright_policies::finding::Severity::Error)
        .map(|finding| format!("{}: {}", finding.rule.code, finding.message))
        .collect();
    assert_eq!(errors, Vec::<String>::new());
    assemble(&loaded.fleet, render(&loaded.fleet)).unwrap_or_else(|errors| panic!("{errors:?}"))
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
    words: Words,
}

impl Place {
    async fn new(cluster: &'static str, words: Words, trees: &[&Tree]) -> Place {
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
        for name in ["flux-system", "argocd", "sail-operator", "metallb-system"] {
            server.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
        }
        let running = webhook(&server, RHYTHM).await;
        server.put(asking(&running));
        let agent = Agent::new(server.client(), "agent");
        Place { cluster, server, agent, running, words }
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
                // The same with a value that nobody declared, wherever it says that value.
                let Some(wrong) = self.contradicting(&object) else { continue };
                let applied = self.agent.apply(&wrong, true).await;
                let (code, message) =
                    applied.err().unwrap_or_else(|| panic!("{step}: accepted: {}", name(&wrong)));
                assert!(code == 403 && message.contains(self.words.wrong), "{step}: {code} {message}");
                denied += 1;
            }
        }
        for tree in refused {
            for object in below(tree, &format!("clusters/{}/mesh", self.cluster)) {
                if self.contradicting(&object).is_none() || !self.has_namespace(&object) {
                    continue;
                }
                let code = self.agent.apply(&object, true).await.err().map(|(code, _)| code);
                assert_eq!(code, Some(403), "{step}: accepted: {}", name(&object));
                denied += 1;
            }
        }
        (accepted, denied)
    }

    /// What is there as it was before may stay: agents apply it again and again, until its turn comes.
    async fn unturned(&self, step: &str, before: Option<&&Tree>, turned: &BTreeSet<String>) {
        let directory = format!("clusters/{}/mesh", self.cluster);
        for object in before.into_iter().flat_map(|tree| below(tree, &directory)) {
            if !turned.contains(&name(&object)) {
                let applied = self.agent.apply(&object, true).await;
                assert!(applied.is_ok(), "{step}: {} may not stay: {:?}", name(&object), applied.err());
            }
        }
    }

    /// The object with the wrong value, where admission reads the one that changes.
    fn contradicting(&self, object: &Value) -> Option<Value> {
        let Value::Object(map) = object else { return None };
        let Words { old, new, wrong } = self.words;
        let changes = |claim: &Claim| claim.value.contains(old) || claim.value.contains(new);
        let claimed = claims_of(map).list.iter().any(changes);
        let text = object.to_string().replace(old, wrong).replace(new, wrong);
        claimed.then(|| serde_json::from_str(&text).unwrap())
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
        let (mut declared, mut turned) = (false, BTreeSet::new());
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
                turned.insert(name(object));
                if declared {
                    self.check(step, after, gone).await;
                    self.unturned(step, before.first(), &turned).await;
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

fn asking(running: &Running) -> Value {
    let mut configuration = crate::api_server::asking(running, "Fail");
    let rule = |group: &str, plural: &str| json!({"apiGroups": [group], "apiVersions": ["*"], "resources": [plural], "operations": ["CREATE", "UPDATE", "DELETE"]});
    let rules: Vec<Value> = KINDS.iter().map(|kind| rule(kind.group(), kind.plural())).collect();
    configuration["webhooks"][0]["rules"] = rules.into();
    // These tests are about answers, not about how long a busy machine takes for one.
    configuration["webhooks"][0]["timeoutSeconds"] = 30.into();
    configuration
}

/// A change with a transition: the old value, then both, then the new one. `here` are clusters whose objects say the value, with
/// the least number of objects that do.
struct Change {
    words: Words,
    old: Tree,
    both: Tree,
    new: Tree,
    here: &'static [(&'static str, usize)],
    argo: bool,
}

impl Change {
    async fn happens(&self) {
        let Change { words, old, both, new, here, argo } = self;
        for cluster in ["east", "west"] {
            let least = here.iter().find(|(name, _)| *name == cluster).map_or(0, |(_, least)| *least);
            let place = Place::new(cluster, *words, &[old, both, new]).await;
            place.roll_out("the mesh is installed", old, *argo, &[], &[old], &[]).await;
            place.roll_out("the value changes", both, *argo, &[old], &[old, both], &[]).await;
            let (accepted, denied) = place.check("both are accepted", &[both, old], &[]).await;
            assert!(accepted >= 6, "{accepted} objects");
            assert!(denied >= 2 * least, "{denied} wrong objects in {cluster}");
            place.roll_out("the old value is dropped", new, *argo, &[both, old], &[new, both], &[]).await;
            let gone: &[&Tree] = if least > 0 { &[old] } else { &[] };
            let (_, denied) = place.check("the old one is gone", &[new], gone).await;
            assert!(denied >= 2 * least, "{denied} wrong objects in {cluster}");
            // An agent that applies a wrong object is refused like anybody.
            let objects = below(new, &format!("clusters/{cluster}/mesh"));
            if let Some(wrong) = objects.iter().find_map(|object| place.contradicting(object)) {
                assert_eq!(place.agent.apply(&wrong, false).await.unwrap_err().0, 403);
            }
            drop(place.running);
        }
    }
}

const FLUX: &str = "{flux: {source: {name: mesh}}}";
const ARGO: &str = "{argocd: {repoURL: \"https://git.example.com/mesh.git\"}}";
