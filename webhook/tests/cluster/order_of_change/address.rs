//! The address of an east-west gateway changes, which peers dial, and by which remote clusters reach istiod.

use super::{ARGO, Change, FLUX, Words, cluster, document, intent, mesh};

const OLD: &str = "10.1.0.10";
const NEW: &str = "10.1.0.11";

/// Two clusters on a network each; the gateway of `east` changes its address.
fn template(plane: &str, install: &str, discovery: &str, delivery: &str) -> String {
    let balancer = |address: &str, pool: &str| {
        let pools = format!("metallb: {{pools: [{{name: first, addresses: [{pool}]}}]}}");
        format!("  loadBalancer: {{addresses: {{eastWest: {address}}}, {pools}}}\n")
    };
    let east = balancer("ADDRESS", "10.1.0.0/24") + "  PREVIOUS";
    [
        mesh(plane, install, discovery, delivery),
        document("Network", "net-east", "  {}"),
        document("Network", "net-west", "  {}"),
        cluster("east", "net-east", "10.0.1.1", &east),
        cluster("west", "net-west", "10.0.2.1", &balancer("10.2.0.10", "10.2.0.0/24")),
    ]
    .concat()
}

async fn change(template: &str, here: &'static [(&'static str, usize)], argo: bool) {
    let of = |address: &str, previous: &str| {
        intent(&template.replace("ADDRESS", address).replace("PREVIOUS", previous))
    };
    let change = Change {
        words: Words { old: OLD, new: NEW, wrong: "10.9.9.9" },
        old: of(OLD, ""),
        both: of(NEW, &format!("previous: {{gateways: [{{address: {OLD}}}]}}")),
        new: of(NEW, ""),
        here,
        argo,
    };
    change.happens().await;
}

const MULTI: &str = "{multiPrimary: {}}";
const REMOTE: &str = "{primaryRemote: {primaries: [east]}}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flux_with_helm_and_mesh_networks() {
    let template = template(MULTI, "Helm", "meshNetworks", FLUX);
    change(&template, &[("east", 2), ("west", 1)], false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn argo_with_sail_and_mesh_networks() {
    let template = template(MULTI, "Sail", "meshNetworks", ARGO);
    change(&template, &[("east", 1), ("west", 1)], true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn remote_clusters_reach_istiod_by_it() {
    change(&template(REMOTE, "Helm", "meshNetworks", FLUX), &[("east", 2), ("west", 1)], false).await;
}
