//! The law of lint: what is rendered is clean; and how many of the edits of its claims are found.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use meshwright::lint::{Linted, lint_sources};
use meshwright::source::Sources;
use meshwright_policies::address::Address;
use meshwright_policies::claim::{Claim, Fact, Subject};
use meshwright_policies::finding::{Finding, Place};
use meshwright_policies::node::{FieldPath, Node, Span, Step};
use meshwright_policies::repository::{Cluster, Manifest, Repository};
use meshwright_tests::intent::{Intent, files};
use meshwright_tests::repository;
use proptest::prelude::*;

use crate::meshes::any_mesh;

type Files = BTreeMap<String, Vec<u8>>;

fn lint(files: &Files) -> Linted {
    let mut sources = Sources::new();
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".yaml")) {
        sources.add(path.clone(), text.as_slice().into());
    }
    lint_sources(sources, &[])
}

proptest! {
    #![proptest_config(crate::cases(32))]

    #[test]
    fn every_valid_mesh_lints_clean(mesh in any_mesh()) {
        let tree = Intent::text(mesh.intent()).build();
        let linted = lint(&files(&tree));
        prop_assert!(linted.findings.is_empty(), "{:#?}\n{}", linted.findings, mesh.intent());
    }
}

/// One place of a file that asserts something, and a text that contradicts it.
struct Edit {
    /// The fact, without its particulars.
    fact: String,
    /// Kind and field, without the places in lists.
    kind: String,
    claim: Claim,
    path: String,
    span: Span,
    start: usize,
    end: usize,
    /// Nothing where no text contradicts it: a cluster that is alone cannot apply the directory of another.
    text: Option<String>,
}

/// Another value of the same kind, that nothing declares.
fn another(value: &str) -> String {
    let is_range = || value.split(['-', '/']).next().is_some_and(|first| first.parse::<IpAddr>().is_ok());
    if let Ok(ip) = value.parse::<IpAddr>() {
        // Private and public addresses may be two names of one thing.
        let is_private = Address::Ip(ip).is_private();
        if is_private { "10.255.255.250" } else { "203.0.113.250" }.to_owned()
    } else if let Ok(number) = value.parse::<u32>() {
        (number + 1000).to_string()
    } else if is_range() {
        "203.0.113.80-203.0.113.90".to_owned()
    } else {
        format!("{value}x")
    }
}

/// What would be written in the place of a claim's field, as JSON, which is YAML too.
fn contradicting(claim: &Claim, node: &Node, others: &BTreeSet<&str>) -> Option<serde_json::Value> {
    use serde_json::Value as Json;
    let new = match (&claim.fact, node.to_json()) {
        (Fact::DeliveredDirectory, Json::String(text)) => {
            let other = others.iter().find(|other| **other != claim.value)?;
            text.replace(&format!("/{}/", claim.value), &format!("/{other}/")).into()
        }
        // The keys that are read: without one of them, the rest asserts something else.
        (Fact::AdvertisedPools { .. } | Fact::AdvertisedInterfaces { .. }, Json::Array(items)) => {
            items.iter().map(|item| another(item.as_str().unwrap())).collect()
        }
        (_, Json::Array(mut items)) => {
            items.pop()?;
            items.into()
        }
        (_, Json::Object(mut map)) => {
            let id = claim.value.split(',').next()?.to_owned();
            let before = map.len();
            map.retain(|key, _| *key != id && !key.contains(&format!("meshNetworks.{id}.")));
            (map.len() < before).then(|| map.into())?
        }
        (_, Json::Bool(value)) => (!value).into(),
        (_, Json::Number(number)) => (number.as_u64()? + 1000).into(),
        (_, Json::String(text)) if matches!(text.as_str(), "true" | "false") => {
            if text == "true" { "false" } else { "true" }.into()
        }
        // A step of a path: in `/inject/cluster/<ID>/net/<ID>`, the one that has the fact's name before it.
        (fact, Json::String(text)) if claim.part && text.contains('/') => {
            let steps: Vec<&str> = text.split('/').collect();
            let name = if *fact == Fact::ClusterId { "cluster" } else { "net" };
            let is_it = |at: usize| steps.get(at).is_some_and(|step| *step == claim.value);
            let named = (1..steps.len()).find(|at| is_it(*at) && steps[at - 1] == name);
            let at = named.or_else(|| (0..steps.len()).find(|at| is_it(*at)))?;
            let step = |(index, step): (usize, &&str)| {
                if index == at { another(step) } else { (*step).to_owned() }
            };
            steps.iter().enumerate().map(step).collect::<Vec<_>>().join("/").into()
        }
        (_, Json::String(text)) => text.replace(&claim.value, &another(&claim.value)).into(),
        (_, Json::Null) => return None,
    };
    (new != node.to_json()).then_some(new)
}

