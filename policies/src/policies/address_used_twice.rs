//! MW3002: one address for two Services.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::address::Address;
use crate::address_plan::{AddressUse, Site, free_address, of_fleet, site, taken};
use crate::finding::{Finding, Findings, Rule, Severity};
use crate::mesh::Fleet;
use crate::policy::Policy;

/// One address for two Services.
pub(super) struct AddressUsedTwice;

static RULE: Rule = Rule {
    code: "MW3002",
    name: "address-used-twice",
    severity: Severity::Error,
    title: "one address is declared for two Services",
    docs: include_str!("../../docs/MW3002.md"),
};

impl Policy for AddressUsedTwice {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_fleet(&self, fleet: &Fleet, findings: &mut Findings) {
        let uses = of_fleet(fleet);
        let taken = taken(&uses);
        let nothing = BTreeSet::new();
        let mut by_address: BTreeMap<(Site<'_>, &Address), Vec<&AddressUse<'_>>> = BTreeMap::new();
        for used in &uses {
            let site = if used.port.is_none() { site(used.mesh, used.cluster, used.address) } else { None };
            let earlier = by_address.entry((site, used.address)).or_default();
            // The entry of a network repeats its gateway's address: one place, one finding.
            if earlier.iter().any(|other| other.place == used.place) {
                continue;
            }
            if let Some(other) = earlier.iter().find(|other| other.clashes_with(used)) {
                findings.push(clash(used, other, taken.get(&used.cluster.name).unwrap_or(&nothing)));
            }
            earlier.push(used);
        }
    }
}

fn clash(used: &AddressUse<'_>, other: &AddressUse<'_>, taken: &BTreeSet<IpAddr>) -> Finding {
    let (address, cluster) = (used.address, &used.cluster.name);
    let of = if *cluster == other.cluster.name {
        "its own".to_owned()
    } else {
        format!("`{}`'s", other.cluster.name)
    };
    let port = used.port.filter(|_| other.port.is_some());
    let port = port.map(|port| format!(", port {port},")).unwrap_or_default();
    let message = format!(
        "`{address}`{port} is declared for {} of cluster `{cluster}`, but it is the address of {}",
        used.role,
        other.role.replacen("the", &of, 1)
    );
    let help = match free_address(used.cluster, taken) {
        Some((free, pool)) => format!("`{free}` of `{cluster}`'s pool `{pool}` is planned for nothing else"),
        None => format!("give {} an address of its own", used.role),
    };
    let label = format!("`{address}` is planned for {} of `{}`", other.role, other.cluster.name);
    RULE.at(used.place.clone(), message)
        .cluster(cluster)
        .found(address)
        .related(other.place.clone(), label)
        .help(help)
}
