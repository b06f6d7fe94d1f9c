//! MW2010: a network names a cluster or a gateway that does not exist.

use crate::finding::{Finding, Findings, Rule, Severity};
use crate::mesh::{Cluster, Mesh, Network};
use crate::names::{ClusterName, ObjectName};
use crate::node::FieldPath;
use crate::policy::Policy;
use crate::suggest::did_you_mean;

/// A network names a cluster or a gateway that does not exist.
pub(super) struct UnknownGateway;

static RULE: Rule = Rule {
    code: "MW2010",
    name: "unknown-gateway",
    severity: Severity::Error,
    title: "network names a cluster or gateway that is not declared",
    docs: include_str!("../../docs/MW2010.md"),
};

impl Policy for UnknownGateway {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn check_mesh(&self, mesh: &Mesh, findings: &mut Findings) {
        let is_unread = |name: &ClusterName| mesh.unread.clusters.contains(name.as_str());
        for network in mesh.networks.values() {
            for (index, gateway) in network.spec.gateways.iter().enumerate() {
                let field = format!("spec.gateways[{index}]");
                match mesh.clusters.get(&gateway.cluster) {
                    None if is_unread(&gateway.cluster) => {}
                    None => {
                        let path = format!("{field}.cluster");
                        findings.push(unknown_cluster(mesh, network, &gateway.cluster, &path));
                    }
                    Some(cluster) => {
                        findings.extend(unknown_gateway(network, cluster, gateway.gateway.as_ref(), &field))
                    }
                }
                let unknown = |name: &&ClusterName| !mesh.clusters.contains_key(*name) && !is_unread(name);
                for observer in gateway.address_from.keys().filter(unknown) {
                    let path = format!("{field}.addressFrom.{observer}");
                    findings.push(unknown_cluster(mesh, network, observer, &path));
                }
            }
        }
        for cluster in mesh.clusters.values() {
            let before = cluster.spec.previous.iter().flat_map(|previous| &previous.gateways);
            for (index, before) in before.enumerate() {
                let unknown = before.address_from.keys().find(|name| {
                    !mesh.clusters.contains_key(*name) && !mesh.unread.clusters.contains(name.as_str())
                });
                findings.extend(earlier(mesh, cluster, index, before.gateway.as_ref(), unknown));
            }
            findings.extend(without_present(cluster));
        }
    }
}

/// What `previous` of a cluster says of something that the cluster does not declare any more.
fn without_present(cluster: &Cluster) -> Vec<Finding> {
    let Some(previous) = &cluster.spec.previous else { return Vec::new() };
    let balancer = &cluster.spec.load_balancer;
    let pools = !previous.pools.is_empty() && balancer.metallb.is_none();
    let ingress = previous.ingress_address.is_some() && balancer.addresses.ingress.is_none();
    let told = [
        (pools, "pools", "loadBalancer.metallb"),
        (ingress, "ingressAddress", "loadBalancer.addresses.ingress"),
    ];
    let finding = |(_, field, now): (bool, &str, &str)| {
        let message =
            format!("`previous` of cluster `{}` says `{field}`, but `{now}` says nothing", cluster.name);
        let place = cluster.written.place(format!("spec.previous.{field}").as_str());
        RULE.at(place, message)
            .cluster(&cluster.name)
            .help("leave it out: what the intent no longer declares may go at any time")
    };
    told.into_iter().filter(|(is_told, ..)| *is_told).map(finding).collect()
}

/// What `previous` of a cluster names, and nobody has.
fn earlier(
    mesh: &Mesh,
    cluster: &Cluster,
    index: usize,
    gateway: Option<&ObjectName>,
    unknown: Option<&ClusterName>,
) -> Vec<Finding> {
    let item = || FieldPath::parse("spec.previous.gateways").index(index);
    let has = |name: &ObjectName| cluster.gateways.iter().any(|gateway| gateway.name == *name);
    let no_gateway = gateway.filter(|name| !has(name)).map(|name| {
        let message = format!(
            "`previous` of cluster `{}` names gateway `{name}`, which the cluster does not have",
            cluster.name
        );
        let known = cluster.gateways.iter().map(|gateway| gateway.name.as_str());
        let help = did_you_mean(name.as_str(), known, || {
            "leave it out: what the intent no longer declares may go at any time".to_owned()
        });
        RULE.at(cluster.written.place(item().key("gateway")), message)
            .cluster(&cluster.name)
            .found(name)
            .help(help)
    });
    let no_observer = unknown.map(|name| {
        let message = format!(
            "`previous` of cluster `{}` names cluster `{name}`, which mesh `{}` does not have",
            cluster.name, mesh.name
        );
        let help = did_you_mean(name.as_str(), mesh.clusters.keys().map(ClusterName::as_str), || {
            "leave it out: nobody sees the gateway from there".to_owned()
        });
        let place = cluster.written.place(item().key("addressFrom").key(name.as_str()));
        RULE.at(place, message).cluster(&cluster.name).found(name).help(help)
    });
    no_gateway.into_iter().chain(no_observer).collect()
}

fn unknown_cluster(mesh: &Mesh, network: &Network, name: &ClusterName, path: &str) -> Finding {
    let message =
        format!("network `{}` names cluster `{name}`, which mesh `{}` does not have", network.id, mesh.name);
    let help = did_you_mean(name.as_str(), mesh.clusters.keys().map(ClusterName::as_str), || {
        format!("declare it: a document of kind Cluster with `metadata.name: {name}`")
    });
    RULE.at(network.written.place(path), message).found(name).help(help)
}

fn unknown_gateway(
    network: &Network,
    cluster: &Cluster,
    name: Option<&ObjectName>,
    field: &str,
) -> Option<Finding> {
    let place = cluster.written.place("spec.eastWestGateways");
    let label = format!("gateways of `{}` are declared here", cluster.name);
    let Some(name) = name else {
        if !cluster.gateways.is_empty() {
            return None;
        }
        let message = format!(
            "network `{}` is entered by cluster `{}`, which has no east-west gateway",
            network.id, cluster.name
        );
        let finding = RULE.at(network.written.place(format!("{field}.cluster").as_str()), message);
        let help = format!("leave out `eastWestGateways` of `{}`: one gateway is the default", cluster.name);
        return Some(finding.cluster(&cluster.name).related(place, label).help(help));
    };
    if cluster.gateways.iter().any(|gateway| gateway.name == *name) {
        return None;
    }
    let message = format!(
        "network `{}` names gateway `{name}` of cluster `{}`, which has no such gateway",
        network.id, cluster.name
    );
    let known = cluster.gateways.iter().map(|gateway| gateway.name.as_str());
    let help = did_you_mean(name.as_str(), known, || match cluster.gateways.first() {
        Some(first) => format!("leave out `gateway`: the first one, `{}`, is the default", first.name),
        None => format!("declare it in `eastWestGateways` of `{}`", cluster.name),
    });
    let finding = RULE.at(network.written.place(format!("{field}.gateway").as_str()), message);
    Some(finding.cluster(&cluster.name).found(name).related(place, label).help(help))
}
