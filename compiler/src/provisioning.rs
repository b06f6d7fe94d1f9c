//! kind and kubeadm configurations beside the intent: how clusters are really built.

use meshwright_policies::finding::Place;
use meshwright_policies::mesh::{Provisioned, Subnets};
use meshwright_policies::node::{FieldPath, Node};

/// The cluster that a document of another API group builds, when it is such a configuration. `file_stem` names the cluster
/// when the document does not.
#[must_use]
pub fn read(document: &Node, file_stem: &str) -> Option<Provisioned> {
    let text = |path: &str| document.at(&FieldPath::parse(path)).and_then(Node::as_str);
    let (group, _) = text("apiVersion")?.split_once('/')?;
    let (tool, name) = match (group, text("kind")?) {
        ("kind.x-k8s.io", "Cluster") => ("kind", text("name")),
        ("kubeadm.k8s.io", "ClusterConfiguration") => ("kubeadm", text("clusterName")),
        _ => return None,
    };
    let subnets = |path: &str| {
        let cidrs = text(path)?.split(',').map(|cidr| cidr.trim().parse()).collect::<Result<_, _>>().ok()?;
        Some(Subnets { cidrs, place: Place::in_document(document, path) })
    };
    Some(Provisioned {
        tool,
        cluster: name.unwrap_or(file_stem).to_owned(),
        pods: subnets("networking.podSubnet"),
        services: subnets("networking.serviceSubnet"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn kind_and_kubeadm_say_how_a_cluster_is_built() {
        let kind = json!({"apiVersion": "kind.x-k8s.io/v1alpha4", "kind": "Cluster",
            "networking": {"podSubnet": "10.102.0.0/16,fd00::/64"}});
        let built = read(&Node::from_json(&kind), "mdemo-cluster1").unwrap();
        assert_eq!(
            (built.tool, built.cluster.as_str(), built.services.is_none()),
            ("kind", "mdemo-cluster1", true)
        );
        assert_eq!(built.pods.unwrap().cidrs.len(), 2);
        let kubeadm = json!({"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration",
            "clusterName": "c3", "networking": {"serviceSubnet": "10.111.0.0/16"}});
        assert_eq!(read(&Node::from_json(&kubeadm), "x").unwrap().cluster, "c3");
        assert!(read(&Node::from_json(&json!({"apiVersion": "v1", "kind": "Cluster"})), "x").is_none());
    }
}
