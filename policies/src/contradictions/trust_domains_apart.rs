//! MW1205: clusters of one mesh do not trust each other.

use std::collections::BTreeSet;

use crate::claim::Fact;
use crate::finding::{Finding, Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Repository, Stated};

/// MW1205: clusters of one mesh do not trust each other.
pub(super) struct TrustDomainsApart;

static RULE: Rule = Rule {
    code: "MW1205",
    name: "joined-clusters-differ-in-trust-domain",
    severity: Severity::Error,
    title: "clusters of one mesh do not trust each other",
    docs: include_str!("../../docs/MW1205.md"),
};

impl Policy for TrustDomainsApart {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for mesh in repository.meshes() {
            for (index, b) in mesh.iter().enumerate() {
                let before = mesh.get(..index).unwrap_or_default();
                // One finding for each cluster: what it is of more is told by those of the others.
                if let Some(finding) = others(before).iter().find_map(|a| judge(a, b)) {
                    findings.push(finding);
                }
            }
        }
    }
}

fn domain(cluster: &Cluster) -> Option<Stated<'_>> {
    cluster.identities(&Fact::TrustDomain).first().copied()
}

/// The first cluster of each trust domain.
fn others<'a>(clusters: &[&'a Cluster]) -> Vec<&'a Cluster> {
    let mut seen = BTreeSet::new();
    let all = clusters.iter().copied();
    all.filter(|cluster| domain(cluster).is_some_and(|stated| seen.insert(stated.claim.value.clone())))
        .collect()
}

fn judge(a: &Cluster, b: &Cluster) -> Option<Finding> {
    let (there, here) = (domain(b)?, domain(a)?);
    let (domain, other) = (&here.claim.value, &there.claim.value);
    let accepts = |cluster: &Cluster, domain: &str| {
        cluster
            .stated(|_, fact| *fact == Fact::TrustDomainAlias)
            .iter()
            .any(|alias| alias.claim.value == domain)
    };
    if domain == other || (accepts(a, other) && accepts(b, domain)) {
        return None;
    }
    let message = format!(
        "trust domain `{other}` of {} is not the one of {} in the same mesh, `{domain}`",
        b.called(),
        a.called()
    );
    Some(
        there.finding(&RULE, message)
            .found(other)
            .related(here.place(), format!("{} has trust domain `{domain}`", a.called()))
            .help("use one trust domain, or name each other's in `meshConfig.trustDomainAliases` of both clusters")
            .cluster(&b.name),
    )
}
