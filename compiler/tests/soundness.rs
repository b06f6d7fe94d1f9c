//! What is rendered is admitted; what contradicts it is refused.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside the test functions"
)]

use std::collections::{BTreeMap, BTreeSet};

use meshwright::artefact::Output;
use meshwright::compile::{load_text, render};
use meshwright::soundness::{Declarations, check};
use meshwright_policies::claim::{Claim, Fact, Subject};
use meshwright_policies::finding::Severity;
use meshwright_policies::judge::judge_object;
use meshwright_policies::kinds::claims_of;
use meshwright_policies::mesh::Fleet;
use meshwright_policies::node::{FieldPath, Step};
use serde_json::{Map, Value};

/// The mesh document's spec and what more each cluster has.
struct Shape {
    name: &'static str,
    mesh: String,
    east: &'static str,
    west: &'static str,
    one_network: bool,
}

fn shapes() -> Vec<Shape> {
    let mut shapes = Vec::new();
    let methods = [
        ("Helm", "flux: {}", "1.30.1"),
        ("Helm", "argocd: {repoURL: \"https://git.example.com/mesh.git\"}", "1.23.6"),
        ("Helm", "flux: {kubeConfigSecret: kubeconfig}", "1.26.8"),
        ("IstioOperator", "flux: {}", "1.22.8"),
        ("IstioOperator, appliedBy: istioctl", "none: {}", "1.30.1"),
        ("Sail", "flux: {}", "1.28.4"),
    ];
    let planes =
        [("multi-primary", "multiPrimary: {}"), ("primary-remote", "primaryRemote: {primaries: [east]}")];
    for (install, delivery, version) in methods {
        for (plane_name, plane) in planes {
            for discovery in ["labels", "meshNetworks"] {
                let mesh = format!(
                    "  istio: {{version: \"{version}\", install: {install}}}\n  controlPlane: {{{plane}}}\n  \
                     delivery: {{{delivery}}}\n  gatewayDiscovery: {discovery}\n"
                );
                let shape = |name, mesh: &str| Shape {
                    name,
                    mesh: mesh.to_owned(),
                    east: "",
                    west: "",
                    one_network: false,
                };
                shapes.push(shape(plane_name, &mesh));
                shapes.push(Shape { one_network: true, ..shape("one network", &mesh) });
                shapes.push(Shape {
                    east: "  clusterID: Kubernetes\n  eastWestGateways: [{layout: shared, networkView: all, port: 15444}]\n",
                    west: "  eastWestGateways: [{address: 10.2.0.22, service: {type: NodePort, externalTrafficPolicy: Cluster, \
                           nodePorts: {tls: 30443}}, publicAddress: 198.51.100.7}]\n",
                    ..shape("shared and NodePort gateways", &mesh)
                });
                let more = format!(
                    "{mesh}  trustDomain: demo.example\n  trustDomainAliases: [old.example]\n  meshID: m1\n  \
                     failover: [{{host: web.shop, regions: [{{from: a, to: b}}]}}]\n"
                );
                shapes.push(Shape {
                    east: "  namespaces: [{name: shop, injection: enabled}]\n  locality: a/a-1\n",
                    west: "  locality: b/b-1\n",
                    ..shape("another trust domain", &more)
                });
            }
        }
    }
    for parameters in ["flat", "struct"] {
        shapes.push(Shape {
            name: "hosted",
            mesh: format!(
                "  istio: {{version: 1.15.3-mspider, install: IstioOperator}}\n  gatewayDiscovery: meshNetworks\n  \
                 delivery: {{flux: {{}}}}\n  controlPlane: {{hosted: {{cluster: east, mspider: {{globalCluster: global, \
                 parameters: {parameters}}}}}}}\n"
            ),
            east: "",
            west: "",
            one_network: false,
        });
    }
    shapes
}

