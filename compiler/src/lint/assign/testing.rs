//! Repositories for the tests of this module.

use crate::source::Sources;

/// A control plane of the cluster ID `east`.
pub(super) const ISTIO: &str = "\
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: {name: istio, namespace: istio-system}
spec:
  values:
    global: {meshID: mesh1, network: east-net, multiCluster: {clusterName: east}}
";

/// The namespace of the control plane, on the network `east-net`.
pub(super) const NAMESPACE: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: istio-system, labels: {topology.istio.io/network: east-net}}
";

/// A repository of these files.
pub(super) fn sources(files: &[(&str, &str)]) -> Sources {
    let mut sources = Sources::new();
    for (path, text) in files {
        sources.add((*path).to_owned(), text.as_bytes().into());
    }
    sources
}
