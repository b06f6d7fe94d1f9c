//! The ID of a network changes.

use super::{ARGO, Change, FLUX, Words, cluster, document, intent, mesh};

const OLD: &str = "net-old";
const NEW: &str = "net-new";

/// Two clusters on a network each; `east` changes its network's ID.
fn template(install: &str, discovery: &str, delivery: &str) -> String {
    let gateway =
        |cluster: &str, address: &str| format!("  gateways: [{{cluster: {cluster}, address: {address}}}]");
    [
        mesh("{multiPrimary: {}}", install, discovery, delivery),
        document("Network", "NETWORK", &gateway("east", "10.1.0.10")),
        document("Network", "net-west", &gateway("west", "10.2.0.10")),
        cluster("east", "NETWORK", "10.1.0.1", "  PREVIOUS"),
        cluster("west", "net-west", "10.2.0.1", ""),
    ]
    .concat()
}

async fn change(install: &str, discovery: &str, delivery: &str, argo: bool) {
    let template = template(install, discovery, delivery);
    let of = |network: &str, previous: &str| {
        intent(&template.replace("NETWORK", network).replace("PREVIOUS", previous))
    };
    let change = Change {
        words: Words { old: OLD, new: NEW, wrong: "net-wrong" },
        old: of(OLD, ""),
        both: of(NEW, &format!("previous: {{network: {OLD}}}")),
        new: of(NEW, ""),
        // Every istiod is told of the changed network by `meshNetworks`, and none by labels.
        here: if discovery == "meshNetworks" { &[("east", 2), ("west", 1)] } else { &[("east", 2)] },
        argo,
    };
    change.happens().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flux_with_helm_and_labels() {
    change("Helm", "labels", FLUX, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flux_with_helm_and_mesh_networks() {
    change("Helm", "meshNetworks", FLUX, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn argo_with_sail_and_labels() {
    change("Sail", "labels", ARGO, true).await;
}