fn intent(shape: &Shape) -> String {
    let networks = if shape.one_network { ["network-east"; 2] } else { ["network-east", "network-west"] };
    let mut text = format!(
        "apiVersion: meshwright.dev/v1alpha1\nkind: Mesh\nmetadata: {{name: demo}}\nspec:\n{}",
        shape.mesh
    );
    let distinct: BTreeSet<&str> = networks.into_iter().collect();
    for network in distinct {
        let spec = if shape.one_network { "{podConnectivity: routed}" } else { "{}" };
        text.push_str(&format!(
            "---\napiVersion: meshwright.dev/v1alpha1\nkind: Network\nmetadata: {{name: {network}}}\nspec: {spec}\n"
        ));
    }
    for (number, (name, more)) in [("east", shape.east), ("west", shape.west)].into_iter().enumerate() {
        let (number, network) = (number + 1, networks[number]);
        text.push_str(&format!(
            "---\napiVersion: meshwright.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: {name}}}\nspec:\n  \
             network: {network}\n  podCIDRs: [10.10{number}.0.0/16]\n  serviceCIDRs: [10.11{number}.0.0/16]\n  \
             kubernetes: {{version: \"1.33\", apiServer: \"https://10.{number}.0.10:6443\"}}\n  loadBalancer:\n    \
             metallb: {{pools: [{{name: mesh, addresses: [10.{number}.0.20-10.{number}.0.29], interfaces: [eth0]}}]}}\n    \
             addresses: {{controlPlane: 10.{number}.0.20, eastWest: 10.{number}.0.21}}\n{more}"
        ));
    }
    text
}

fn rendered(shape: &Shape) -> (Fleet, Output) {
    let loaded = load_text(&intent(shape));
    let messages: Vec<_> = loaded.findings.iter().map(|f| format!("{} {}", f.rule.code, f.message)).collect();
    assert_eq!(loaded.fleet.clusters().count(), 2, "{}: {messages:?}", shape.name);
    let out = render(&loaded.fleet);
    (loaded.fleet, out)
}

#[test]
fn what_is_rendered_is_admitted() {
    for shape in shapes() {
        let (fleet, out) = rendered(&shape);
        let findings: Vec<_> = check(&fleet, &out).iter().map(|finding| finding.message.clone()).collect();
        assert!(findings.is_empty(), "{} {}\n{findings:#?}", shape.name, shape.mesh);
    }
}

/// A gateway whose free annotations ask for another address than its own.
fn contradictory(more: &str) -> (Fleet, Output) {
    let text = intent(&Shape {
        name: "contradictory",
        mesh: "  istio: {version: \"1.30.1\"}\n  delivery: {flux: {}}\n".to_owned(),
        east: "  eastWestGateways: [{service: {annotations: {metallb.universe.tf/loadBalancerIPs: 10.1.0.29}}}]\n",
        west: "",
        one_network: false,
    });
    let fleet = load_text(&format!("{text}{more}")).fleet;
    let out = render(&fleet);
    (fleet, out)
}

#[test]
fn an_output_that_its_declaration_refuses_is_an_error() {
    let (fleet, out) = contradictory("");
    let said: Vec<_> = check(&fleet, &out).iter().map(|f| format!("{} {}", f.rule.code, f.message)).collect();
    insta::assert_snapshot!(said.join("\n"), @"MW8010 `HelmRelease/flux-system/istio-eastwestgateway` in `clusters/east/mesh/` would be refused by its own declaration: gateway `istio-eastwestgateway` asks for `10.1.0.29`, but is declared at `10.1.0.21` (MW3101)");
    assert!(meshwright::build::build(&fleet).is_err());
}

/// What a person added freely is where the finding points.
#[test]
fn a_free_value_that_contradicts_is_pointed_at() {
    let text = intent(&Shape {
        name: "contradictory",
        mesh: "  istio: {version: \"1.30.1\"}\n  delivery: {flux: {}}\n".to_owned(),
        east: "  eastWestGateways: [{service: {annotations: {metallb.universe.tf/loadBalancerIPs: 10.1.0.29}}}]\n",
        west: "",
        one_network: false,
    });
    let fleet = load_text(&text).fleet;
    let findings = check(&fleet, &render(&fleet));
    let finding = findings.iter().next().unwrap();
    let at = finding.place.span.start as usize..finding.place.span.end as usize;
    assert_eq!(text.get(at), Some("10.1.0.29"));
    assert_eq!(
        finding.help.as_deref(),
        Some(
            "take `10.1.0.29` out of `spec.eastWestGateways[0].service.annotations[\"metallb.universe.tf/loadBalancerIPs\"]`: \
             what is declared is rendered without it"
        )
    );
}