/// A path without the places in lists: the same field of every item.
fn generic(path: &FieldPath) -> String {
    let steps = path.0.iter().map(|step| match step {
        Step::Key(key) => key.clone(),
        Step::Index(_) => "[]".to_owned(),
    });
    steps.collect::<Vec<_>>().join(".")
}

/// Every claim of the subjects, each place once.
fn edits(linted: &Linted) -> Vec<Edit> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    let others: BTreeSet<&str> = linted
        .repository
        .clusters
        .iter()
        .filter(|cluster| !cluster.witnesses.is_empty())
        .map(|cluster| cluster.name.as_str())
        .collect();
    for subject in linted.repository.clusters.iter().flat_map(|cluster| &cluster.subjects) {
        for claim in &subject.claims.list {
            let fact = format!("{:?}", claim.fact).split([' ', '(', '{']).next().unwrap().to_owned();
            let Some(node) = subject.document.at(&claim.path) else { continue };
            if leads_nowhere_known(linted, subject, claim) {
                continue;
            }
            let (span, text) = match key_of(subject, claim) {
                Some((span, key)) => (span, Some(key)),
                None => (node.span, contradicting(claim, node, &others).map(|new| new.to_string())),
            };
            let Some(file) = linted.sources.get(span.file) else { continue };
            let (mut start, end) = (span.start as usize, span.end as usize);
            let before = &file.text()[..start];
            // The span of a list begins at its first item.
            let is_list = matches!(node.value, meshwright_policies::node::Value::Sequence(_));
            start -= if is_list && before.ends_with(b"- ") { 2 } else { 0 };
            let written = std::str::from_utf8(&file.text()[start..end]).unwrap().trim_end();
            let kind = format!("{} {}", subject.kind, generic(&claim.path));
            if seen.insert((span, fact.clone())) {
                let (path, end) = (file.path().to_owned(), start + written.len());
                let text = text.map(|text| if is_list { format!("  {text}") } else { text });
                all.push(Edit { fact, kind, claim: claim.clone(), path, span: node.span, start, end, text });
            }
        }
    }
    all
}

/// The key that is edited, where no value is: a network of a map is named by it, a flat parameter goes with it, and failover
/// goes with the outlier detection beside it.
fn key_of(subject: &Manifest, claim: &Claim) -> Option<(Span, String)> {
    let (Step::Key(last), parents) = claim.path.0.split_last()? else { return None };
    let above = |count: usize| subject.document.at(&FieldPath(claim.path.0[..count].to_vec()));
    let is_text = subject.document.at(&claim.path)?.as_str().is_some();
    let (parent, key) = match claim.fact {
        Fact::NamedNetwork => (above(parents.len())?, last.as_str()),
        Fact::Entries { .. } if is_text => (above(parents.len())?, last.as_str()),
        Fact::Failover { .. } => (above(parents.len() - 1)?, "outlierDetection"),
        _ => return None,
    };
    let entry = parent.entries().find(|entry| entry.key == key)?;
    let new = match claim.fact {
        Fact::NamedNetwork => key.replace(&claim.value, &another(&claim.value)),
        _ => format!("{key}x"),
    };
    Some((entry.key_span, new))
}

/// What the kubeconfig in a Secret leads to is in no file, unless the Secret is called after the cluster.
fn leads_nowhere_known(linted: &Linted, subject: &Manifest, claim: &Claim) -> bool {
    let is_elsewhere = claim.fact == Fact::DeliveredDirectory && subject.claims.subject == Subject::Elsewhere;
    is_elsewhere
        && !subject.text("spec.kubeConfig.secretRef.name").is_some_and(|secret| {
            let cluster = secret.trim_end_matches("-kubeconfig");
            linted.repository.clusters.iter().any(|known| known.name == cluster)
        })
}

