//! MW1205: clusters of one mesh do not trust each other.

use super::joined;
use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Repository};

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
        for (a, b) in repository.pairs().into_iter().filter(|(a, b)| joined::one_mesh(a, b)) {
            judge(a, b, findings);
        }
    }
}

fn judge(a: &Cluster, b: &Cluster, findings: &mut Findings) {
    let (stated, first) = (b.identities(&Fact::TrustDomain), a.identities(&Fact::TrustDomain));
    let (Some(there), Some(here)) = (stated.first(), first.first()) else { return };
    let (domain, other) = (&here.claim.value, &there.claim.value);
    let accepts = |cluster: &Cluster, domain: &str| {
        cluster
            .stated(|_, fact| *fact == Fact::TrustDomainAlias)
            .iter()
            .any(|alias| alias.claim.value == domain)
    };
    if domain == other || (accepts(a, other) && accepts(b, domain)) {
        return;
    }
    let message = format!(
        "trust domain `{other}` of {} is not the one of {} in the same mesh, `{domain}`",
        b.called(),
        a.called()
    );
    findings.push(
        there
            .subject
            .finding(&RULE, &there.claim.path, message)
            .found(other)
            .related(here.place(), format!("{} has trust domain `{domain}`", a.called()))
            .help("use one trust domain, or name each other's in `meshConfig.trustDomainAliases` of both clusters")
            .cluster(&b.name),
    );
}
