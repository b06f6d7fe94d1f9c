//! How the networks of a mesh are entered.

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::address::Address;
use meshwright_policies::claim::Fact;
use meshwright_policies::names::NetworkId;
use meshwright_policies::repository::Cluster;
use serde_json::{Map, Value as Json, json};

use super::super::cluster::{Choice, Member};
use super::super::draft::Document;
use super::super::gateways::Gateway;
use super::super::slug;
use super::ONLY_NETWORK;
use super::common::most;
use super::mesh::{Entry, Mesh};

/// The network of a cluster, as the intent can name it.
pub(in super::super) fn network_of(member: &Member<'_>) -> String {
    let Choice { value, .. } = &member.network;
    match value {
        Some(id) if NetworkId::new(id.as_str()).is_ok() => id.clone(),
        Some(id) => slug(id),
        None => ONLY_NETWORK.to_owned(),
    }
}

/// The networks of a mesh.
pub(super) struct Networks {
    pub(super) by_id: BTreeMap<String, Network>,
    /// Whether most gateways are announced by `meshNetworks`.
    pub(super) mesh_networks: bool,
    /// The primary of each remote.
    pub(super) primaries: BTreeMap<String, String>,
}

#[derive(Default)]
pub(super) struct Network {
    pub(super) document: Document,
    /// Entries by observing cluster.
    pub(super) entries: BTreeMap<String, Vec<Entry>>,
    /// Addresses that only `meshNetworks` tells, of the first gateway of a cluster whose Service cannot ask for one.
    pub(super) announced: BTreeMap<String, String>,
    /// By cluster: at which other address observers dial its gateway.
    pub(super) addressed: BTreeMap<String, BTreeMap<String, String>>,
    /// Ports that clusters' gateways are announced at and do not have: cluster, its own port, the other one.
    pub(super) unserved: BTreeSet<(String, u64, u64)>,
}

impl Networks {
    pub(super) fn of(mesh: &Mesh<'_, '_>) -> Networks {
        let mut by_id: BTreeMap<String, Network> = BTreeMap::new();
        for member in &mesh.members {
            by_id.entry(network_of(member)).or_default();
        }
        let hosted = mesh.hosted.and_then(|hosted| Some((hosted.owner(&mesh.members)?, hosted.plane)));
        let observers: Vec<(&String, &Cluster)> = match hosted {
            Some((owner, plane)) => vec![(&owner.name, plane)],
            None => mesh.members.iter().map(|member| (&member.name, member.input)).collect(),
        };
        for (observer, cluster) in observers {
            for stated in cluster.stated(|_, fact| matches!(fact, Fact::Entries { .. })) {
                let Fact::Entries { network } = &stated.claim.fact else { continue };
                if let Some(network) = by_id.get_mut(network) {
                    let first = || entries(&stated.claim.value);
                    network.entries.entry(observer.clone()).or_insert_with(first);
                }
            }
        }
        let announced = by_id.values().filter(|network| !network.entries.is_empty()).count();
        let several = by_id.len() > 1;
        // Gateways for remotes on one network have the label unless another source was chosen.
        let mut gateways = mesh.members.iter().flat_map(|member| &member.gateways).peekable();
        let unlabelled = gateways.peek().is_some() && gateways.all(|gateway| !gateway.labelled);
        let mesh_networks = if several { announced > 0 && announced * 2 >= by_id.len() } else { unlabelled };
        let mut networks = Networks { by_id, mesh_networks, primaries: BTreeMap::new() };
        for (id, network) in &mut networks.by_id {
            let own = !network.entries.is_empty();
            if several && own != mesh_networks {
                let discovery = if own { "meshNetworks" } else { "labels" };
                network.document.spec.insert("gatewayDiscovery".into(), discovery.into());
            }
            let members: Vec<&&Member<'_>> =
                mesh.members.iter().filter(|member| network_of(member) == *id).collect();
            network.describe(mesh, &members, several);
        }
        networks
    }

    /// The address of a cluster's first gateway that only `meshNetworks` tells.
    pub(super) fn announced(&self, member: &Member<'_>) -> Option<String> {
        self.by_id.get(&network_of(member))?.announced.get(&member.name).cloned()
    }

    /// Whether a network says at which address `observer` dials `primary`'s first gateway.
    pub(super) fn seen(&self, primary: &Member<'_>, observer: &Member<'_>) -> bool {
        let of = |network: &Network| {
            network.addressed.get(&primary.name).and_then(|of| of.get(&observer.name)).cloned()
        };
        let network = self.by_id.get(&network_of(primary));
        network.and_then(of).is_some_and(|address| observer.control_plane.as_ref() == Some(&address))
    }
}

fn entries(value: &str) -> Vec<Entry> {
    let parsed = value.split(',').filter_map(|entry| {
        let (address, port) = entry.rsplit_once(' ')?;
        Some((address.to_owned(), port.parse().ok()?))
    });
    parsed.filter(|(address, _)| address.parse::<Address>().is_ok()).collect()
}