impl Edit {
    fn apply(&self, files: &Files) -> Files {
        let mut files = files.clone();
        let text = files.get_mut(&self.path).unwrap();
        text.splice(self.start..self.end, self.text.as_ref().unwrap().bytes()).for_each(drop);
        files
    }
}

/// Whether a finding points at the edited field, at what holds it, or at its neighbour under another name.
fn is_near(linted: &Linted, finding: &Finding, edit: &Edit) -> bool {
    let is_file =
        |place: &Place| linted.sources.get(place.span.file).is_some_and(|file| file.path() == edit.path);
    let (found, edited) = (&finding.place.path, &edit.claim.path);
    let parents = &edited.0[..edited.0.len() - 1];
    is_file(&finding.place) && (found.0.starts_with(parents) || edited.0.starts_with(&found.0))
}

/// The Service of an application is nobody's gateway: what its ports are is its own affair.
fn is_applications(edit: &Edit, linted: &Linted) -> bool {
    let (Fact::GatewayPorts { gateway }
    | Fact::GatewayPort { gateway, .. }
    | Fact::GatewayTarget { gateway, .. }) = &edit.claim.fact
    else {
        return false;
    };
    let witnesses = linted.repository.clusters.iter().flat_map(|cluster| &cluster.witnesses);
    let declared: BTreeSet<&str> =
        witnesses.flat_map(|w| &w.spec().unwrap().gateways).map(|gateway| gateway.name.as_str()).collect();
    edit.kind.starts_with("Service ") && !declared.contains(gateway.as_str())
}

/// The rendered trees of the golden cases and of the example.
fn trees() -> Vec<(String, Files)> {
    let mut trees = vec![("example-repo".to_owned(), files(&Intent::example().build()))];
    for case in std::fs::read_dir(repository("tests/golden")).unwrap() {
        let case = case.unwrap().path();
        let intent = case.join("intent");
        if intent.is_dir() && case.join("expected").is_dir() {
            let name = case.file_name().unwrap().to_string_lossy().into_owned();
            trees.push((name, files(&Intent::read(&intent).build())));
        }
    }
    // The smallest first: it is the quickest to read again and again.
    trees.sort_by_key(|(case, files)| (files.len(), case.clone()));
    trees
}

/// What the law found: by kind of claim path, whether every edit was found; by fact, the policies that found it where it is.
#[derive(Default)]
struct Found {
    total: usize,
    kinds: BTreeMap<String, Vec<String>>,
    owners: BTreeMap<String, BTreeSet<&'static str>>,
}

impl Found {
    fn edit(&mut self, case: &str, edit: &Edit, files: &Files) {
        let linted = lint(&edit.apply(files));
        let near = linted.findings.iter().filter(|finding| is_near(&linted, finding, edit));
        let codes: BTreeSet<&str> = near.map(|finding| finding.rule.code).collect();
        self.total += 1;
        let missed = self.kinds.entry(edit.kind.clone()).or_default();
        if codes.is_empty() {
            let found: Vec<_> = linted.findings.iter().map(|finding| finding.rule.code).collect();
            missed.push(format!("{case} {}: {:?} = {:?} {found:?}", edit.path, edit.claim, edit.text));
        }
        let mut told: BTreeMap<_, BTreeSet<&str>> = BTreeMap::new();
        for finding in &linted.findings {
            told.entry((finding.place.span, &finding.found)).or_default().insert(finding.rule.code);
        }
        let twice = told.into_iter().filter(|(_, codes)| codes.len() > 1);
        missed.extend(twice.map(|(_, codes)| format!("{case} {} is told twice: {codes:?}", edit.path)));
        self.owners.entry(edit.fact.clone()).or_default().extend(codes);
    }

    fn missed(&self) -> Vec<&String> {
        self.kinds.values().flatten().collect()
    }
}