/// Warnings of admission are said of what the intent adds freely, once, where it is written.
#[test]
fn a_doubtful_free_value_is_said_where_it_is_written() {
    let cases = [
        (
            "MW9153",
            "meshConfig: {discoverySelectors: [{matchLabels: {kubernetes.io/metadata.name: shop}}]}",
            "shop",
        ),
        ("MW9154", "meshConfig: {serviceSettings: [{settings: {clusterLocal: true}, hosts: ['*']}]}", "'*'"),
        (
            "MW8150",
            "values: {sidecarInjectorWebhook: {templates: {own: 'metadata: {labels: {topology.istio.io/network: x}}'}}}",
            "topology.istio.io/network",
        ),
    ];
    let plain = intent(&Shape {
        name: "doubtful",
        mesh: "  istio: {version: \"1.30.1\"}\n  delivery: {flux: {}}\n".to_owned(),
        east: "",
        west: "",
        one_network: false,
    });
    for (code, free, written) in cases {
        let of_all = plain.replacen("\"1.30.1\"}", &format!("\"1.30.1\", {free}}}"), 1);
        let of_east =
            plain.replacen("spec:\n  network", &format!("spec:\n  istio: {{{free}}}\n  network"), 1);
        for text in [of_all, of_east] {
            let fleet = load_text(&text).fleet;
            let findings = check(&fleet, &render(&fleet));
            let said = findings.iter().map(|finding| {
                let at = finding.place.span.start as usize..finding.place.span.end as usize;
                (finding.rule.code, finding.severity, text.get(at).is_some_and(|at| at.contains(written)))
            });
            assert_eq!(said.collect::<Vec<_>>(), [(code, Severity::Warning, true)], "{text}");
        }
    }
}

#[test]
fn an_exception_of_the_intent_holds_here_too() {
    let (fleet, out) = contradictory(
        "---\napiVersion: meshwright.dev/v1alpha1\nkind: PolicyConfig\nmetadata: {name: policies}\nspec:\n  policies: \
         [{code: MW3101, severity: warning, clusters: [east], reason: moving, expires: \"2027-01-31\"}]\n",
    );
    assert!(check(&fleet, &out).is_empty());
}

/// The place of a step path in a document.
fn at<'a>(document: &'a mut Value, steps: &[Step]) -> Option<&'a mut Value> {
    steps.iter().try_fold(document, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Index(index) => value.get_mut(*index),
    })
}

/// Another text than `old`, of the same kind, that nothing declares.
fn another(old: &str) -> String {
    if let Ok(number) = old.parse::<u32>() {
        (number + 1000).to_string()
    } else if old.parse::<std::net::IpAddr>().is_ok() {
        "203.0.113.250".to_owned()
    } else if old.contains('-') && old.contains('.') && old.starts_with("10.") {
        "203.0.113.0/28".to_owned()
    } else {
        format!("{old}x")
    }
}

/// The object with one claim changed.
fn edited(object: &Map<String, Value>, claim: &Claim) -> Value {
    let mut document = Value::Object(object.clone());
    let (last, parents) = claim.path.0.split_last().unwrap();
    match (&claim.fact, at(&mut document, &claim.path.0).unwrap()) {
        // A network of the map gets another name.
        (Fact::NamedNetwork, _) => {
            let parent = at(&mut document, parents).unwrap().as_object_mut().unwrap();
            let Step::Key(key) = last else { panic!("{last:?}") };
            let value = parent.remove(key).unwrap();
            parent.insert(key.replace(&claim.value, &another(&claim.value)), value);
        }
        (Fact::Entries { .. }, Value::String(_)) => {
            let Step::Key(key) = last else { panic!("{last:?}") };
            at(&mut document, parents).unwrap().as_object_mut().unwrap().remove(key);
        }
        // An advertisement without pools or interfaces is one of all of them.
        (Fact::AdvertisedPools { .. } | Fact::AdvertisedInterfaces { .. }, Value::Array(items)) => {
            items.iter_mut().for_each(|item| *item = another(item.as_str().unwrap()).into());
        }
        // The setting stays, and what makes it work goes.
        (Fact::Failover { .. }, _) => {
            let policy = at(&mut document, &parents[..parents.len() - 1]).unwrap();
            policy.as_object_mut().unwrap().remove("outlierDetection").unwrap();
        }
        (Fact::DeliveredDirectory, Value::String(text)) => {
            let other = if claim.value == "east" { "west" } else { "east" };
            *text = text.replace(&format!("/{}/", claim.value), &format!("/{other}/"));
        }
        (_, Value::Bool(value)) => *value = !*value,
        (_, Value::Array(items)) => drop(items.remove(items.len() - 1)),
        // All keys of one network: of the map itself, or of flat parameters.
        (_, Value::Object(map)) => {
            let id = claim.value.split(',').next().unwrap().to_owned();
            map.retain(|key, _| key != &id && !key.contains(&format!("meshNetworks.{id}.")));
        }
        (Fact::MeshEntries, text) => *text = another(text.as_str().unwrap()).into(),
        (_, Value::Number(number)) => *number = (number.as_u64().unwrap() + 1000).into(),
        (_, Value::String(text)) => *text = text.replace(&claim.value, &another(&claim.value)),
        (_, other) => panic!("{other:?}"),
    }
    document
}

