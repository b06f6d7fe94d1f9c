//! Which clusters there are, and who each of them is.

use meshwright_policies::intent::Delivery;

use super::Impact::{Changes as Other, Destroys, Disrupts, Partitions};
use super::{Changes, Fleets, In, list, moved, text};

pub(super) fn compare(fleets: &Fleets<'_>, changes: &mut Changes) {
    for pair in fleets.clusters.values() {
        match (pair.base, pair.head) {
            (Some(was), None) => changes.cluster(
                was,
                Destroys,
                "cluster-removed",
                "the cluster is removed: its directory is no longer rendered, and an agent that prunes deletes its Istio",
            ),
            (None, Some(is)) => {
                let text = format!("the cluster is new, on network `{}`", is.1.network);
                changes.cluster(is, Other, "cluster-added", text);
            }
            (Some(was), Some(is)) => kept(was, is, changes),
            (None, None) => {}
        }
    }
}

fn kept(was: In<'_>, is: In<'_>, changes: &mut Changes) {
    let (old, new) = (was.1, is.1);
    let mut say = |impact, kind, text: Option<String>| {
        text.into_iter().for_each(|text| changes.cluster(is, impact, kind, text));
    };
    say(Partitions, "mesh", moved("the mesh", &was.0.name, &is.0.name));
    let network = moved("the network", &old.network, &new.network);
    let proxies = "proxies stay on the old one until they restart";
    say(Partitions, "network", network.map(|text| format!("{text}; {proxies}")));
    say(Partitions, "cluster-id", moved("the cluster ID", &old.id, &new.id));
    say(Disrupts, "role", moved("the role", &was.0.part_of(old), &is.0.part_of(new)));
    let server = |of: In<'_>| {
        let spec = &of.1.spec;
        text(spec.remote_access.api_server.as_ref().or(spec.kubernetes.api_server.as_ref()))
    };
    let server = moved("the API server that other control planes read", &server(was), &server(is));
    say(Disrupts, "api-server", server.map(|text| format!("{text}; remote secrets hold the old one")));
    say(
        Other,
        "pod-cidrs",
        moved("the range of the pods", &list(&old.spec.pod_cidrs), &list(&new.spec.pod_cidrs)),
    );
    let services =
        moved("the range of the services", &list(&old.spec.service_cidrs), &list(&new.spec.service_cidrs));
    say(Other, "service-cidrs", services);
    say(Other, "locality", moved("the locality", &locality(was), &locality(is)));
    say(Disrupts, "delivery", moved("delivery", &delivery(&old.delivery), &delivery(&new.delivery)));
    let kubernetes = moved(
        "Kubernetes",
        &text(old.spec.kubernetes.version.as_ref()),
        &text(new.spec.kubernetes.version.as_ref()),
    );
    say(Other, "kubernetes", kubernetes);
}

fn locality(of: In<'_>) -> String {
    let Some(locality) = &of.1.spec.locality else { return String::new() };
    let parts = [Some(&locality.region), locality.zone.as_ref(), locality.subzone.as_ref()];
    parts.into_iter().flatten().map(ToString::to_string).collect::<Vec<_>>().join("/")
}

fn delivery(delivery: &Delivery) -> &'static str {
    match delivery {
        Delivery::Flux(_) => "Flux",
        Delivery::Argocd(_) => "Argo CD",
        Delivery::None(_) => "nobody",
    }
}