/// With declarations: every claim has a second witness, and any single contradicting edit of it is found where it is.
#[test]
fn any_single_contradicting_edit_of_what_is_rendered_is_found() {
    let mut found = Found::default();
    let mut done: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (case, files) in trees() {
        let linted = lint(&files);
        assert!(linted.findings.is_empty(), "{case}: {:#?}", linted.findings);
        let mut here: BTreeMap<(String, String), usize> = BTreeMap::new();
        for edit in edits(&linted).into_iter().filter(|edit| !is_applications(edit, &linted)) {
            // Every kind of claim path, of several trees; any of them is what the other law picks.
            let kind = (edit.kind.clone(), edit.fact.clone());
            let (all, of_tree) = (done.entry(kind.clone()).or_default(), here.entry(kind).or_default());
            if *all < 4 && *of_tree < 2 && edit.text.is_some() {
                (*all, *of_tree) = (*all + 1, *of_tree + 1);
                found.edit(&case, &edit, &files);
            }
        }
    }
    let unedited: BTreeSet<&String> =
        done.iter().filter(|(_, count)| **count == 0).map(|((kind, _), _)| kind).collect();
    assert!(unedited.is_empty(), "{unedited:#?}");
    let covered = found.kinds.values().filter(|missed| missed.is_empty()).count();
    println!(
        "{covered} of {} kinds of claim paths of rendered files are covered, by {} edits of {} facts",
        found.kinds.len(),
        found.total,
        found.owners.len()
    );
    assert!(found.total > 400 && found.owners.len() >= 25, "{} {:?}", found.total, found.owners.keys());
    assert!(found.missed().is_empty(), "{:#?}", found.missed());
    let owners = found.owners.iter().map(|(fact, codes)| {
        let codes: Vec<&str> = codes.iter().copied().collect();
        format!("{fact}: {}", codes.join(" "))
    });
    insta::assert_snapshot!(owners.collect::<Vec<_>>().join("\n"));
}

proptest! {
    #![proptest_config(crate::cases(32))]

    #[test]
    fn any_single_contradicting_edit_of_any_mesh_is_found(
        mesh in any_mesh(),
        chosen in prop::collection::vec(any::<prop::sample::Index>(), 6),
    ) {
        let files = files(&Intent::text(mesh.intent()).build());
        let linted = lint(&files);
        let mut all = edits(&linted);
        all.retain(|edit| edit.text.is_some() && !is_applications(edit, &linted));
        let mut found = Found::default();
        for index in chosen.iter().filter(|_| !all.is_empty()) {
            found.edit("any mesh", index.get(&all), &files);
        }
        prop_assert!(found.missed().is_empty(), "{:#?}\n{}", found.missed(), mesh.intent());
    }
}

/// Every scalar of a document below a path.
fn leaves<'a>(node: &'a Node, path: &FieldPath, all: &mut Vec<(FieldPath, &'a Node)>) {
    use meshwright_policies::node::Value;
    match &node.value {
        Value::Mapping(entries) => {
            entries.iter().for_each(|entry| leaves(&entry.node, &path.clone().key(&entry.key), all));
        }
        Value::Sequence(items) => {
            items.iter().enumerate().for_each(|(index, item)| leaves(item, &path.clone().index(index), all));
        }
        _ => all.push((path.clone(), node)),
    }
}

