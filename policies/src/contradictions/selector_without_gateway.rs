//! MW4203: a cross-network Gateway that configures no gateway.

use std::cell::LazyCell;
use std::collections::BTreeMap;

use super::found;
use super::passthrough_of_everything::lets_in;
use crate::chart_keys::Chart;
use crate::claim::{Claim, Fact};
use crate::finding::{Findings, Rule, Severity};
use crate::kinds::NETWORK_LABEL;
use crate::node::{FieldPath, Node};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository, ValuesAt, has_placeholder};

/// MW4203: a cross-network Gateway that configures no gateway.
pub(super) struct SelectorWithoutGateway;

static RULE: Rule = Rule {
    code: "MW4203",
    name: "selector-without-gateway",
    severity: Severity::Error,
    title: "cross-network Gateway selects no gateway of its cluster",
    docs: include_str!("../../docs/MW4203.md"),
};

impl Policy for SelectorWithoutGateway {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        let whole = |cluster: &&Cluster| !cluster.mixed && cluster.complete;
        let served = LazyCell::new(|| served(repository));
        for cluster in repository.clusters.iter().filter(whole) {
            let gateways: Vec<Workload<'_>> = cluster.subjects.iter().flat_map(workloads).collect();
            // The gateways may be installed from elsewhere, as Istio's guide does with a script: only what is seen can be missed.
            if !gateways.iter().any(Workload::is_between_networks)
                || gateways.iter().any(|gateway| !gateway.known)
            {
                continue;
            }
            for subject in cluster.subjects.iter().filter(|subject| is_cross_network(subject)) {
                judge(&served, cluster, subject, &gateways, findings);
            }
        }
    }
}

/// A gateway that is installed.
pub(super) struct Workload<'a> {
    subject: &'a Manifest,
    /// Where it is installed.
    pub(super) path: FieldPath,
    /// Labels of its pods.
    pub(super) labels: BTreeMap<String, String>,
    /// Whether no placeholder hides a label, and no command the name of the release.
    pub(super) known: bool,
}

impl Workload<'_> {
    /// Whether it is a gateway between networks, by its labels or by what its object says of it.
    fn is_between_networks(&self) -> bool {
        let is_its = |claim: &Claim| {
            matches!(claim.fact, Fact::GatewayNetwork { .. } | Fact::NetworkView { .. })
                && claim.path.0.starts_with(&self.path.0)
        };
        self.labels.contains_key(NETWORK_LABEL)
            || self.labels.values().any(|value| value.contains("eastwest"))
            || self.subject.claims.list.iter().any(is_its)
    }
}

/// Whether it is a `Gateway` that lets other networks in.
pub(super) fn is_cross_network(subject: &Manifest) -> bool {
    let servers = subject.document.at(&"spec.servers".into());
    subject.kind == "Gateway"
        && subject.text("apiVersion").is_some_and(|version| version.starts_with("networking.istio.io/"))
        && servers.is_some_and(|servers| servers.items().any(lets_in))
}

/// Gateways of the clusters that another one's istiod serves, by the scope of their fleet.
type Served<'a> = BTreeMap<&'a str, Vec<Workload<'a>>>;

fn served(repository: &Repository) -> Served<'_> {
    let mut served = Served::new();
    for (scope, fleet) in found::fleets(repository) {
        let remotes = fleet.into_iter().filter(|cluster| found::is_remote(cluster));
        served.insert(scope, remotes.flat_map(|remote| &remote.subjects).flat_map(workloads).collect());
    }
    served
}

fn judge<'a>(
    served: &LazyCell<Served<'a>, impl FnOnce() -> Served<'a>>,
    cluster: &Cluster,
    subject: &Manifest,
    gateways: &[Workload<'_>],
    findings: &mut Findings,
) {
    let path = FieldPath::parse("spec.selector");
    let Some(selector) = subject.document.at(&path) else { return };
    let wanted = strings(selector);
    if wanted.is_empty() || wanted.values().any(|value| has_placeholder(value)) {
        return;
    }
    let selects = |gateway: &Workload<'_>| {
        wanted.iter().all(|(key, value)| gateway.labels.get(key).is_none_or(|found| found == value))
            && wanted.keys().any(|key| gateway.labels.contains_key(key))
    };
    // What is applied to a primary opens the gateways of the clusters that it serves, too.
    let served = || served.get(cluster.scope.as_str()).into_iter().flatten();
    if gateways.iter().any(selects)
        || served().any(selects)
        || !gateways.iter().any(|g| wanted.keys().all(|key| g.labels.contains_key(key)))
    {
        return;
    }
    let text = |labels: &BTreeMap<String, String>| {
        labels.iter().map(|(key, value)| format!("{key}: {value}")).collect::<Vec<_>>().join(", ")
    };
    let message = format!("`{}` selects no gateway of {}", text(&wanted), cluster.called());
    let mut finding = subject.finding(&RULE, &path, message).found(text(&wanted)).cluster(&cluster.name);
    for gateway in gateways {
        let labels = text(&gateway.labels);
        finding = finding.related(gateway.subject.place(&gateway.path), format!("a gateway has `{labels}`"));
    }
    findings.push(finding.help("select the labels of the east-west gateway's pods"));
}

