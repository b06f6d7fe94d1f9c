//! What installing a mesh renders, per shape, install method and version.

use meshwright_policies::names::ClusterName;
use serde_json::Value;

use super::testing::fleet;
use crate::artefact::{Output, Root};
use crate::compile;

/// Shape, install method, version, delivery and more of a two-cluster mesh.
struct Case<'a> {
    shape: &'a str,
    istio: &'a str,
    delivery: &'a str,
    mesh: &'a str,
    networks: [&'a str; 2],
    cluster1: &'a str,
    cluster2: &'a str,
}

impl Default for Case<'_> {
    fn default() -> Self {
        Case {
            shape: "multiPrimary: {}",
            istio: "version: \"1.26.8\"",
            delivery: "none: {}",
            mesh: "",
            networks: ["network1", "network2"],
            cluster1: "",
            cluster2: "",
        }
    }
}

const PRIMARY_REMOTE: &str = "primaryRemote: {primaries: [cluster1]}";

impl Case<'_> {
    fn intent(&self) -> String {
        let mut text = format!(
            "apiVersion: meshwright.dev/v1alpha1\nkind: Mesh\nmetadata: {{name: mesh1}}\nspec:\n  \
             istio: {{{}}}\n  controlPlane: {{{}}}\n  delivery: {{{}}}\n{}",
            self.istio, self.shape, self.delivery, self.mesh
        );
        let mut networks = self.networks.to_vec();
        networks.dedup();
        let routed = if networks.len() == 1 { "spec: {podConnectivity: routed}\n" } else { "" };
        for network in networks {
            text.push_str(&format!(
                "---\napiVersion: meshwright.dev/v1alpha1\nkind: Network\nmetadata: {{name: {network}}}\n{routed}"
            ));
        }
        for (number, more) in [(1, self.cluster1), (2, self.cluster2)] {
            let network = self.networks[number - 1];
            text.push_str(&format!(
                "---\napiVersion: meshwright.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: cluster{number}}}\n\
                 spec:\n  network: {network}\n  podCIDRs: [10.{number}.0.0/16]\n  serviceCIDRs: [10.10{number}.0.0/16]\n  \
                 kubernetes: {{apiServer: \"https://192.0.2.{number}:6443\"}}\n{more}"
            ));
        }
        text
    }

    fn render(&self) -> Output {
        compile::render(&fleet(&self.intent()))
    }
}

fn cluster(name: &str) -> ClusterName {
    ClusterName::new(name).unwrap()
}

/// The object of that reference in a root.
fn object(out: &Output, root: &Root, reference: &str) -> Value {
    let found = out.objects()[root].iter().find(|rendered| rendered.object.reference() == reference);
    let all: Vec<String> = out.objects()[root].iter().map(|r| r.object.reference()).collect();
    found.unwrap_or_else(|| panic!("{reference} is not among {all:?}")).object.clone().into_json()
}

fn references(out: &Output, root: &Root) -> Vec<String> {
    out.objects().get(root).into_iter().flatten().map(|rendered| rendered.object.reference()).collect()
}

fn mesh_root(name: &str) -> Root {
    Root::Mesh(cluster(name))
}

#[test]
#[ignore = "writes the trees of all shapes and methods below $DUMP, to be checked with a schema validator"]
fn dump() {
    let target = std::path::PathBuf::from(std::env::var("DUMP").unwrap());
    let deliveries = ["none: {}", "flux: {}", "argocd: {repoURL: \"https://git.example.com/mesh.git\"}"];
    for (s, shape) in ["multiPrimary: {}", PRIMARY_REMOTE].into_iter().enumerate() {
        for install in ["IstioOperator", "Helm", "Sail"] {
            for version in ["1.15.7", "1.22.8", "1.23.6", "1.24.6", "1.26.0", "1.30.3"] {
                for (d, delivery) in deliveries.into_iter().enumerate() {
                    for discovery in ["labels", "meshNetworks"] {
                        let applied = if install == "IstioOperator" { ", appliedBy: istioctl" } else { "" };
                        let istio = format!(
                            "version: \"{version}\", install: {install}, cni: true, revision: canary{applied}"
                        );
                        let mesh = format!("  gatewayDiscovery: {discovery}\n");
                        let lb = "  loadBalancer: {metallb: {pools: [{name: p, addresses: [192.0.2.10-192.0.2.20]}]}, \
                                  addresses: {eastWest: 192.0.2.11}}\n";
                        let lb2 = lb.replace("192.0.2", "198.51.100");
                        let case = Case {
                            shape,
                            istio: &istio,
                            delivery,
                            mesh: &mesh,
                            cluster1: lb,
                            cluster2: &lb2,
                            ..Case::default()
                        };
                        let loaded = compile::load_text(&case.intent());
                        let out = compile::render(&loaded.fleet);
                        for (root, objects) in out.objects() {
                            let dir = target
                                .join(format!("{s}-{install}-{version}-{d}-{discovery}"))
                                .join(root.directory());
                            std::fs::create_dir_all(&dir).unwrap();
                            for (i, rendered) in objects.iter().enumerate() {
                                let text = crate::yaml::to_yaml(&rendered.object.clone().into_json());
                                std::fs::write(dir.join(format!("{i}.yaml")), text).unwrap();
                            }
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn multi_primary_by_helm_and_flux() {
    let out = Case { istio: "version: \"1.26.8\", install: Helm", delivery: "flux: {}", ..Case::default() }
        .render();
    assert_eq!(references(&out, &mesh_root("cluster1")).len(), 6);
    object(&out, &mesh_root("cluster1"), "HelmRelease/flux-system/istiod");
}
