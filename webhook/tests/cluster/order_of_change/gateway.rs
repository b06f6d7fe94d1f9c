//! An east-west gateway is added, and taken away again. There is no old value to accept: the declaration comes first, and what is
//! there already stays as it is until its own turn comes.

use super::{ARGO, FLUX, Place, Words, below, cluster, document, intent, mesh};

const SECOND: &str = "10.1.0.20";

fn template(install: &str, discovery: &str, delivery: &str, second: &str) -> String {
    let gateways =
        |address: &str, second: &str| format!("  eastWestGateways: [{{address: {address}}}{second}]");
    [
        mesh("{multiPrimary: {}}", install, discovery, delivery),
        document("Network", "net-east", "  {}"),
        document("Network", "net-west", "  {}"),
        cluster("east", "net-east", "10.1.0.1", &gateways("10.1.0.10", second)),
        cluster("west", "net-west", "10.2.0.1", &gateways("10.2.0.10", "")),
    ]
    .concat()
}

async fn change(install: &str, discovery: &str, delivery: &str, argo: bool) {
    let second = format!(", {{name: istio-eastwestgateway-2, address: {SECOND}}}");
    let one = intent(&template(install, discovery, delivery, ""));
    let two = intent(&template(install, discovery, delivery, &second));
    let words = Words { old: SECOND, new: SECOND, wrong: "10.9.9.9" };
    for cluster in ["east", "west"] {
        let place = Place::new(cluster, words, &[&one, &two]).await;
        place.roll_out("the mesh is installed", &one, argo, &[], &[&one], &[]).await;
        place.roll_out("a gateway is added", &two, argo, &[&one], &[&two], &[]).await;
        let (_, denied) = place.check("both are there", &[&two], &[]).await;
        let concerned = cluster == "east" || discovery == "meshNetworks";
        assert!(denied >= usize::from(concerned), "{denied} wrong objects in {cluster}");
        place.roll_out("the gateway is taken away", &one, argo, &[&two], &[&one], &[]).await;
        // What is in no directory any more, the agent deletes.
        let directory = format!("clusters/{cluster}/mesh");
        let stays = below(&one, &directory);
        let identity = |object: &serde_json::Value| {
            let metadata = &object["metadata"];
            (object["kind"].clone(), metadata["namespace"].clone(), metadata["name"].clone())
        };
        let gone: Vec<_> = below(&two, &directory)
            .into_iter()
            .filter(|object| !stays.iter().any(|other| identity(other) == identity(object)))
            .collect();
        assert_eq!(gone.is_empty(), cluster == "west", "{gone:?}");
        for object in &gone {
            let deleted = place.agent.delete(object).await;
            assert!(deleted.is_ok(), "{:?} may not go: {:?}", identity(object), deleted.err());
        }
        place.check("one is left", &[&one], &[]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flux_with_helm_and_mesh_networks() {
    change("Helm", "meshNetworks", FLUX, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flux_with_helm_and_labels() {
    change("Helm", "labels", FLUX, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn argo_with_sail_and_mesh_networks() {
    change("Sail", "meshNetworks", ARGO, true).await;
}
