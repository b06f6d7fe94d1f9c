//! MW3201: two networks are entered at one gateway.

use std::collections::BTreeMap;

use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository, Stated};

/// MW3201: two networks are entered at one gateway.
pub(super) struct SharedEntry;

static RULE: Rule = Rule {
    code: "MW3201",
    name: "entry-of-two-networks",
    severity: Severity::Error,
    title: "two networks are entered at one address and port",
    docs: include_str!("../../docs/MW3201.md"),
};

impl Policy for SharedEntry {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in &repository.clusters {
            for subject in &cluster.subjects {
                judge(cluster, subject, findings);
            }
        }
    }
}

fn judge(cluster: &Cluster, subject: &Manifest, findings: &mut Findings) {
    let mut seen: BTreeMap<(&str, &str), (&str, Stated<'_>)> = BTreeMap::new();
    for claim in &subject.claims.list {
        let Fact::EntryPort { network, address } = &claim.fact else { continue };
        let stated = Stated { subject, claim };
        let (first, place) = *seen.entry((address, &claim.value)).or_insert((network.as_str(), stated));
        if first == network {
            continue;
        }
        let port = &claim.value;
        let message =
            format!("network `{network}` is entered at `{address}`, port {port}, as is network `{first}`");
        findings.push(
            subject
                .finding(&RULE, &claim.path, message)
                .found(format!("{address}:{port}"))
                .related(place.place(), format!("`{first}` is entered there too"))
                .help(
                    "give each network the address of its own gateway: only one of the two can answer there",
                )
                .cluster(&cluster.name),
        );
    }
}
