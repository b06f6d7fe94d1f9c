//! What names the mesh or a cluster changes: mesh ID, trust domain, cluster ID.

use super::{ARGO, Change, FLUX, Words, cluster, document, intent};

/// Two clusters on a network each, of which `east` changes its ID.
fn template(plane: &str, install: &str, delivery: &str) -> String {
    let istio = format!("  istio: {{version: \"1.26.8\", install: {install}}}\n  controlPlane: {plane}");
    let mesh = format!("{istio}\n  gatewayDiscovery: meshNetworks\n  delivery: {delivery}\n  MESH");
    [
        document("Mesh", "demo", &mesh),
        document("Network", "net-east", "  {}"),
        document("Network", "net-west", "  {}"),
        cluster("east", "net-east", "10.0.1.1", "  eastWestGateways: [{address: 10.1.0.10}]\n  EAST"),
        cluster("west", "net-west", "10.0.2.1", "  eastWestGateways: [{address: 10.2.0.10}]"),
    ]
    .concat()
}

/// A field of the mesh or of `east`, and its name in `previous`.
async fn change(
    template: &str,
    (of_mesh, field): (bool, &str),
    words: Words,
    here: &'static [(&'static str, usize)],
    argo: bool,
) {
    let of = |value: &str, previous: &str| {
        let said = format!("{field}: {value}\n  {previous}");
        let (mesh, east) = if of_mesh { (said.as_str(), "") } else { ("", said.as_str()) };
        intent(&template.replace("MESH", mesh).replace("EAST", east))
    };
    let Words { old, new, .. } = words;
    let change = Change {
        words,
        old: of(old, ""),
        both: of(new, &format!("previous: {{{field}: {old}}}")),
        new: of(new, ""),
        here,
        argo,
    };
    change.happens().await;
}

const MULTI: &str = "{multiPrimary: {}}";
const REMOTE: &str = "{primaryRemote: {primaries: [east]}}";
const IDS: Words = Words { old: "name-old", new: "name-new", wrong: "name-wrong" };
const DOMAINS: Words = Words { old: "old.example", new: "new.example", wrong: "wrong.example" };
const BOTH: &[(&str, usize)] = &[("east", 1), ("west", 1)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flux_with_the_mesh_id() {
    change(&template(MULTI, "Helm", FLUX), (true, "meshID"), IDS, BOTH, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn argo_with_the_trust_domain() {
    change(&template(MULTI, "Sail", ARGO), (true, "trustDomain"), DOMAINS, BOTH, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flux_with_the_id_of_a_primary() {
    change(&template(REMOTE, "Helm", FLUX), (false, "clusterID"), IDS, BOTH, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn argo_with_the_id_of_a_cluster() {
    // No istiod is told it by the intent: remote secrets are made by hand.
    change(&template(MULTI, "Sail", ARGO), (false, "clusterID"), IDS, &[("east", 1)], true).await;
}
