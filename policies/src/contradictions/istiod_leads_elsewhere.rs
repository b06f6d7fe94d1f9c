//! MW3257: the Service of a remote cluster's istiod leads elsewhere than its values say.

use std::net::IpAddr;

use crate::claim::Fact;
use crate::embedded::INJECTOR;
use crate::finding::{Findings, Rule, Severity};
use crate::istiod;
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository, Stated};

/// MW3257: the Service of a remote cluster's istiod leads elsewhere than its values say.
pub(super) struct IstiodLeadsElsewhere;

static RULE: Rule = Rule {
    code: "MW3257",
    name: "istiod-leads-elsewhere",
    severity: Severity::Warning,
    title: "Service of a remote cluster's istiod leads elsewhere than its values say",
    docs: include_str!("../../docs/MW3257.md"),
};

impl Policy for IstiodLeadsElsewhere {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            let endpoints = cluster.stated(|_, fact| matches!(fact, Fact::IstiodEndpoint { .. }));
            for remote in cluster.subjects.iter().filter(|_| !endpoints.is_empty()) {
                judge(cluster, remote, &endpoints, findings);
            }
        }
    }
}

fn judge(cluster: &Cluster, remote: &Manifest, endpoints: &[Stated<'_>], findings: &mut Findings) {
    let Some(dialled) = remote.claims.first(&Fact::ControlPlaneAddress) else { return };
    let Some(name) = service(remote) else { return };
    let is_its_own = |stated: &&Stated<'_>| {
        stated.subject.plane == remote.plane
            && matches!(&stated.claim.fact, Fact::IstiodEndpoint { service } if *service == name)
    };
    // Of an address and a name nobody can tell here whether they are one host.
    let is_address = |text: &str| text.parse::<IpAddr>().is_ok();
    let is_known = |stated: &&Stated<'_>| is_address(&stated.claim.value) == is_address(&dialled.value);
    let own: Vec<&Stated<'_>> = endpoints.iter().filter(is_its_own).filter(is_known).collect();
    let Some(first) = own.first().filter(|_| own.iter().all(|other| other.claim.value != dialled.value))
    else {
        return;
    };
    let found = &first.claim.value;
    let message = format!(
        "the Service `{name}` of {} leads to `{found}`, but its istiod is said to be at `{}`",
        cluster.called(),
        dialled.value
    );
    findings.push(
        first
            .finding(&RULE, message)
            .found(found)
            .related(remote.place(&dialled.path), "the values say this address")
            .help(format!(
                "write `{}` here, or render it anew from the values; the chart makes it by itself",
                dialled.value
            ))
            .cluster(&cluster.name),
    );
}

/// The Service that leads to the address which values of a remote cluster say: those of a chart, or those that it leaves in
/// the injector's ConfigMap.
fn service(remote: &Manifest) -> Option<String> {
    if let Some(plane) = &remote.claims.plane {
        return plane.is_remote.then(|| plane.istiod());
    }
    let rest = remote.name.strip_prefix(INJECTOR).filter(|_| remote.kind == "ConfigMap")?;
    Some(istiod::service(rest.strip_prefix('-')))
}
