//! MW3010: a private gateway address among peers with public ones.

use crate::address::Address;
use crate::finding::{Finding, Findings, Rule, Severity};
use crate::mesh::{EntryPoint, Mesh, Network};
use crate::policy::Policy;

/// A private gateway address among peers with public ones.
pub(super) struct PrivateGatewayAmongPublic;

static RULE: Rule = Rule {
    code: "MW3010",
    name: "private-gateway-among-public",
    severity: Severity::Warning,
    title: "private gateway address among public ones",
    docs: include_str!("../../docs/MW3010.md"),
};

impl Policy for PrivateGatewayAmongPublic {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        if !mesh.is_multi_network() {
            return;
        }
        let entries = || mesh.networks.values().flat_map(|n| n.entries.iter().map(move |entry| (n, entry)));
        let address = |entry: &EntryPoint| entry.address.as_ref().filter(|a| a.ip().is_some()).cloned();
        let public = entries().find(|(_, entry)| {
            address(entry).is_some_and(|address| !address.is_private() && !address.is_local_only())
        });
        let Some((public_network, public)) = public else { return };
        for (network, entry) in entries() {
            // Whoever wrote addresses by observer has thought of it; other gateways of that network are its own affair.
            let Some(found) = address(entry).filter(Address::is_private) else { continue };
            if !entry.address_from.is_empty() || network.id == public_network.id {
                continue;
            }
            findings.push(private(network, entry, &found, public_network, public));
        }
    }
}

fn private(
    network: &Network,
    entry: &EntryPoint,
    found: &Address,
    public_network: &Network,
    public: &EntryPoint,
) -> Finding {
    let message = format!(
        "network `{}` is entered at the private address `{found}`, but `{}` at a public one",
        network.id, public_network.id
    );
    let label = format!("`{}` is reached over the Internet", public_network.id);
    RULE.at(entry.place.clone(), message)
        .cluster(&entry.cluster)
        .found(found)
        .related(public.place.clone(), label)
        .help(format!(
            "declare `publicAddress` of `{}`'s gateway, unless clusters of `{}` have a private route to `{found}`",
            entry.cluster, public_network.id
        ))
}