impl Network {
    fn describe(&mut self, mesh: &Mesh<'_, '_>, members: &[&&Member<'_>], several: bool) {
        if mesh.several {
            self.document.spec.insert("mesh".into(), mesh.name.into());
        }
        if members.len() > 1 {
            self.document.spec.insert("podConnectivity".into(), "routed".into());
            let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
            self.document.comment(
                "podConnectivity",
                format!(
                    "the manifests put {} on one network: do their pods reach each other without a gateway?",
                    names.join(", ")
                ),
            );
        }
        if !several {
            return;
        }
        let have: Vec<&&&Member<'_>> = members.iter().filter(|member| !member.gateways.is_empty()).collect();
        let gateways = self.gateways(mesh, members, &have);
        if !gateways.is_empty() {
            self.document.spec.insert("gateways".into(), gateways.into());
        }
        for (cluster, own, other) in &self.unserved {
            self.document.comment(
                "gateways",
                format!("the Service of the gateway of {cluster} has no port {other}, which meshNetworks names: {own} is taken"),
            );
        }
        if have.is_empty() && self.entries.is_empty() {
            self.document.comment(
                "gateways",
                "no east-west gateway of this network was found: one is rendered in each of its clusters",
            );
        }
    }

    /// The entries, where they are not simply every gateway of every cluster.
    fn gateways(
        &mut self,
        mesh: &Mesh<'_, '_>,
        members: &[&&Member<'_>],
        have: &[&&&Member<'_>],
    ) -> Vec<Json> {
        // What most istiods are told; an istiod that is told other addresses may reach them by another way.
        let lists = self.entries.values();
        let Some(told) = most(lists).cloned() else {
            let some = !have.is_empty() && have.len() < members.len();
            return have.iter().filter(|_| some).map(|member| json!({"cluster": member.name})).collect();
        };
        let own: Vec<(&str, usize, &Gateway<'_>)> = have
            .iter()
            .flat_map(|member| member.gateways.iter().enumerate().map(|(i, g)| (member.name.as_str(), i, g)))
            .collect();
        let mut left: Vec<usize> = (0..own.len()).collect();
        let mut items = Vec::new();
        let mut plain = true;
        for (at, (address, port)) in told.iter().enumerate() {
            let by_address = left.iter().position(|index| {
                own.get(*index).is_some_and(|(_, _, gateway)| gateway.address.as_ref() == Some(address))
            });
            let without =
                || left.iter().position(|index| own.get(*index).is_some_and(|(_, _, g)| g.address.is_none()));
            let position = by_address.or_else(without).or(if left.is_empty() { None } else { Some(0) });
            let gateway = position.and_then(|position| own.get(left.remove(position)));
            let cluster = gateway
                .map_or_else(|| members.first().map(|m| m.name.as_str()), |(cluster, ..)| Some(cluster));
            let Some(cluster) = cluster else { continue };
            let mut item = Map::new();
            item.insert("cluster".into(), cluster.into());
            if let Some((_, index, gateway)) = gateway.filter(|(_, index, _)| *index > 0) {
                item.insert("gateway".into(), gateway.name.as_str().into());
                plain &= *index > 0;
            }
            let behind =
                |gateway: &Gateway<'_>| gateway.item.get("service").and_then(|s| s.get("type")).is_some();
            let told_here =
                gateway.is_some_and(|(_, index, g)| *index == 0 && g.address.is_none() && behind(g));
            if told_here {
                self.announced.insert(cluster.to_owned(), address.clone());
            }
            let known =
                told_here || gateway.is_some_and(|(_, _, gateway)| gateway.address.as_ref() == Some(address));
            if !known {
                item.insert("address".into(), address.as_str().into());
                plain = false;
            }
            let own_port =
                gateway.and_then(|(_, _, g)| g.item.get("port").and_then(Json::as_u64)).unwrap_or(15443);
            // Nobody answers at a port that the Service does not have.
            let unserved = known && gateway.is_some_and(|(_, _, gateway)| gateway.lacks(*port));
            if unserved {
                self.unserved.insert((cluster.to_owned(), own_port, *port));
            } else if own_port != *port {
                item.insert("port".into(), (*port).into());
                plain = false;
            }
            let other_ways = self.other_ways(mesh, cluster, at, &told);
            if !other_ways.is_empty() {
                item.insert("addressFrom".into(), other_ways.into());
                plain = false;
            }
            items.push(Json::Object(item));
        }
        // Every cluster with a gateway is an entry, and so is one without: it would get a gateway.
        if plain && left.is_empty() && have.len() == members.len() { Vec::new() } else { items }
    }

    /// Addresses at which some clusters reach the entry instead.
    fn other_ways(
        &mut self,
        mesh: &Mesh<'_, '_>,
        cluster: &str,
        at: usize,
        told: &[Entry],
    ) -> Map<String, Json> {
        let mut ways = Map::new();
        let usual = told.get(at).map(|(address, _)| address);
        for (observer, list) in &self.entries {
            let Some((address, _)) = list.get(at).filter(|_| list.len() == told.len()) else { continue };
            if Some(address) != usual && observer != cluster {
                ways.insert(observer.clone(), address.as_str().into());
                self.addressed
                    .entry(cluster.to_owned())
                    .or_default()
                    .insert(observer.clone(), address.clone());
            }
        }
        // A remote dials the first gateway of its primary, and nothing but that address says how it sees it.
        let own = mesh.members.iter().find(|member| member.name == cluster).filter(|_| at == 0);
        let Some(own) = own else { return ways };
        let only = !own.remote && mesh.members.iter().filter(|member| !member.remote).count() == 1;
        for remote in mesh.members.iter().filter(|member| member.remote) {
            let leads = remote
                .leading
                .as_deref()
                .is_some_and(|leading| leading.split(',').any(|id| id.trim() == own.cluster_id()));
            let serves = leads || only;
            let Some(address) = remote.control_plane.as_ref().filter(|_| serves && remote.name != cluster)
            else {
                continue;
            };
            if Some(address) != usual && address.parse::<Address>().is_ok() {
                ways.insert(remote.name.clone(), address.as_str().into());
                self.addressed
                    .entry(cluster.to_owned())
                    .or_default()
                    .insert(remote.name.clone(), address.clone());
            }
        }
        ways
    }
}
