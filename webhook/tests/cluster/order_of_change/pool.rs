//! The addresses of a MetalLB pool change, and how it is announced.

use super::{ARGO, Change, FLUX, Words, cluster, document, intent, mesh};

/// Two clusters on a network each; `east` has its gateway at the same address all the time.
fn template(install: &str, delivery: &str) -> String {
    let pools = |pools: &str| {
        format!(
            "  loadBalancer: {{metallb: {{pools: [{{name: gateways, addresses: [10.1.0.8/29]}}{pools}]}}}}\n  \
             eastWestGateways: [{{address: 10.1.0.10}}]\n"
        )
    };
    let east = pools(", POOL") + "  PREVIOUS";
    [
        mesh("{multiPrimary: {}}", install, "meshNetworks", delivery),
        document("Network", "net-east", "  {}"),
        document("Network", "net-west", "  {}"),
        cluster("east", "net-east", "10.0.1.1", &east),
        cluster("west", "net-west", "10.0.2.1", "  eastWestGateways: [{address: 10.2.0.10}]"),
    ]
    .concat()
}

async fn change(template: &str, words: Words, pool: &str, argo: bool) {
    let pool = |value: &str| pool.replace("VALUE", value);
    let of = |value: &str, previous: &str| {
        intent(&template.replace("POOL", &pool(value)).replace("PREVIOUS", previous))
    };
    let Words { old, new, .. } = words;
    let change = Change {
        words,
        old: of(old, ""),
        both: of(new, &format!("previous: {{pools: [{}]}}", pool(old))),
        new: of(new, ""),
        here: &[("east", 1)],
        argo,
    };
    change.happens().await;
}

const RANGES: Words = Words { old: "10.1.0.64/28", new: "10.1.0.96/28", wrong: "10.9.9.64/28" };
const INTERFACES: Words = Words { old: "eth-old", new: "eth-new", wrong: "eth-wrong" };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flux_with_ranges() {
    let pool = "{name: web, addresses: [10.1.0.32/28, VALUE], autoAssign: true}";
    change(&template("Helm", FLUX), RANGES, pool, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn argo_with_ranges() {
    change(&template("Sail", ARGO), RANGES, "{name: web, addresses: [VALUE], autoAssign: true}", true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flux_with_interfaces() {
    let pool = "{name: web, addresses: [10.1.0.32/28], interfaces: [VALUE]}";
    change(&template("Helm", FLUX), INTERFACES, pool, false).await;
}