/// The declaration is one of two witnesses, and may be the one that was changed. What nothing else in the tree says of a
/// cluster is listed here: an edit of it contradicts nothing.
#[test]
fn any_single_contradicting_edit_of_a_declaration_is_found() {
    let mut missed: BTreeMap<String, String> = BTreeMap::new();
    let mut done: BTreeMap<String, usize> = BTreeMap::new();
    for (case, files) in trees() {
        let linted = lint(&files);
        for witness in linted.repository.clusters.iter().flat_map(|cluster| &cluster.witnesses) {
            let mut all = Vec::new();
            leaves(&witness.manifest.document, &FieldPath::root(), &mut all);
            let names: BTreeSet<&str> =
                witness.spec().unwrap().networks.keys().map(|id| id.as_str()).collect();
            for (path, node) in all {
                let steps: Vec<&str> = path
                    .0
                    .iter()
                    .map(|step| match step {
                        Step::Key(key) if names.contains(key.as_str()) => "{network}",
                        Step::Key(key) => key.as_str(),
                        Step::Index(_) => "[]",
                    })
                    .collect();
                let kind = match steps[..] {
                    ["spec", "remoteSecrets", _] => "spec.remoteSecrets.{cluster}".to_owned(),
                    _ => steps.join("."),
                };
                if steps[0] != "spec" || matches!(steps[1], "provenance" | "exceptions" | "nodes") {
                    continue;
                }
                let count = done.entry(kind.clone()).or_default();
                if *count >= 2 {
                    continue;
                }
                *count += 1;
                let text = match node.to_json() {
                    serde_json::Value::String(text) => another(&text),
                    serde_json::Value::Number(number) => (number.as_u64().unwrap() + 1000).to_string(),
                    serde_json::Value::Bool(value) => (!value).to_string(),
                    other => panic!("{other}"),
                };
                let file = linted.sources.get(node.span.file).unwrap().path().to_owned();
                let mut edited = files.clone();
                let bytes = edited.get_mut(&file).unwrap();
                let text = format!("\"{text}\"").replace("\"true\"", "true").replace("\"false\"", "false");
                let text = if node.as_str().is_none() { text.trim_matches('"').to_owned() } else { text };
                bytes.splice(node.span.start as usize..node.span.end as usize, text.bytes()).for_each(drop);
                if lint(&edited).findings.is_empty() {
                    missed.entry(kind).or_insert_with(|| format!("{case} {file} {text}"));
                }
            }
        }
    }
    println!("{} of {} kinds of paths of declarations are covered", done.len() - missed.len(), done.len());
    missed.retain(|kind, _| !ALONE.contains(&kind.as_str()));
    assert!(done.len() > 40 && missed.is_empty(), "{missed:#?}");
}

/// What a declaration alone may say: plans that no rendered object states, or not in every mesh.
const ALONE: &[&str] = &[
    // Of load balancers that something else makes, and of gateways that a person installs by hand.
    "spec.addresses.controlPlane",
    "spec.addresses.eastWest",
    "spec.addresses.ingress",
    "spec.gateways.[].istioLabel",
    "spec.gateways.[].port",
    "spec.gateways.[].ports.[].name",
    "spec.gateways.[].ports.[].port",
    "spec.gateways.[].ports.[].targetPort",
    "spec.pools.[].namespace",
    // The istiod of another cluster, as this one sees it.
    "spec.controlPlane.address",
    // Where a version, a revision or a namespace is a Helm argument, or another namespace has a plane of its own.
    "spec.istio.namespace",
    "spec.istio.revision",
    "spec.istio.version",
    // Of nodes, which are not rendered.
    "spec.locality",
    // Entries that are found by labels: each cluster sees its own addresses.
    "spec.networks.{network}.gateways.[].address",
    // API servers, by cluster: remote secrets are never rendered, and one istiod may be the only one that reads them.
    "spec.remoteSecrets.{cluster}",
];

/// What two claims are about when they are witnesses of each other.
fn matter(cluster: &Cluster, subject: &Manifest, claim: &Claim) -> Option<String> {
    let of_cluster = |what: &str| Some(format!("{what} of {}{}", cluster.scope, cluster.name));
    match &claim.fact {
        Fact::NamespaceNetwork { namespace } if *namespace != subject.plane => None,
        Fact::Network
        | Fact::NamespaceNetwork { .. }
        | Fact::EntryNetwork { .. }
        | Fact::GatewayNetwork { .. } => of_cluster("network"),
        // A gateway may see other networks too.
        Fact::NetworkView { .. } if Some(claim.value.as_str()) == cluster.network() => of_cluster("network"),
        Fact::ClusterId => of_cluster("cluster ID"),
        Fact::MeshId => of_cluster("mesh ID"),
        _ => None,
    }
}

/// The address of the gateways of a network with one cluster is told again by those who enter it there.
fn address_of_entry(repository: &Repository, cluster: &Cluster, claim: &Claim) -> Option<String> {
    let network = match &claim.fact {
        Fact::GatewayAddress { .. } => cluster.network()?,
        Fact::EntryAddress { network } => network,
        _ => return None,
    };
    let members = repository.on_network(&cluster.scope, network);
    let [only] = members[..] else { return None };
    let asked = only.stated(|_, fact| matches!(fact, Fact::GatewayAddress { .. }));
    let is_asked = asked.iter().any(|stated| stated.claim.value == claim.value);
    is_asked.then(|| format!("address {} of {network}", claim.value))
}

