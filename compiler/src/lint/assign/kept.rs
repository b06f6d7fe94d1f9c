//! Which manifests are compared: most of what a repository holds has nothing to do with the mesh.

use meshwright_policies::declaration;
use meshwright_policies::repository::{Manifest, remote_secret_keys};

/// Kinds that are compared even when they assert nothing by themselves.
const KEPT_KINDS: &[&str] = &[
    "Application",
    "ApplicationSet",
    "Cluster",
    "Deployment",
    "Gateway",
    "GlobalMesh",
    "HelmRelease",
    "Istio",
    "IstioOperator",
    "Kustomization",
    declaration::KIND,
    "Namespace",
    "Node",
    "ServiceEntry",
    "WorkloadEntry",
    "WorkloadGroup",
    "ZTunnel",
];

/// The CRD that says which release of the Gateway API is installed.
const GATEWAY_CRD: &str = "gateways.gateway.networking.k8s.io";

/// Secrets of other clusters, whatever brings them: `SealedSecret`, `ExternalSecret`.
const REMOTE_SECRET: &str = "istio-remote-secret-";

/// Whether a policy may have something to say about it.
pub(super) fn is_compared(manifest: &Manifest) -> bool {
    let has_values =
        || !manifest.kind.is_empty() && manifest.chart_values().iter().any(|values| values.chart.is_some());
    !manifest.claims.list.is_empty()
        || !manifest.unresolved.is_empty()
        || !manifest.lost.is_empty()
        || KEPT_KINDS.contains(&manifest.kind.as_str())
        || manifest.kind == "CustomResourceDefinition" && manifest.name == GATEWAY_CRD
        || !remote_secret_keys(manifest).is_empty()
        || !manifest.mesh_networks().is_empty()
        || has_values()
        || manifest.name.starts_with(REMOTE_SECRET)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::assign::testing::sources;
    use crate::lint::read::{self, Content};

    fn is_kept(text: &str) -> bool {
        let sources = sources(&[("a.yaml", text)]);
        let files = read::read(&sources);
        let Some(Content::Object(manifest)) = files.in_order().flat_map(|file| &file.contents).next() else {
            panic!("no object: {text}")
        };
        is_compared(manifest)
    }

    #[test]
    fn what_policies_ask_about_is_kept() {
        for (text, kept) in [
            ("apiVersion: v1\nkind: Node\nmetadata: {name: a}\n", true),
            ("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {east: eA==}\n", false),
            (
                "apiVersion: v1\nkind: Secret\nmetadata: {name: a, labels: {istio/multiCluster: 'true'}}\n\
                 data: {east: eA==}\n",
                true,
            ),
            (
                "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n\
                 metadata: {name: gateways.gateway.networking.k8s.io}\n",
                true,
            ),
            (
                "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n\
                 metadata: {name: widgets.example.com}\n",
                false,
            ),
            ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: y}\n", false),
        ] {
            assert_eq!(is_kept(text), kept, "{text}");
        }
    }
}
