//! How to see that it works: labels, ports, and requests that every cluster's sample answers.

use std::collections::BTreeSet;

use meshwright_policies::address::{Address, Port};
use meshwright_policies::intent::{GatewayDiscovery, Samples};
use meshwright_policies::mesh::{Cluster, EntryPoint, Mesh, Network};

use super::istiods::exposed;
use super::markdown::{Page, codes};
use super::words::{MANY, context, endpoint, is_large};

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

/// Ports that must answer, each asked from where it is dialled.
fn ports(mesh: &Mesh, page: &mut Page) {
    let entries: Vec<String> = mesh
        .networks
        .values()
        .flat_map(|network| network.entries.iter().flat_map(move |entry| dials(mesh, network, entry)))
        .collect();
    if !entries.is_empty() {
        page.block(
            "From a node or pod of the clusters that a line names, the gateway of the other network answers:",
        );
        page.commands(&entries);
    }
    let mut istiods = Vec::new();
    for istiod in exposed(mesh) {
        let note = if istiod.hosted {
            "presents istiod's certificate; an answer on 443 proves nothing, and Mspider closed it in 0.17"
        } else {
            "presents istiod's certificate"
        };
        for (address, clients) in istiod.dialled_by(mesh) {
            let Some(address) = address else { continue };
            istiods.push(format!(
                "openssl s_client -connect {} </dev/null   # from {}: {note}",
                endpoint(address, Port::XDS),
                clusters(mesh, &clients)
            ));
        }
    }
    if !istiods.is_empty() {
        page.block("From a node or pod of the clusters that another one's istiod serves, it answers:");
        page.commands(&istiods);
    }
}

/// What the clusters of other networks dial to enter one, each as it is told.
fn dials(mesh: &Mesh, network: &Network, entry: &EntryPoint) -> Vec<String> {
    let mut groups: Vec<(&Address, Vec<&Cluster>)> = Vec::new();
    for cluster in mesh.clusters.values().filter(|cluster| cluster.network != network.id) {
        let Some(address) = entry.address_for(&cluster.name) else { continue };
        match groups.iter_mut().find(|(known, _)| *known == address) {
            Some((_, observers)) => observers.push(cluster),
            None => groups.push((address, vec![cluster])),
        }
    }
    let alone = groups.len() == 1;
    let line = |(address, observers): (&Address, Vec<&Cluster>)| {
        let from = if alone { "every other network".to_owned() } else { clusters(mesh, &observers) };
        format!("nc -vz -w 5 {address} {}   # {}, from {from}", entry.port, network.id)
    };
    groups.into_iter().map(line).collect()
}

/// Names as a comment of a command has them.
fn clusters(mesh: &Mesh, clusters: &[&Cluster]) -> String {
    match clusters {
        [first, _, ..] if is_large(mesh) => {
            format!("{} and {} more", first.name, clusters.len().saturating_sub(1))
        }
        _ => clusters.iter().map(|cluster| cluster.name.as_str()).collect::<Vec<_>>().join(", "),
    }
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
