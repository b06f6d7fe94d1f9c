//! Commands for what something else owns: Nodes, the CNI's and kube-proxy's configuration. A rendered Node would outlive the
//! real one, and a rendered ConfigMap would fight with its owner, so these are run by a person and only audited after.

use meshwright_policies::intent::{Advertise, CiliumSettings, Cni, KubeProxyMode, Locality};
use meshwright_policies::mesh::{Cluster, Mesh};

use super::markdown::{Page, code, some};
use super::words::context;
use crate::shell;

pub(super) fn section(mesh: &Mesh, page: &mut Page) {
    page.heading(3, "Commands before the mesh");
    let before = page.len();
    node_labels(mesh, page);
    cilium(mesh, page);
    metallb(mesh, page);
    autoscaling(mesh, page);
    observability(mesh, page);
    gateway_api(mesh, page);
    if page.len() == before {
        page.block("None.");
    }
}

fn node_labels(mesh: &Mesh, page: &mut Page) {
    let commands: Vec<String> = mesh.clusters.values().flat_map(labels_of).collect();
    page.heading(4, "Localities of nodes");
    if commands.is_empty() {
        page.block(
            "No locality is declared in this mesh. Requests then go to the endpoints of all clusters alike, unless a cloud has \
             labelled its nodes by itself, and locality failover has nothing to go by: declare `locality` of clusters or nodes \
             to have the commands here.",
        );
        return;
    }
    page.block(
        "Every node needs them, new ones too. Without `--overwrite` kubectl refuses to change what a cloud has set already: \
         then the declared locality is wrong, not the node.",
    );
    page.commands(&commands);
    let silent = |cluster: &&Cluster| labels_of(cluster).is_empty();
    let silent: Vec<_> = mesh.clusters.values().filter(silent).map(|cluster| &cluster.name).collect();
    if !silent.is_empty() {
        page.block(&format!("No locality is declared for {}.", some(silent, 12)));
    }
    for cluster in mesh.clusters.values().filter(|cluster| !labels_of(cluster).is_empty()) {
        let without: Vec<_> = unlabelled(cluster).collect();
        if !without.is_empty() {
            page.block(&format!(
                "No locality is declared for nodes of {}, though others there have one: {}. Their pods are near to nobody.",
                code(cluster.name.as_str()),
                some(without, 12)
            ));
        }
    }
}

/// Nodes that get no label.
fn unlabelled(cluster: &Cluster) -> impl Iterator<Item = &str> {
    let nodes = cluster.spec.nodes.iter().filter(|_| cluster.spec.locality.is_none());
    nodes.filter(|node| node.locality.is_none()).map(|node| node.name.as_str())
}

fn labels_of(cluster: &Cluster) -> Vec<String> {
    let fallback = cluster.spec.locality.as_ref();
    if cluster.spec.nodes.is_empty() {
        let all = |locality| label(cluster, "nodes --all", locality);
        return fallback.map(all).into_iter().collect();
    }
    let nodes = cluster.spec.nodes.iter();
    nodes
        .filter_map(|node| {
            let locality = node.locality.as_ref().or(fallback)?;
            Some(label(cluster, &format!("node {}", shell::word(node.name.as_str())), locality))
        })
        .collect()
}

fn label(cluster: &Cluster, nodes: &str, locality: &Locality) -> String {
    let mut labels = format!("topology.kubernetes.io/region={}", locality.region);
    if let Some(zone) = &locality.zone {
        labels.push_str(&format!(" topology.kubernetes.io/zone={zone}"));
    }
    if let Some(subzone) = &locality.subzone {
        labels.push_str(&format!(" topology.istio.io/subzone={subzone}"));
    }
    format!("kubectl label {nodes} {labels} --context={}", context(cluster))
}

/// The declared settings as keys and values of `kube-system/cilium-config`, the two that Istio cannot do without even when
/// they are not declared.
fn settings(cilium: CiliumSettings) -> Vec<(&'static str, bool)> {
    let mut settings = vec![
        ("bpf-lb-sock-hostns-only", cilium.bpf_lb_sock_hostns_only.unwrap_or(true)),
        ("cni-exclusive", cilium.cni_exclusive.unwrap_or(false)),
    ];
    settings.extend(cilium.enable_l7_proxy.map(|value| ("enable-l7-proxy", value)));
    settings
}

