//! MW1205: clusters of one mesh do not trust each other.

use std::collections::BTreeSet;

use super::found;
use crate::claim::Fact;
use crate::finding::{Finding, Findings, Place, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository, Stated};

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
            // The first cluster of each trust domain, of those before.
            let (mut firsts, mut seen) = (Vec::<&Cluster>::new(), BTreeSet::new());
            for b in mesh {
                // One finding for each cluster: what it is of more is told by those of the others.
                if let Some(finding) = firsts.iter().find_map(|a| judge(a, b)) {
                    findings.push(finding);
                }
                if domain(b).is_some_and(|domain| seen.insert(domain.value)) {
                    firsts.push(b);
                }
            }
        }
    }
}

/// A cluster's trust domain, and where it comes from.
#[derive(Clone, Debug)]
struct Domain<'a> {
    value: &'a str,
    /// What says it; nothing where Istio's default holds.
    stated: Option<Stated<'a>>,
    place: Place,
}

/// The trust domain of a control plane that says none (istio/istio@1.31: `pkg/config/constants/constants.go`,
/// `DefaultClusterLocalDomain`; `pkg/config/mesh/mesh.go`).
const DEFAULT: &str = "cluster.local";

fn domain(cluster: &Cluster) -> Option<Domain<'_>> {
    let stated = cluster.identities(&Fact::TrustDomain).first().copied();
    match stated {
        Some(stated) => {
            Some(Domain { value: &stated.claim.value, stated: Some(stated), place: stated.place() })
        }
        None => default(cluster),
    }
}

/// Only where everything that configures its istiod was read.
fn default(cluster: &Cluster) -> Option<Domain<'_>> {
    let shared = |fact: &Fact| matches!(fact, Fact::IstiodVariable { name } if name == "SHARED_MESH_CONFIG");
    let is_elsewhere = |subject: &Manifest| {
        subject.kind == "ConfigMap" && subject.name.starts_with("istio")
            || subject.claims.list.iter().any(|claim| shared(&claim.fact))
    };
    let place = found::whole_istiod(cluster)?;
    let is_known = !cluster.subjects.iter().any(is_elsewhere);
    is_known.then_some(Domain { value: DEFAULT, stated: None, place })
}

fn judge(a: &Cluster, b: &Cluster) -> Option<Finding> {
    let (here, there) = (domain(a)?, domain(b)?);
    let accepts = |cluster: &Cluster, domain: &str| {
        cluster
            .stated(|_, fact| *fact == Fact::TrustDomainAlias)
            .iter()
            .any(|alias| alias.claim.value == domain)
    };
    if here.value == there.value || (accepts(a, there.value) && accepts(b, here.value)) {
        return None;
    }
    // It stands where something is said: two that say nothing have the same.
    let ((cluster, said), (other, against)) =
        if there.stated.is_some() { ((b, there), (a, here)) } else { ((a, here), (b, there)) };
    let message = format!(
        "trust domain `{}` of {} is not the one of {} in the same mesh, `{}`",
        said.value,
        cluster.called(),
        other.called(),
        against.value
    );
    let by_default = if against.stated.is_some() { "" } else { ", Istio's default" };
    Some(
        said.stated?
            .finding(&RULE, message)
            .found(said.value)
            .related(against.place, format!("{} has trust domain `{}`{by_default}", other.called(), against.value))
            .help("use one trust domain, or name each other's in `meshConfig.trustDomainAliases` of both clusters")
            .cluster(&cluster.name),
    )
}
