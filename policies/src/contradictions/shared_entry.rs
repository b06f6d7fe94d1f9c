//! MW3201: two networks are entered at one gateway.

use std::collections::BTreeMap;

use super::found;
use crate::claim::Fact;
use crate::finding::{Findings, Rule, Severity};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository, Stated};

/// MW3201: two networks are entered at one gateway.
pub(super) struct SharedEntry;

/// Where peers enter unless a label says another port.
const MESH_PORT: &str = "15443";

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
        for mesh in repository.meshes() {
            by_label(&mesh, findings);
        }
    }
}

/// Gateways that are found by their labels: peers dial the address of the Service itself.
fn by_label(mesh: &[&Cluster], findings: &mut Findings) {
    let mut seen: BTreeMap<(&str, String), (&str, Stated<'_>)> = BTreeMap::new();
    for cluster in mesh {
        for gateway in found::gateways(cluster) {
            let Some(network) = gateway.value(found::network) else { continue };
            let port = gateway.value(found::port_label).unwrap_or(MESH_PORT);
            for claim in gateway.addresses() {
                let stated = Stated { subject: gateway.subject, claim };
                let address = claim.value.as_str();
                let key = (address, port.to_owned());
                let (first, place) = *seen.entry(key).or_insert((network, stated));
                if first == network {
                    continue;
                }
                let message = format!(
                    "network `{network}` is entered at `{address}`, port {port}, as is network `{first}`"
                );
                findings.push(
                    stated
                        .finding(&RULE, message)
                        .found(address)
                        .related(place.place(), format!("`{first}` is entered there too"))
                        .help("give each gateway an address of its own: only one of the two can answer there")
                        .cluster(&cluster.name),
                );
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