fn cilium(mesh: &Mesh, page: &mut Page) {
    let uses = |cluster: &&Cluster| cluster.spec.kubernetes.cni == Some(Cni::Cilium);
    let clusters: Vec<&Cluster> = mesh.clusters.values().filter(uses).collect();
    if clusters.is_empty() {
        return;
    }
    let declared = |cluster: &Cluster| cluster.spec.kubernetes.cilium.unwrap_or_default();
    page.heading(4, "Cilium");
    page.block(
        "Cilium must leave Istio's CNI plugin in place (`cni-exclusive`) and the sockets of pods to the sidecar \
         (`bpf-lb-sock-hostns-only`). Where the ConfigMap says so already, there is nothing to do. A Cilium that Helm manages \
         takes these as values, or its next upgrade undoes the patch.",
    );
    let off = |cluster: &&&Cluster| declared(cluster).enable_l7_proxy == Some(false);
    let without_l7: Vec<_> = clusters.iter().filter(off).map(|cluster| &cluster.name).collect();
    if !without_l7.is_empty() {
        page.block(&format!(
            "**Side effect:** `enable-l7-proxy: \"false\"` in {} ends every layer 7 rule of Cilium's network policies; move \
             those that are in use to Istio's AuthorizationPolicies first.",
            some(without_l7, 12)
        ));
    }
    let mut commands = Vec::new();
    for cluster in clusters {
        let data: Vec<String> =
            settings(declared(cluster)).iter().map(|(key, value)| format!("\"{key}\":\"{value}\"")).collect();
        let context = context(cluster);
        commands.push(format!(
            "kubectl -n kube-system patch configmap cilium-config --context={context} --type=merge -p '{{\"data\":{{{}}}}}'",
            data.join(",")
        ));
        commands.push(format!("kubectl -n kube-system rollout restart daemonset/cilium --context={context}"));
        commands.push(format!("kubectl -n kube-system rollout status daemonset/cilium --context={context}"));
    }
    page.commands(&commands);
}

/// What MetalLB asks of kube-proxy and Calico (metallb.io: Installation, and Issues with Calico).
fn metallb(mesh: &Mesh, page: &mut Page) {
    let in_layer_2 = |cluster: &&Cluster| {
        let pools = cluster.spec.load_balancer.metallb.iter().flat_map(|metallb| &metallb.pools);
        pools.into_iter().any(|pool| pool.advertise == Advertise::L2)
    };
    let ipvs = |cluster: &&Cluster| cluster.spec.kubernetes.kube_proxy == Some(KubeProxyMode::Ipvs);
    let strict: Vec<String> =
        mesh.clusters.values().filter(in_layer_2).filter(ipvs).flat_map(strict_arp).collect();
    if !strict.is_empty() {
        page.heading(4, "Strict ARP");
        page.block(
            "kube-proxy in IPVS mode answers ARP for addresses of Services itself unless it is told not to.",
        );
        page.commands(&strict);
    }
    let bgp: Vec<_> = mesh
        .clusters
        .values()
        .filter(|cluster| cluster.spec.kubernetes.calico_bgp == Some(true))
        .filter(|cluster| cluster.spec.load_balancer.metallb.is_some())
        .map(|cluster| &cluster.name)
        .collect();
    if !bgp.is_empty() {
        page.block(&format!(
            "Calico speaks BGP beside MetalLB in {}: switch one of them off, or let Calico announce the pools.",
            some(bgp, 12)
        ));
    }
}

fn strict_arp(cluster: &Cluster) -> [String; 2] {
    let context = context(cluster);
    let get = format!("kubectl -n kube-system get configmap kube-proxy -o yaml --context={context}");
    let sed = "sed 's/strictARP: false/strictARP: true/'";
    [
        format!("{get} | {sed} | kubectl apply -f - --context={context}"),
        format!("kubectl -n kube-system rollout restart daemonset/kube-proxy --context={context}"),
    ]
}

fn autoscaling(mesh: &Mesh, page: &mut Page) {
    let without: Vec<_> = mesh
        .clusters
        .values()
        .filter(|cluster| cluster.spec.metrics_server == Some(false))
        .map(|cluster| &cluster.name)
        .collect();
    if !without.is_empty() {
        page.heading(4, "Metrics server");
        page.block(&format!(
            "Autoscalers of istiod and gateways show `unknown` and do not scale in {} until a metrics server is there. Give it \
             a certificate it can verify: with `--kubelet-insecure-tls` anybody in between may answer for a node.",
            some(without, 12)
        ));
    }
}

fn observability(mesh: &Mesh, page: &mut Page) {
    let expected: Vec<String> = mesh
        .clusters
        .values()
        .filter_map(|cluster| {
            Some(format!("`{}` in `{}`", cluster.spec.observability.as_ref()?, cluster.name))
        })
        .collect();
    if !expected.is_empty() {
        page.heading(4, "Observability");
        page.block(&format!("Expected, and not rendered: {}.", expected.join(", ")));
    }
}

fn gateway_api(mesh: &Mesh, page: &mut Page) {
    let commands: Vec<String> = mesh
        .clusters
        .values()
        .filter(|cluster| cluster.spec.gateway_api.is_some())
        .map(|cluster| {
            format!(
                "kubectl get crd gateways.gateway.networking.k8s.io --context={} -o \
                 jsonpath='{{.metadata.annotations.gateway\\.networking\\.k8s\\.io/bundle-version}}'",
                context(cluster)
            )
        })
        .collect();
    if !commands.is_empty() {
        page.heading(4, "Gateway API");
        page.block(&format!(
            "The version that is installed, to compare with {}:",
            code("gatewayAPI.version")
        ));
        page.commands(&commands);
    }
}