/// Without declarations: what has a second witness in the tree is found when one of them is edited.
#[test]
fn edits_of_what_has_a_second_witness_are_found_without_declarations() {
    let mut table: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut missed = Vec::new();
    for (case, mut files) in trees() {
        files.retain(|path, _| !path.contains("/declaration/"));
        let linted = lint(&files);
        assert!(linted.findings.is_empty(), "{case}: {:#?}", linted.findings);
        let mut witnesses: BTreeMap<String, BTreeSet<Span>> = BTreeMap::new();
        let mut about: BTreeMap<(Span, FieldPath), String> = BTreeMap::new();
        for cluster in linted.repository.clusters.iter().filter(|cluster| cluster.is_comparable()) {
            for subject in &cluster.subjects {
                for claim in &subject.claims.list {
                    let matter = matter(cluster, subject, claim)
                        .or_else(|| address_of_entry(&linted.repository, cluster, claim));
                    if let Some(matter) = matter {
                        let span = subject.place(&claim.path).span;
                        witnesses.entry(matter.clone()).or_default().insert(span);
                        about.insert((span, claim.path.clone()), matter);
                    }
                }
            }
        }
        let mut here: BTreeMap<String, usize> = BTreeMap::new();
        for edit in edits(&linted).into_iter().filter(|edit| edit.text.is_some()) {
            let matter = about.get(&(edit.span, edit.claim.path.clone()));
            let row = table.entry(edit.fact.clone()).or_default();
            let Some(matter) = matter.filter(|matter| witnesses[*matter].len() > 1) else { continue };
            let count = here.entry(edit.fact.clone()).or_default();
            if *count >= 4 {
                continue;
            }
            *count += 1;
            row.1 += 1;
            if lint(&edit.apply(&files)).findings.is_empty() {
                missed.push(format!("{case} {}: {matter}: {:?}", edit.path, edit.claim));
            } else {
                row.0 += 1;
            }
        }
    }
    let lines: Vec<String> = table
        .iter()
        .filter(|(_, (_, all))| *all > 0)
        .map(|(fact, (found, all))| format!("{fact}: {found} of {all}"))
        .collect();
    println!("{}", lines.join("\n"));
    assert!(missed.is_empty() && lines.len() >= 5, "{missed:#?}");
}

/// Without declarations: what is left that a single edit can change unseen. Kinds of claim paths, with how many edits of them
/// are found; those of which all are found are counted only. `docs/lint.md` says why nothing else tells of the rest.
#[test]
fn what_a_declaration_alone_contradicts_is_written_down() {
    let mut done: BTreeMap<(String, String), (usize, usize)> = BTreeMap::new();
    for (_, mut files) in trees() {
        files.retain(|path, _| !path.contains("/declaration/"));
        let linted = lint(&files);
        let mut here: BTreeMap<(String, String), usize> = BTreeMap::new();
        let all = edits(&linted).into_iter().filter(|edit| edit.text.is_some());
        for edit in all.filter(|edit| !is_status_port(edit)) {
            let kind = (edit.fact.clone(), edit.kind.clone());
            let (all, of_tree) = (done.entry(kind.clone()).or_default(), here.entry(kind).or_default());
            if all.1 >= 4 || *of_tree >= 2 {
                continue;
            }
            *of_tree += 1;
            all.1 += 1;
            all.0 += usize::from(!lint(&edit.apply(&files)).findings.is_empty());
        }
    }
    let whole = done.values().filter(|(found, all)| found == all).count();
    let rest = done.iter().filter(|(_, (found, all))| found < all);
    let rest: Vec<String> =
        rest.map(|((fact, kind), (found, all))| format!("{found} of {all} {fact}: {kind}")).collect();
    insta::assert_snapshot!(format!("{whole} of {} kinds are found\n{}", done.len(), rest.join("\n")));
}

/// The port at which a load balancer asks for a gateway's health is nobody else's affair.
fn is_status_port(edit: &Edit) -> bool {
    let named = match &edit.claim.fact {
        Fact::GatewayPort { name, .. } | Fact::GatewayTarget { name, .. } => name == "status-port",
        _ => false,
    };
    named || edit.claim.value == "15021"
}
