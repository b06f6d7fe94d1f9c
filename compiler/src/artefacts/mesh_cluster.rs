//! Mspider's `MeshCluster`: a member cluster's parameters.

use meshwright_policies::intent::MspiderCluster;
use meshwright_policies::mesh::{Cluster, Mesh};
use serde_json::{Map, Value, json};

use super::mspider::{self, GLOBAL_VALUES};
use crate::artefact::{Artefact, Output, Wave};

/// Renders `spec.meshedParams` of every work cluster's `MeshCluster`, in the global cluster. The list is replaced whole by
/// server-side apply, so it holds this mesh's entry and every entry of other meshes that the intent carries.
pub(super) struct MeshCluster;

impl Artefact for MeshCluster {
    fn name(&self) -> &'static str {
        "mspider-mesh-cluster"
    }

    fn render_cluster(&self, mesh: &Mesh, cluster: &Cluster, out: &mut Output) {
        let Some(hosted) = mesh.hosted().filter(|_| !mesh.only_hosts(cluster)) else { return };
        let object = mspider::object(mesh, hosted, "MeshCluster", cluster.name.as_str())
            .spec(json!({"meshedParams": meshed_params(mesh, cluster)}));
        out.protected(mspider::root(hosted), Wave::ControlPlane, object);
    }
}

/// This mesh's entry first, then the declared others, as declared.
fn meshed_params(mesh: &Mesh, cluster: &Cluster) -> Value {
    let none = MspiderCluster::default();
    let declared = cluster.spec.mspider.as_ref().unwrap_or(&none);
    let others = declared.other_meshes.iter().map(|params| json!({"params": params}));
    std::iter::once(own_entry(mesh, cluster, declared)).chain(others).collect()
}

fn own_entry(mesh: &Mesh, cluster: &Cluster, declared: &MspiderCluster) -> Value {
    let mut params = declared.params.clone();
    params.extend([
        ("global.meshID".to_owned(), mesh.id.as_str().to_owned()),
        ("global.clusterRole".to_owned(), "HOSTED_WORKLOAD_CLUSTER".to_owned()),
        (format!("{GLOBAL_VALUES}.network"), cluster.network.as_str().to_owned()),
    ]);
    let mut entry: Map<String, Value> = declared.entry.clone();
    entry.insert("params".into(), json!(params));
    Value::Object(entry)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{hosted, render, yaml};
    use super::*;

    #[test]
    fn every_work_cluster_has_its_network_in_the_entry_of_this_mesh() {
        let text = yaml(&render(&MeshCluster, &hosted()), "kpanda-global-cluster");
        insta::assert_snapshot!(text, @"
        apiVersion: discovery.mspider.io/v3alpha1
        kind: MeshCluster
        metadata:
          name: mdemo-cluster1
          namespace: mspider-system
        spec:
          meshedParams:
          - params:
              global.clusterRole: HOSTED_WORKLOAD_CLUSTER
              global.meshID: mdemo-mesh
              istio.custom_params.values.global.network: network-c1
        ---
        apiVersion: discovery.mspider.io/v3alpha1
        kind: MeshCluster
        metadata:
          name: mdemo-cluster2
          namespace: mspider-system
        spec:
          meshedParams:
          - params:
              global.clusterRole: HOSTED_WORKLOAD_CLUSTER
              global.meshID: mdemo-mesh
              istio.custom_params.values.global.network: network-c2
        ---
        apiVersion: discovery.mspider.io/v3alpha1
        kind: MeshCluster
        metadata:
          name: mdemo-cluster3
          namespace: mspider-system
        spec:
          meshedParams:
          - params:
              global.clusterRole: HOSTED_WORKLOAD_CLUSTER
              global.meshID: mdemo-mesh
              istio.custom_params.values.global.network: network-c3
        ");
    }

    #[test]
    fn the_list_keeps_what_the_intent_carries() {
        let mut fleet = hosted();
        for cluster in fleet.meshes.values_mut().flat_map(|mesh| mesh.clusters.values_mut()) {
            cluster.spec.mspider = serde_json::from_value(json!({
                "params": {"global.mesh_capacity": "S50P200", "global.clusterRole": "FREE_CLUSTER"},
                "entry": {"isHostedOwner": true},
                "otherMeshes": [{"global.meshID": "other", "global.clusterRole": "FREE_CLUSTER"}],
            }))
            .unwrap();
        }
        let text = yaml(&render(&MeshCluster, &fleet), "kpanda-global-cluster");
        insta::assert_snapshot!(text.split("---\n").next().unwrap(), @"
        apiVersion: discovery.mspider.io/v3alpha1
        kind: MeshCluster
        metadata:
          name: mdemo-cluster1
          namespace: mspider-system
        spec:
          meshedParams:
          - isHostedOwner: true
            params:
              global.clusterRole: HOSTED_WORKLOAD_CLUSTER
              global.meshID: mdemo-mesh
              global.mesh_capacity: S50P200
              istio.custom_params.values.global.network: network-c1
          - params:
              global.clusterRole: FREE_CLUSTER
              global.meshID: other
        ");
    }
}
