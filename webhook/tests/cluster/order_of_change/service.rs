//! The Service of an east-west gateway changes: the port at which peers enter, a port of its own, the node port behind a load
//! balancer by hand.

use super::{ARGO, Change, FLUX, Words, cluster, document, intent, mesh};

/// Two clusters on a network each; the gateway of `east` changes.
fn template(install: &str, discovery: &str, delivery: &str) -> String {
    [
        mesh("{multiPrimary: {}}", install, discovery, delivery),
        document("Network", "net-east", "  {}"),
        document("Network", "net-west", "  {}"),
        cluster(
            "east",
            "net-east",
            "10.0.1.1",
            "  eastWestGateways: [{address: 10.1.0.10, GATEWAY}]\n  PREVIOUS",
        ),
        cluster("west", "net-west", "10.0.2.1", "  eastWestGateways: [{address: 10.2.0.10}]"),
    ]
    .concat()
}

async fn change(
    template: &str,
    (old, new, wrong): (&'static str, &'static str, &'static str),
    gateway: &str,
    here: &'static [(&'static str, usize)],
    argo: bool,
) {
    let gateway = |value: &str| gateway.replace("VALUE", value);
    let of = |value: &str, previous: &str| {
        intent(&template.replace("GATEWAY", &gateway(value)).replace("PREVIOUS", previous))
    };
    let change = Change {
        words: Words { old, new, wrong },
        old: of(old, ""),
        both: of(new, &format!("previous: {{gateways: [{{{}}}]}}", gateway(old))),
        new: of(new, ""),
        here,
        argo,
    };
    change.happens().await;
}

const PORTS: (&str, &str, &str) = ("16443", "17443", "19443");
const NODE_PORTS: (&str, &str, &str) = ("30443", "30543", "30999");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flux_with_the_port_that_peers_dial() {
    let template = template("Helm", "meshNetworks", FLUX);
    change(&template, PORTS, "port: VALUE", &[("east", 2), ("west", 1)], false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn argo_with_the_port_that_peers_dial() {
    let template = template("Sail", "meshNetworks", ARGO);
    change(&template, PORTS, "port: VALUE", &[("east", 1), ("west", 1)], true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flux_with_a_port_for_users() {
    let gateway = "extraPorts: [{name: tcp, port: VALUE}], layout: shared";
    change(&template("Helm", "labels", FLUX), PORTS, gateway, &[("east", 1)], false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn argo_with_a_node_port() {
    let template = template("Sail", "meshNetworks", ARGO);
    let gateway = "port: VALUE, service: {type: NodePort, nodePorts: {tls: VALUE}}";
    change(&template, NODE_PORTS, gateway, &[("east", 1), ("west", 1)], true).await;
}
