//! MW4254: a network is entered at a gateway that no Gateway opens, beside one that is opened.

use std::collections::BTreeMap;

use super::selector_without_gateway::{Workload, is_cross_network, strings, workloads};
use crate::claim::{Claim, Fact};
use crate::finding::{Findings, Rule, Severity};
use crate::kinds::NETWORK_LABEL;
use crate::node::FieldPath;
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository, has_placeholder};

/// MW4254: a network is entered at a gateway that no Gateway opens, beside one that is opened.
pub(super) struct EntryNobodyOpens;

static RULE: Rule = Rule {
    code: "MW4254",
    name: "entry-nobody-opens",
    severity: Severity::Warning,
    title: "label of a network gateway at a Service that lets no other network in",
    docs: include_str!("../../docs/MW4254.md"),
};

impl Policy for EntryNobodyOpens {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed && cluster.complete) {
            judge(cluster, findings);
        }
    }
}

/// A Service that istiod takes for an entry of its network.
struct Entry<'a> {
    subject: &'a Manifest,
    label: FieldPath,
    network: String,
    labels: BTreeMap<String, String>,
}

fn judge(cluster: &Cluster, findings: &mut Findings) {
    let entries: Vec<Entry<'_>> = cluster.subjects.iter().flat_map(entries).collect();
    if entries.len() < 2 {
        return;
    }
    let selectors: Vec<BTreeMap<String, String>> = cluster
        .subjects
        .iter()
        .filter(|subject| is_cross_network(subject))
        .filter_map(|subject| Some(strings(subject.document.at(&"spec.selector".into())?)))
        .collect();
    let is_open = |selector: &BTreeMap<String, String>| {
        selector.is_empty() || selector.values().any(|value| has_placeholder(value))
    };
    if selectors.is_empty() || selectors.iter().any(is_open) {
        return;
    }
    // Labels that a Service does not select by are not known.
    let may_open = |entry: &Entry<'_>| {
        let fits = |(key, value): (&String, &String)| entry.labels.get(key).is_none_or(|own| own == value);
        selectors.iter().any(|selector| selector.iter().all(fits))
    };
    for entry in entries.iter().filter(|entry| !may_open(entry)) {
        let is_beside = |other: &&Entry<'_>| other.network == entry.network && may_open(other);
        let Some(other) = entries.iter().find(is_beside) else { continue };
        let network = &entry.network;
        let message = format!(
            "peers enter `{network}` here too, but no Gateway in mode AUTO_PASSTHROUGH of {} selects these pods: their \
             share of the calls fails",
            cluster.called()
        );
        findings.push(
            entry
                .subject
                .finding(&RULE, &entry.label, message)
                .found(network)
                .related(other.subject.place(&other.label), "this gateway lets them in")
                .help(format!(
                    "remove the label `{NETWORK_LABEL}`, or have a Gateway open port 15443 here as well"
                ))
                .cluster(&cluster.name),
        );
    }
}

fn entries(subject: &Manifest) -> Vec<Entry<'_>> {
    let claims = &subject.claims.list;
    let label_below = |path: &FieldPath| {
        let mut labels = claims.iter().filter(|claim| matches!(claim.fact, Fact::GatewayNetwork { .. }));
        labels.find(|claim| claim.path.0.starts_with(&path.0))
    };
    if subject.kind == "Service" {
        let inside = claims
            .iter()
            .any(|claim| matches!(claim.fact, Fact::GatewayServiceType { .. }) && claim.value == "ClusterIP");
        let selector = subject.document.at(&"spec.selector".into()).map(strings).unwrap_or_default();
        let label =
            label_below(&FieldPath::root()).filter(|_| !inside && !selector.is_empty() && has_port(claims));
        let entry = label.map(|claim| Entry {
            subject,
            label: claim.path.clone(),
            network: claim.value.clone(),
            labels: selector,
        });
        return entry.into_iter().collect();
    }
    let of_workload = |workload: Workload<'_>| {
        let claim = label_below(&workload.path).filter(|_| workload.known && has_port(claims))?;
        let (label, network) = (claim.path.clone(), claim.value.clone());
        Some(Entry { subject, label, network, labels: workload.labels })
    };
    // A Deployment is no entry by itself.
    let all = workloads(subject).into_iter().filter(|_| subject.kind != "Deployment");
    all.filter_map(of_workload).collect()
}

/// Whether what is known of its ports has the one at which peers enter; of one without it MW4201 tells.
fn has_port(claims: &[Claim]) -> bool {
    let value =
        |wanted: fn(&Fact) -> bool| claims.iter().find(|claim| wanted(&claim.fact)).map(|claim| &claim.value);
    let port = value(|fact| matches!(fact, Fact::GatewayPortLabel { .. })).map_or("15443", String::as_str);
    let ports = value(|fact| matches!(fact, Fact::GatewayPorts { .. }));
    ports.is_none_or(|ports| ports.split(',').any(|own| own == port))
}