/// Gateways that an object installs.
pub(super) fn workloads(subject: &Manifest) -> Vec<Workload<'_>> {
    match subject.kind.as_str() {
        "IstioOperator" => operator(subject),
        "HelmRelease" | "Application" | "" => charts(subject),
        "Deployment" => deployment(subject).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// An `ingressGateways` item has the labels it lists, over `istio` of the default gateways (istio/istio@1.23:
/// `manifests/profiles/default.yaml`).
fn operator(subject: &Manifest) -> Vec<Workload<'_>> {
    let mut found = Vec::new();
    for list in ["ingressGateways", "egressGateways"] {
        let path = FieldPath::parse("spec.components").key(list);
        let Some(items) = subject.document.at(&path) else { continue };
        for (index, item) in items.items().enumerate() {
            if item.get("enabled").is_some_and(|node| node.to_json() == false) {
                continue;
            }
            let default = if list == "ingressGateways" { "ingressgateway" } else { "egressgateway" };
            let mut labels = BTreeMap::from([("istio".to_owned(), default.to_owned())]);
            labels.extend(item.get("label").map(strings).unwrap_or_default());
            found.push(workload(subject, path.clone().index(index), labels));
        }
    }
    found
}

/// Labels of the gateway chart: `app` is the release's name, `istio` that without `istio-`, and `labels` over both
/// (istio/istio@1.30: `manifests/charts/gateway/templates/_helpers.tpl`).
fn charts(subject: &Manifest) -> Vec<Workload<'_>> {
    let release = match subject.kind.as_str() {
        "HelmRelease" => subject.text("spec.releaseName"),
        "Application" => subject.text("spec.source.helm.releaseName"),
        _ => None,
    };
    let claims_gateway =
        || subject.claims.list.iter().any(|claim| matches!(claim.fact, Fact::NetworkView { .. }));
    // Of values that lie alone nobody says which chart reads them.
    let is_gateway = |at: &ValuesAt<'_>| match at.chart {
        Some(chart) => chart == Chart::Gateway,
        None => subject.kind.is_empty() && claims_gateway(),
    };
    let values = subject.chart_values();
    let gateways = values.into_iter().filter(is_gateway);
    gateways
        .map(|at| {
            let named = at.values.get("name").and_then(Node::as_str).filter(|name| !name.is_empty());
            let name = named.map(str::to_owned).or(release.clone()).unwrap_or_else(|| subject.name.clone());
            let istio = name.strip_prefix("istio-").unwrap_or(&name).to_owned();
            let mut labels = BTreeMap::from([("istio".to_owned(), istio), ("app".to_owned(), name)]);
            labels.extend(at.values.get("labels").map(strings).unwrap_or_default());
            let mut workload = workload(subject, at.path, labels);
            workload.known &= at.chart.is_some() || named.is_some();
            workload
        })
        .collect()
}

fn deployment(subject: &Manifest) -> Option<Workload<'_>> {
    let path = FieldPath::parse("spec.template.metadata.labels");
    let labels = strings(subject.document.at(&path)?);
    let template = subject.document.at(&"spec.template.metadata.annotations".into());
    let injected = template.and_then(|node| node.get("inject.istio.io/templates")).and_then(Node::as_str);
    (injected == Some("gateway") || labels.contains_key("istio")).then(|| workload(subject, path, labels))
}

fn workload(subject: &Manifest, path: FieldPath, labels: BTreeMap<String, String>) -> Workload<'_> {
    let known = !labels.values().any(|value| has_placeholder(value));
    Workload { subject, path, labels, known }
}

/// The entries of a map that are strings.
pub(super) fn strings(node: &Node) -> BTreeMap<String, String> {
    node.entries().filter_map(|entry| Some((entry.key.clone(), entry.node.as_str()?.to_owned()))).collect()
}
