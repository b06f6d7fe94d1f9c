//! What removing the mesh deletes, and what it must leave.

use std::collections::BTreeSet;

use meshwright_policies::intent::{Delivery, InstallMethod};
use meshwright_policies::mesh::{Cluster, Mesh, Role};
use meshwright_policies::node::Node;

use super::markdown::{Page, codes};
use super::words::{context, is_large};
use crate::shell;

pub(super) fn section(mesh: &Mesh, page: &mut Page) {
    page.heading(3, "Removing this mesh");
    page.block(
        "Objects whose loss partitions the mesh, namespaces and CRDs are protected from pruning, so taking the mesh out of the \
         intent stops the agents and deletes little. The rest is done on purpose, in this order:",
    );
    page.steps(steps(mesh));
    let shown: Vec<&Cluster> = if is_large(mesh) {
        mesh.clusters.values().take(1).collect()
    } else {
        mesh.clusters.values().collect()
    };
    let lines: Vec<String> = shown.into_iter().flat_map(|cluster| commands(mesh, cluster)).collect();
    page.commands(&lines);
    holders(mesh, page);
    page.block("What stays, because others use it:");
    page.list(stays(mesh));
}

/// Namespaces and CRDs: an agent that pruned one would delete what others have in it.
fn holders(mesh: &Mesh, page: &mut Page) {
    let large = is_large(mesh);
    let mut lines = Vec::new();
    for cluster in mesh.clusters.values() {
        let context = context(cluster);
        let own = cluster.spec.namespaces.iter().map(|namespace| namespace.name.to_string());
        let samples = cluster.spec.samples.iter().map(|samples| samples.namespace.to_string());
        let namespaces = own.chain(samples).chain(carried(cluster, "Namespace"));
        let namespaces: BTreeSet<String> =
            namespaces.filter(|name| *name != cluster.system_namespace().as_str()).collect();
        let delete = |kind: &str, name: &String| {
            format!("kubectl delete {kind} {} --context={context}", shell::word(name))
        };
        lines.extend(namespaces.iter().map(|name| delete("namespace", name)));
        lines.extend(carried(cluster, "CustomResourceDefinition").iter().map(|name| delete("crd", name)));
        if large && !lines.is_empty() {
            break;
        }
    }
    if lines.is_empty() {
        return;
    }
    page.block(
        "A namespace or a CRD that is taken out of the intent stays in its cluster with everything in it: Flux leaves it, Argo \
         CD asks first. When nothing of it is wanted any more, a person deletes it, and with it all that it holds:",
    );
    page.commands(&lines);
}

/// Names of carried objects of a kind.
fn carried(cluster: &Cluster, kind: &str) -> Vec<String> {
    let objects = cluster.carried.iter().flat_map(|carried| carried.objects());
    let text =
        |document: &Node, path: &str| document.at(&path.into()).and_then(Node::as_str).map(str::to_owned);
    objects
        .filter(|document| text(document, "kind").as_deref() == Some(kind))
        .filter_map(|document| text(document, "metadata.name"))
        .collect()
}

fn steps(mesh: &Mesh) -> Vec<String> {
    let samples: BTreeSet<String> = mesh
        .clusters
        .values()
        .filter_map(|cluster| cluster.spec.samples.as_ref())
        .map(|samples| samples.namespace.to_string())
        .collect();
    let mut steps = Vec::new();
    if !samples.is_empty() {
        steps.push(format!("The sample namespaces: {}, by the commands below.", codes(&samples)));
    }
    steps.push("The injection labels of application namespaces; restart their pods, so that they run without sidecar.".into());
    steps.push(
        "Traffic rules and the cross-network Gateway: from here on clusters serve only themselves.".into(),
    );
    if mesh.hosted().is_none() && mesh.clusters.len() > 1 {
        steps.push("The remote secrets, and the service accounts whose tokens they hold.".into());
    }
    steps.push("The east-west gateways; their addresses are free when the Services are gone.".into());
    if mesh.hosted().is_some() {
        steps.push(
            "The clusters' membership, then the GlobalMesh, in the platform: it removes istiod itself."
                .into(),
        );
    } else {
        steps.push("The control planes, by revision and never with `--purge`, which takes every Istio of the cluster.".into());
    }
    steps.push(
        "Firewall rules, load balancers by hand, static NAT and reserved addresses of this page.".into(),
    );
    steps
}

fn commands(mesh: &Mesh, cluster: &Cluster) -> Vec<String> {
    let context = context(cluster);
    let namespace = cluster.system_namespace();
    let mut lines = vec![format!("# {}", cluster.name)];
    if mesh.hosted().is_none() && cluster.role == Role::Primary && mesh.clusters.len() > 1 {
        if is_large(mesh) {
            lines.push(format!(
                "kubectl -n {namespace} get secret -l istio/multiCluster=true --context={context}   # those of this mesh"
            ));
        } else {
            let others = mesh.clusters.values().filter(|other| other.name != cluster.name);
            let secrets: Vec<String> =
                others.map(|other| format!("istio-remote-secret-{}", other.id)).collect();
            lines.push(format!(
                "kubectl -n {namespace} delete secret {} --context={context}",
                secrets.join(" ")
            ));
        }
    }
    let by_hand = matches!(cluster.delivery, Delivery::None(_));
    match cluster.istio.install {
        InstallMethod::Helm if by_hand => {
            for gateway in cluster.gateways.iter().rev() {
                lines
                    .push(format!("helm uninstall {} -n {namespace} --kube-context={context}", gateway.name));
            }
            let release = crate::artefacts::helm_control_plane::istiod_release(cluster);
            lines.push(format!("helm uninstall {release} -n {namespace} --kube-context={context}"));
        }
        InstallMethod::IstioOperator if mesh.hosted().is_none() => {
            let revision = cluster.istio.revision.as_ref().map_or("default", |revision| revision.as_str());
            lines.push(format!("istioctl uninstall --revision={revision} --context={context}"));
        }
        InstallMethod::Helm | InstallMethod::IstioOperator | InstallMethod::Sail => {}
    }
    if lines.len() > 1 { lines } else { Vec::new() }
}

fn stays(mesh: &Mesh) -> Vec<String> {
    let mut stays = vec![
        "the CRDs of the Gateway API: deleting them deletes every Gateway and HTTPRoute of the cluster, whoever made them"
            .to_owned(),
        "Istio's CRDs, as long as any object of theirs is wanted".to_owned(),
        "the system namespace and application namespaces, with what else is in them".to_owned(),
        "MetalLB and its pools, node labels and Cilium's settings".to_owned(),
    ];
    if mesh.hosted().is_none() {
        stays.push(
            "the root certificate's key, wherever it is kept offline: a mesh that is made again with another root trusts \
             nothing that is left of this one"
                .to_owned(),
        );
    }
    stays
}
