//! The levels of a cluster's values, laid over each other as trees.

use meshwright_policies::mesh::Mesh;
use meshwright_policies::names::NetworkId;
use meshwright_policies::node::{Entry, Node, Span, Value};

/// The cluster's document with a `spec` in which every level counts: the mesh's `istio`, `delivery` and
/// `enforcement`, its `clusterDefaults`, those of the network, the cluster's own.
#[must_use]
pub(super) fn effective(mesh: &Mesh, own_network: Option<&NetworkId>, document: &Node) -> Node {
    let mesh_spec = mesh.written.document.get("spec");
    let mut spec =
        Node { value: Value::Mapping(Vec::new()), span: mesh_spec.map_or(Span::NONE, |node| node.span) };
    for key in ["istio", "delivery", "enforcement"] {
        if let Some(entry) = mesh_spec.and_then(|node| node.entry(key)) {
            lay(&mut spec, &mapping(entry.clone()));
        }
    }
    let mesh_defaults = mesh_spec.and_then(|node| node.get("clusterDefaults"));
    let own_spec = document.get("spec");
    // A network named by the mesh's defaults has defaults of its own.
    let network = match own_network {
        Some(id) => Some(id.clone()),
        None => mesh_defaults
            .and_then(|d| d.get("network"))
            .and_then(Node::as_str)
            .and_then(|t| NetworkId::new(t).ok()),
    };
    let network_defaults = network
        .and_then(|id| mesh.networks.get(&id))
        .and_then(|network| network.written.document.get("spec"))
        .and_then(|node| node.get("clusterDefaults"));
    for layer in [mesh_defaults, network_defaults, own_spec].into_iter().flatten() {
        lay(&mut spec, layer);
    }
    let entries = document.entries().filter(|entry| entry.key != "spec").cloned();
    let key_span = document.entry("spec").map_or(Span::NONE, |entry| entry.key_span);
    let entries = entries.chain([Entry { key: "spec".to_owned(), key_span, node: spec }]);
    Node { value: Value::Mapping(entries.collect()), span: document.span }
}

/// Overlays one level. Fields of which exactly one is wanted are replaced when the level chooses another.
fn lay(spec: &mut Node, layer: &Node) {
    if let Some(over) = layer.get("delivery")
        && let Some(under) = spec.get("delivery")
        && over.entries().map(|e| &e.key).ne(under.entries().map(|e| &e.key))
        && let Value::Mapping(entries) = &mut spec.value
    {
        entries.retain(|entry| entry.key != "delivery");
    }
    spec.overlay(layer);
}

fn mapping(entry: Entry) -> Node {
    let span = entry.node.span;
    Node { value: Value::Mapping(vec![entry]), span }
}
