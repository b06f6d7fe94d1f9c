//! What the tests of delivery share: a small rendered mesh.

use meshwright_policies::mesh::Fleet;
use meshwright_policies::names::ClusterName;
use serde_json::json;

use crate::artefact::{Artefact, Output, Root, Wave};
use crate::compile::load_text;
use crate::memory::Memory;
use crate::object::Object;

/// A mesh of two clusters, `c1` and `c2`, whose `spec` and whose clusters' `spec` have more lines, given indented by two.
pub(crate) fn fleet(mesh: &str, c1: &str, c2: &str) -> Fleet {
    let cluster = |name: &str, more: &str| {
        format!(
            "---\napiVersion: meshwright.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: {name}}}\n\
             spec:\n  network: net-{name}\n{more}"
        )
    };
    let network = |name: &str| {
        format!(
            "---\napiVersion: meshwright.dev/v1alpha1\nkind: Network\nmetadata: {{name: net-{name}}}\nspec: {{}}\n"
        )
    };
    let text = format!(
        "apiVersion: meshwright.dev/v1alpha1\nkind: Mesh\nmetadata: {{name: shop}}\nspec:\n  \
         istio: {{version: 1.30.0}}\n{mesh}{}{}{}{}",
        network("c1"),
        network("c2"),
        cluster("c1", c1),
        cluster("c2", c2),
    );
    let loaded = load_text(&text);
    assert_eq!(loaded.fleet.clusters().count(), 2, "{:#?}", loaded.findings);
    loaded.fleet
}

pub(crate) fn name(text: &str) -> ClusterName {
    ClusterName::new(text).unwrap()
}

/// What the other artefacts render, in small: a CRD, and for each name a declaration, an installation and traffic.
pub(crate) fn output(clusters: &[&str]) -> Output {
    let mut out = Output::default();
    out.begin("test");
    let crd =
        Object::new("apiextensions.k8s.io/v1", "CustomResourceDefinition", "meshdeclarations.meshwright.dev");
    out.protected(Root::Crds, Wave::Declaration, crd.spec(json!({"group": "meshwright.dev"})));
    for cluster in clusters {
        let cluster = name(cluster);
        let declaration = Object::new("meshwright.dev/v1alpha1", "MeshDeclaration", "mesh");
        out.protected(Root::Declaration(cluster.clone()), Wave::Declaration, declaration);
        mesh_objects(&cluster, &mut out);
    }
    out
}

/// What lies in the `mesh/` directory of one cluster.
pub(crate) fn mesh_objects(cluster: &ClusterName, out: &mut Output) {
    let mesh = || Root::Mesh(cluster.clone());
    let namespace = Object::new("v1", "Namespace", "istio-system").label("topology.istio.io/network", "net");
    out.protected(mesh(), Wave::Namespace, namespace);
    let config = Object::new("v1", "ConfigMap", "istio").namespace("istio-system");
    out.object(
        mesh(),
        Wave::ControlPlane,
        config.field("data", json!({"mesh": "a: 1\nb: ${x}\n", "yes": "0755"})),
    );
    let gateway =
        Object::new("networking.istio.io/v1", "Gateway", "cross-network-gateway").namespace("istio-system");
    out.protected(mesh(), Wave::Gateway, gateway.spec(json!({"selector": {"istio": "eastwestgateway"}})));
}

/// Adds what applies it all.
pub(crate) fn deliver(fleet: &Fleet, out: &mut Output) {
    for artefact in [&super::flux::FluxKustomizations as &dyn Artefact, &super::argocd::ArgocdApplicationSets]
    {
        out.begin(artefact.name());
        artefact.render_fleet(fleet, &mut Memory::none(), out);
    }
}

/// The objects of one root as YAML.
pub(crate) fn yaml(out: &Output, root: &Root) -> String {
    let objects = out.objects().get(root).map_or(&[][..], Vec::as_slice);
    let documents = objects.iter().map(|one| crate::yaml::to_yaml(&one.object.clone().into_json()));
    documents.collect::<Vec<_>>().join("---\n")
}