/// Whether a finding points at the edited field, at what holds it, or at its neighbour under another name.
fn is_near(found: &FieldPath, edited: &FieldPath) -> bool {
    let parents = &edited.0[..edited.0.len() - 1];
    found.0.starts_with(parents) || edited.0.starts_with(&found.0)
}

/// A path without the places in lists: the same field of every item.
fn generic(path: &FieldPath) -> String {
    let steps = path.0.iter().map(|step| match step {
        Step::Key(key) => key.clone(),
        Step::Index(_) => "[]".to_owned(),
    });
    steps.collect::<Vec<_>>().join(".")
}

#[test]
fn any_single_contradicting_edit_is_refused() {
    let (mut total, mut admitted) = (0, BTreeMap::new());
    let (mut facts, mut paths) = (BTreeSet::new(), BTreeSet::new());
    for shape in shapes() {
        let (fleet, out) = rendered(&shape);
        let declarations = Declarations::new(&fleet);
        for (root, objects) in out.objects() {
            for object in objects.iter().map(|rendered| &rendered.object) {
                let claims = claims_of(object.as_map());
                if claims.list.is_empty() {
                    continue;
                }
                let of_directories = claims.list.iter().all(|claim| claim.fact == Fact::DeliveredDirectory);
                let declaration = match declarations.of(root, object) {
                    Some(declaration) => declaration,
                    // A management cluster has none, and applies its own directory.
                    None if of_directories => continue,
                    None => panic!("{root:?} {claims:?}"),
                };
                // A kubeconfig says where another directory goes; what it holds is in no object.
                let elsewhere =
                    |claim: &Claim| claim.fact == Fact::DeliveredDirectory && claims.subject != Subject::Here;
                for claim in claims.list.iter().filter(|claim| !elsewhere(claim)) {
                    let edited = edited(object.as_map(), claim);
                    assert_ne!(&edited, &Value::Object(object.as_map().clone()), "{claim:?}");
                    total += 1;
                    paths.insert(format!("{} {}", object.kind(), generic(&claim.path)));
                    facts.insert(format!("{:?}", claim.fact).split([' ', '(']).next().unwrap().to_owned());
                    let findings = judge_object(declaration, edited.as_object().unwrap());
                    if !findings.iter().any(|finding| is_near(&finding.place.path, &claim.path)) {
                        let key =
                            format!("{} {:?} {} = {}", object.kind(), claim.fact, claim.path, claim.value);
                        admitted.entry(key).or_insert_with(|| format!("{} {}", shape.name, shape.mesh));
                    }
                }
            }
        }
    }
    let uncovered: BTreeSet<&str> =
        admitted.keys().map(|key: &String| key.split(" = ").next().unwrap_or_default()).collect();
    println!(
        "{} of {} kinds of claim paths of rendered objects are covered, by {total} edits of {} facts",
        paths.len() - uncovered.len(),
        paths.len(),
        facts.len()
    );
    // The share that must be covered is all; that the walk saw every kind of claim keeps it honest. Members are
    // announced by no rendered object.
    assert!(total > 1000 && facts.len() >= 31, "{total} {facts:?}");
    assert!(admitted.is_empty(), "{} kinds of edits admitted: {admitted:#?}", admitted.len());
}
