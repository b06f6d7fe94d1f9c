//! MW3250: addresses of a pool are given and never announced.

use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::node::FieldPath;
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository};

/// MW3250: addresses of a pool are given and never announced.
pub(super) struct PoolNotAdvertised;

static RULE: Rule = Rule {
    code: "MW3250",
    name: "pool-not-advertised",
    severity: Severity::Warning,
    title: "no advertisement announces the addresses of a MetalLB pool",
    docs: include_str!("../../docs/MW3250.md"),
};

impl Policy for PoolNotAdvertised {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed && cluster.complete) {
            judge(cluster, findings);
        }
    }
}

fn judge(cluster: &Cluster, findings: &mut Findings) {
    let advertisements: Vec<&Manifest> = cluster
        .subjects
        .iter()
        .filter(|subject| matches!(subject.kind.as_str(), "L2Advertisement" | "BGPAdvertisement"))
        .collect();
    // Without any, something else brings the traffic, or announces all pools from another place.
    if advertisements.is_empty() || advertisements.iter().any(|subject| is_open(subject)) {
        return;
    }
    let named = |pool: &str| advertisements.iter().any(|subject| names(subject).any(|name| name == pool));
    for subject in cluster.subjects.iter().filter(|subject| subject.kind == "IPAddressPool") {
        if named(&subject.name) || subject.claims.list.is_empty() {
            continue;
        }
        let path = FieldPath::parse("metadata.name");
        let message = format!(
            "no advertisement of {} announces the addresses of pool `{}`",
            cluster.called(),
            subject.name
        );
        let mut finding = subject.finding(&RULE, &path, message).found(&subject.name).cluster(&cluster.name);
        for other in &advertisements {
            let pools = FieldPath::parse("spec.ipAddressPools");
            finding =
                finding.related(other.place(&pools), format!("{} `{}` names others", other.kind, other.name));
        }
        findings
            .push(finding.help(format!("add `{}` to `ipAddressPools` of an advertisement", subject.name)));
    }
}

/// Whether an advertisement takes in pools that it does not name, or may.
fn is_open(subject: &Manifest) -> bool {
    names(subject).next().is_none()
        || !subject.unresolved.is_empty()
        || subject.document.at(&"spec.ipAddressPoolSelectors".into()).is_some()
}

fn names(subject: &Manifest) -> impl Iterator<Item = &str> {
    let lists = subject.claims.list.iter().filter(|claim| matches!(claim.fact, Fact::AdvertisedPools { .. }));
    lists.flat_map(|claim| claim.value.split(','))
}
