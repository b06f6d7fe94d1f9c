//! What installing a mesh renders, per shape, install method and version.

mod control_plane;
mod delivery;
mod gateways;
mod methods;
mod schema;

use meshwright_policies::names::ClusterName;
use serde_json::Value;

use crate::artefact::{Output, Rendered, Root};
use crate::compile;
use crate::yaml::to_yaml;

const PRIMARY_REMOTE: &str = "primaryRemote: {primaries: [cluster1]}";
const FLUX: &str = "flux: {}";
const ARGOCD: &str = "argocd: {repoURL: \"https://git.example.com/mesh.git\"}";

/// A mesh of two clusters. What is in the fields is written into the intent as it is.
struct Case<'a> {
    /// `controlPlane`.
    shape: &'a str,
    /// `istio`.
    istio: &'a str,
    delivery: &'a str,
    /// Further lines of the mesh's `spec`, each with a line break.
    mesh: &'a str,
    networks: [&'a str; 2],
    /// Lines of `cluster1`'s `spec`.
    cluster1: &'a str,
    cluster2: &'a str,
    /// Further documents.
    more: &'a str,
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
            more: "",
        }
    }
}

impl Case<'_> {
    fn intent(&self) -> String {
        const HEAD: &str = "apiVersion: meshwright.dev/v1alpha1\nkind:";
        let Case { shape, istio, delivery, mesh, more, .. } = self;
        let mut text = format!(
            "{HEAD} Mesh\nmetadata: {{name: mesh1}}\nspec:\n  istio: {{{istio}}}\n  controlPlane: {{{shape}}}\n  \
             delivery: {{{delivery}}}\n{mesh}"
        );
        let mut networks = self.networks.to_vec();
        networks.dedup();
        let routed = if networks.len() == 1 { "spec: {podConnectivity: routed}\n" } else { "" };
        for network in networks {
            text.push_str(&format!("---\n{HEAD} Network\nmetadata: {{name: {network}}}\n{routed}"));
        }
        for (number, lines) in [(1, self.cluster1), (2, self.cluster2)] {
            let network = self.networks[number - 1];
            text.push_str(&format!(
                "---\n{HEAD} Cluster\nmetadata: {{name: cluster{number}}}\nspec:\n  network: {network}\n{lines}"
            ));
        }
        text + more
    }

    /// Policies are not asked: what is rendered has to be right by itself.
    fn render(&self) -> Output {
        let loaded = compile::load_text(&self.intent());
        let unread: Vec<_> = loaded.findings.iter().filter(|f| f.rule.code.starts_with("MW0")).collect();
        assert!(unread.is_empty(), "{unread:#?}");
        compile::render(&loaded.fleet)
    }
}

fn mesh_root(name: &str) -> Root {
    Root::Mesh(ClusterName::new(name).unwrap())
}

fn istioctl_root(name: &str) -> Root {
    Root::Istioctl(ClusterName::new(name).unwrap())
}

fn rendered<'a>(out: &'a Output, root: &Root, reference: &str) -> Option<&'a Rendered> {
    let mut objects = out.objects().get(root)?.iter().map(|rendered| &**rendered);
    objects.find(|rendered| rendered.object.reference() == reference)
}

/// The object of that reference in a root.
fn object(out: &Output, root: &Root, reference: &str) -> Value {
    let Some(found) = rendered(out, root, reference) else {
        panic!("{reference} is not among {:#?}", references(out, root))
    };
    found.object.clone().into_json()
}

fn references(out: &Output, root: &Root) -> Vec<String> {
    out.objects().get(root).into_iter().flatten().map(|rendered| rendered.object.reference()).collect()
}

/// The objects of one artefact in a root, as a YAML stream.
fn text(out: &Output, root: &Root, artefact: &str) -> String {
    let objects = out.objects().get(root).into_iter().flatten();
    let mine = objects.filter(|rendered| rendered.artefact == artefact);
    mine.map(|rendered| to_yaml(&rendered.object.clone().into_json())).collect::<Vec<_>>().join("---\n")
}

/// Values at a path of keys; `Null` when there is none.
fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    value.pointer(path).unwrap_or(&Value::Null)
}

/// The values of each chart that a cluster's Flux installs, by release, in order.
fn flux_values(out: &Output, cluster: &str) -> Vec<(String, String, Value)> {
    let objects = out.objects().get(&mesh_root(cluster)).into_iter().flatten();
    objects
        .filter(|rendered| rendered.object.kind() == "HelmRelease")
        .map(|rendered| {
            let object = rendered.object.clone().into_json();
            let chart = at(&object, "/spec/chart/spec/chart").as_str().unwrap().to_owned();
            (rendered.object.name().to_owned(), chart, at(&object, "/spec/values").clone())
        })
        .collect()
}
