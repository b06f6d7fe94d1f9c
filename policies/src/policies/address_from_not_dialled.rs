//! MW3020: `addressFrom` says what nobody dials.

use crate::finding::{Finding, Findings, Place, Rule, Severity};
use crate::mesh::{Cluster, EntryPoint, Mesh, Network, Role};
use crate::node::FieldPath;
use crate::policy::Policy;

/// MW3020: `addressFrom` says what nobody dials.
#[derive(Debug)]
pub(super) struct AddressFromNotDialled;

static RULE: Rule = Rule {
    code: "MW3020",
    name: "address-from-not-dialled",
    severity: Severity::Error,
    title: "addressFrom says what nobody dials",
    docs: include_str!("../../docs/MW3020.md"),
};

impl Policy for AddressFromNotDialled {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        for network in mesh.mesh_networks() {
            if mesh.hosted().is_some() {
                hosted(network, findings);
                continue;
            }
            for entry in &network.entries {
                let outside = |cluster: &&Cluster| cluster.network != network.id;
                let remotes = mesh.clusters.values().filter(outside);
                findings.extend(remotes.filter_map(|remote| remote_dials(mesh, network, entry, remote)));
            }
        }
    }
}

/// One hosted istiod configures every proxy from one `meshNetworks`.
fn hosted(network: &Network, findings: &mut Findings) {
    for (index, gateway) in network.spec.gateways.iter().enumerate() {
        if gateway.address_from.is_empty() {
            continue;
        }
        let path = FieldPath::parse("spec.gateways").index(index).key("addressFrom");
        let message = format!(
            "network `{}` has other addresses for some observers, but one hosted istiod tells every proxy the same",
            network.id
        );
        findings.push(
            RULE.at(network.written.place(path), message)
                .cluster(&gateway.cluster)
                .help("remove `addressFrom`, and declare as `address` what every cluster can dial"),
        );
    }
}

/// A remote's proxies are told by its primary, whose own `meshNetworks` is the only one that they see.
fn remote_dials(mesh: &Mesh, network: &Network, entry: &EntryPoint, remote: &Cluster) -> Option<Finding> {
    let Role::Remote { primary: Some(primary) } = &remote.role else { return None };
    let primary = mesh.clusters.get(primary)?;
    let (said, told) = (entry.address_for(&remote.name), entry.address_for(&primary.name));
    // Only what is said of a remote can be wrong: one that is not named dials as its primary does.
    if said == told || !entry.address_from.contains_key(&remote.name) {
        return None;
    }
    let shown = |address: Option<&crate::address::Address>| match address {
        Some(address) => format!("`{address}`"),
        None => "the address in the Service's status".to_owned(),
    };
    let message = format!(
        "cluster `{}` dials what its primary `{}` dials, {}, and not {}",
        remote.name,
        primary.name,
        shown(told),
        shown(said)
    );
    let declared = |observer: &Cluster| address_from(network, entry, observer);
    let place = declared(remote).or_else(|| declared(primary)).unwrap_or_else(|| entry.place.clone());
    let mut finding = RULE.at(place, message).cluster(&remote.name).help(match (told, said) {
        (Some(told), _) if entry.address_from.contains_key(&primary.name) => {
            format!("write `{}: {told}` there, as for its primary", remote.name)
        }
        (_, Some(said)) => {
            format!(
                "write `{}: {said}` beside it if that is right, or remove `{}`",
                primary.name, remote.name
            )
        }
        _ => format!("remove `{}`", remote.name),
    });
    if let Some(said) = said {
        finding = finding.found(said);
    }
    if let (Some(told), Some(place)) = (told, declared(primary).or_else(|| Some(entry.place.clone()))) {
        finding = finding.declared(told, place, format!("`{}` dials `{told}`", primary.name));
    }
    Some(finding)
}

fn address_from(network: &Network, entry: &EntryPoint, observer: &Cluster) -> Option<Place> {
    let index = network.spec.gateways.iter().position(|gateway| {
        gateway.cluster == entry.cluster
            && gateway.address_from.contains_key(&observer.name)
            && gateway.address_from == entry.address_from
    })?;
    let path = FieldPath::parse("spec.gateways").index(index).key("addressFrom").key(observer.name.as_str());
    Some(network.written.place(path))
}
