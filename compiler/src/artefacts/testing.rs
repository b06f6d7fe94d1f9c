//! Meshes for the tests of artefacts: intent in, what one artefact renders out.

use meshwright_policies::mesh::Fleet;
use meshwright_policies::names::ClusterName;

use crate::artefact::{Artefact, Output, Root};
use crate::compile;
use crate::memory::Memory;

/// The mesh of an intent without errors.
pub(super) fn fleet(text: &str) -> Fleet {
    let loaded = compile::load_text(text);
    let errors: Vec<&str> = loaded.findings.iter().map(|finding| finding.message.as_str()).collect();
    assert!(!loaded.findings.has_errors(), "{errors:#?}");
    loaded.fleet
}

/// The hosted mesh of three clusters, each a network of its own, with `mspider` more in its `mspider` block and
/// `cluster` more in every cluster.
pub(super) fn hosted_with(mspider: &str, cluster: &str) -> Fleet {
    fleet(&format!(
        r#"
apiVersion: meshwright.dev/v1alpha1
kind: Mesh
metadata: {{name: mdemo-mesh}}
spec:
  istio: {{version: 1.15.3-mspider, hub: release-ci.daocloud.io/mspider, install: IstioOperator}}
  controlPlane: {{hosted: {{cluster: mdemo-cluster1, mspider: {{globalCluster: kpanda-global-cluster{mspider}}}}}}}
  gatewayDiscovery: meshNetworks
  clusterDefaults: {{kubernetes: {{version: "1.25"}}{cluster}}}
---
apiVersion: meshwright.dev/v1alpha1
kind: Network
metadata: {{name: network-c1}}
---
apiVersion: meshwright.dev/v1alpha1
kind: Network
metadata: {{name: network-c2}}
---
apiVersion: meshwright.dev/v1alpha1
kind: Network
metadata: {{name: network-c3}}
---
apiVersion: meshwright.dev/v1alpha1
kind: Cluster
metadata: {{name: mdemo-cluster1}}
spec:
  network: network-c1
  kubernetes: {{apiServer: "https://10.64.30.130:6443"}}
  podCIDRs: [10.201.0.0/16]
  loadBalancer:
    metallb: {{pools: [{{name: first-pool, addresses: [10.64.30.71-10.64.30.73], interfaces: [enp1s0]}}]}}
    addresses: {{controlPlane: 10.64.30.71, ingress: 10.64.30.72, eastWest: 10.64.30.73}}
---
apiVersion: meshwright.dev/v1alpha1
kind: Cluster
metadata: {{name: mdemo-cluster2}}
spec:
  network: network-c2
  kubernetes: {{apiServer: "https://10.6.230.5:6443"}}
  podCIDRs: [10.202.0.0/16]
  loadBalancer:
    metallb: {{pools: [{{name: first-pool, addresses: [10.6.136.25-10.6.136.29], interfaces: [enp1s0]}}]}}
    addresses: {{eastWest: 10.6.136.29}}
---
apiVersion: meshwright.dev/v1alpha1
kind: Cluster
metadata: {{name: mdemo-cluster3}}
spec:
  network: network-c3
  kubernetes: {{apiServer: "https://10.64.30.131:6443"}}
  podCIDRs: [10.100.0.0/16]
  loadBalancer:
    metallb: {{pools: [{{name: first-pool, addresses: [10.64.30.75-10.64.30.77], interfaces: [enp1s0]}}]}}
    addresses: {{eastWest: 10.64.30.77}}
"#
    ))
}

/// [`hosted_with`] nothing more.
pub(super) fn hosted() -> Fleet {
    hosted_with("", "")
}

/// Everything that one artefact renders.
pub(super) fn render(artefact: &dyn Artefact, fleet: &Fleet) -> Output {
    let mut out = Output::default();
    out.begin(artefact.name());
    artefact.render_fleet(fleet, &mut Memory::none(), &mut out);
    for mesh in fleet.meshes.values() {
        artefact.render_mesh(mesh, &mut out);
        mesh.clusters.values().for_each(|cluster| artefact.render_cluster(mesh, cluster, &mut out));
    }
    out
}

/// The objects of `clusters/<name>/mesh` as one YAML stream.
pub(super) fn yaml(out: &Output, name: &str) -> String {
    let root = Root::Mesh(ClusterName::new(name).unwrap());
    let objects = out.objects().get(&root).map(Vec::as_slice).unwrap_or_default();
    let texts: Vec<String> =
        objects.iter().map(|rendered| serde_yaml::to_string(rendered.object.as_map()).unwrap()).collect();
    texts.join("---\n")
}
