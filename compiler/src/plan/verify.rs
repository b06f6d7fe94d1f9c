//! How to see that it works: labels, ports, and requests that every cluster's sample answers.

use std::collections::BTreeSet;

use meshwright_policies::address::Address;
use meshwright_policies::intent::{GatewayDiscovery, Samples};
use meshwright_policies::mesh::{Cluster, Mesh};

use super::istiods::exposed;
use super::markdown::{Page, codes};
use super::words::{MANY, context, is_large};

pub(super) fn section(mesh: &Mesh, page: &mut Page) {
    page.heading(3, "Verification");
    labels(mesh, page);
    ports(mesh, page);
    samples(mesh, page);
}

fn first_clusters(mesh: &Mesh) -> impl Iterator<Item = &Cluster> {
    // In a large fleet, one cluster per network shows the form of the command.
    let large = is_large(mesh);
    let mut seen = BTreeSet::new();
    mesh.clusters.values().filter(move |cluster| !large || seen.insert(&cluster.network)).take(MANY)
}

fn labels(mesh: &Mesh, page: &mut Page) {
    if !mesh.is_multi_network() {
        return;
    }
    page.block(
        "The network of each cluster, as its system namespace says (this label beats `meshNetworks`):",
    );
    let line = |cluster: &Cluster| {
        format!(
            "kubectl get namespace {} -L topology.istio.io/network --context={}   # {}",
            cluster.system_namespace(),
            context(cluster),
            cluster.network
        )
    };
    let lines: Vec<String> = first_clusters(mesh).map(line).collect();
    page.commands(&lines);
    let labelled = |cluster: &&Cluster| {
        mesh.networks
            .get(&cluster.network)
            .is_some_and(|network| mesh.gateway_discovery(network) == GatewayDiscovery::Labels)
    };
    let services: Vec<String> = first_clusters(mesh)
        .filter(labelled)
        .flat_map(|cluster| {
            cluster.gateways.iter().map(move |gateway| {
                format!(
                    "kubectl -n {} get service {} --context={}",
                    cluster.system_namespace(),
                    gateway.name,
                    context(cluster)
                )
            })
        })
        .collect();
    if !services.is_empty() {
        page.block("Peers learn the addresses that these show as `EXTERNAL-IP`; `<pending>` means that nobody can enter:");
        page.commands(&services);
    }
}

/// Ports that must answer, asked from outside the network.
fn ports(mesh: &Mesh, page: &mut Page) {
    let mut lines = Vec::new();
    for istiod in exposed(mesh) {
        if let Some(address) = istiod.address {
            let note = "presents istiod's certificate; an answer on 443 proves nothing, and Mspider closed it in 0.17";
            let note = if istiod.hosted { note } else { "presents istiod's certificate" };
            lines.push(format!("openssl s_client -connect {} </dev/null   # {note}", target(address, 15012)));
        }
    }
    for network in mesh.networks.values() {
        for entry in &network.entries {
            if let Some(address) = &entry.address {
                lines.push(format!(
                    "nc -vz -w 5 {} {}   # {}, from every other network",
                    host(address),
                    entry.port,
                    network.id
                ));
            }
        }
    }
    if !lines.is_empty() {
        page.block("From a node or pod of another network, each of these connects:");
        page.commands(&lines);
    }
}

fn host(address: &Address) -> String {
    address.to_string()
}

fn target(address: &Address, port: u16) -> String {
    super::words::endpoint(address, port)
}

fn samples(mesh: &Mesh, page: &mut Page) {
    let declared = || mesh.clusters.values().filter_map(|c| Some((c, c.spec.samples.as_ref()?)));
    let versions =
        |of: fn(&Samples) -> Option<&meshwright_policies::intent::SampleVersion>| -> BTreeSet<String> {
            declared()
                .filter_map(|(_, samples)| of(samples))
                .map(|sample| sample.version.to_string())
                .collect()
        };
    let hello = versions(|samples| samples.helloworld.as_ref());
    let reviews = versions(|samples| samples.reviews.as_ref());
    let askers: Vec<(&Cluster, &Samples)> =
        declared().filter(|(_, samples)| samples.sleep.is_some()).take(MANY).collect();
    for (name, path, answers) in [
        ("helloworld", "helloworld.{ns}:5000/hello", hello),
        ("reviews", "reviews.{ns}:9080/reviews/1", reviews),
    ] {
        if answers.is_empty() || askers.is_empty() {
            continue;
        }
        let expected = codes(&answers);
        let rule = if name == "helloworld" {
            "the answers name every version"
        } else {
            "the answers name pods of every version (`clustername` is always null there)"
        };
        page.block(&format!(
            "Ask `{name}` from each cluster that has `sleep`, often enough; {rule}: {expected}."
        ));
        let lines: Vec<String> =
            askers.iter().map(|(cluster, samples)| ask(cluster, samples, path)).collect();
        page.commands(&lines);
    }
}

fn ask(cluster: &Cluster, samples: &Samples, path: &str) -> String {
    let namespace = samples.namespace.as_str();
    let url = path.replace("{ns}", namespace);
    format!(
        "for i in $(seq 20); do kubectl -n {namespace} exec deploy/sleep -c sleep --context={} -- curl -sS {url}; echo; done",
        context(cluster)
    )
}
