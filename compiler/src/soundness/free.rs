//! Where the intent has a value that made a rendered object contradict its declaration: most often in what it adds freely,
//! as values of a chart or annotations of a Service.

use meshwright_policies::finding::{Finding, Place};
use meshwright_policies::mesh::{Cluster, Fleet, Mesh};
use meshwright_policies::names::ClusterName;
use meshwright_policies::node::{FieldPath, Node, Span, Step, Value};

use crate::artefact::Root;
use crate::object::Object;

/// The place of the refused value, and whether it stands in a field that means something to meshwright itself. The nearest
/// one of several: in a free field rather than another, then the one whose path ends most like the refused one.
pub(super) fn source(
    fleet: &Fleet,
    server: Option<&ClusterName>,
    refused: &Finding,
) -> Option<(Place, bool)> {
    let found = refused.found.as_deref().filter(|found| !found.is_empty())?;
    let mut hits = Hits { found, like: &refused.place.path, best: None };
    for document in documents(fleet, server, refused) {
        hits.visit(document, FieldPath::root());
    }
    let (rank, place) = hits.best?;
    Some((place, !rank.free))
}

/// Whether the intent adds values of its own to the control plane that an object installs.
pub(super) fn is_added(fleet: &Fleet, root: &Root, object: &Object) -> bool {
    let installs = matches!(object.kind(), "HelmRelease" | "Application" | "IstioOperator" | "Istio");
    let cluster = root.cluster().filter(|_| installs).and_then(|name| named(fleet, name));
    cluster.is_some_and(|cluster| !cluster.istio.values.is_empty() || !cluster.istio.mesh_config.is_empty())
}

fn named<'a>(fleet: &'a Fleet, name: &ClusterName) -> Option<&'a Cluster> {
    fleet.meshes.values().find_map(|mesh| mesh.clusters.get(name))
}

/// The field of `istio.values` or `istio.meshConfig` that is rendered as the field that a finding is about.
pub(super) fn written<'a>(
    fleet: &'a Fleet,
    server: Option<&ClusterName>,
    refused: &Finding,
) -> Option<(&'a Node, FieldPath)> {
    let document = &named(fleet, server?)?.written.document;
    let steps = &refused.place.path.0;
    let below = |key: &str| {
        let at = steps.iter().position(|step| matches!(step, Step::Key(own) if own == key))?;
        let rest = steps.get(at + 1..).filter(|rest| !rest.is_empty())?;
        let own = FieldPath::parse("spec.istio").key(key).0.into_iter();
        let path = FieldPath(own.chain(rest.iter().cloned()).collect());
        document.at(&path).filter(|node| node.span.is_written())?;
        Some((document, path))
    };
    below("meshConfig").or_else(|| below("values"))
}

/// The cluster's effective document, which holds what its mesh and network share too, then the mesh's.
fn documents<'a>(fleet: &'a Fleet, server: Option<&ClusterName>, refused: &Finding) -> Vec<&'a Node> {
    let is_of = |(_, cluster): &(&Mesh, &Cluster)| {
        server.is_some_and(|name| *name == cluster.name)
            || refused.cluster.as_deref() == Some(cluster.name.as_str())
    };
    let clusters: Vec<(&Mesh, &Cluster)> = fleet.clusters().filter(is_of).collect();
    let meshes = clusters.iter().map(|(mesh, _)| &mesh.written.document);
    clusters.iter().map(|(_, cluster)| &cluster.written.document).chain(meshes).collect()
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    free: bool,
    whole: bool,
    alike: usize,
}

struct Hits<'a> {
    found: &'a str,
    like: &'a FieldPath,
    best: Option<(Rank, Place)>,
}

impl Hits<'_> {
    fn visit(&mut self, node: &Node, path: FieldPath) {
        match &node.value {
            Value::Mapping(entries) => {
                for entry in entries {
                    let below = path.clone().key(&entry.key);
                    if entry.key == self.found {
                        self.hit(entry.key_span, below.clone(), true);
                    }
                    self.visit(&entry.node, below);
                }
            }
            Value::Sequence(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.visit(item, path.clone().index(index));
                }
            }
            Value::String(text) if text == self.found => self.hit(node.span, path, true),
            // A list in one text, an address with its port, a document inside a string.
            Value::String(text) if is_free(&path) && holds_word(text, self.found) => {
                self.hit(node.span, path, false);
            }
            Value::Bool(value) if value.to_string() == self.found => self.hit(node.span, path, true),
            Value::Number(number) if number.to_string() == self.found => self.hit(node.span, path, true),
            _ => {}
        }
    }

    fn hit(&mut self, span: Span, path: FieldPath, whole: bool) {
        // Short values such as `true` and `1` stand everywhere: they say something only under the same key.
        let alike = alike(&path, self.like);
        if !span.is_written() || (self.found.len() < 5 && alike == 0) {
            return;
        }
        let rank = Rank { free: is_free(&path), whole, alike };
        if self.best.as_ref().is_none_or(|(best, _)| *best < rank) {
            self.best = Some((rank, Place { span, path }));
        }
    }
}

/// Fields whose content is rendered as it is.
pub(super) fn is_free(path: &FieldPath) -> bool {
    let keys: Vec<&str> = path
        .0
        .iter()
        .filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        })
        .collect();
    keys.windows(2).any(|pair| matches!(pair, ["istio", "values" | "meshConfig"] | ["enforcement", "values"]))
        || keys.iter().any(|key| {
            matches!(
                *key,
                "annotations" | "labels" | "controlPlaneParams" | "params" | "entry" | "otherMeshes"
            )
        })
}

/// How many steps both paths end alike with.
fn alike(a: &FieldPath, b: &FieldPath) -> usize {
    a.0.iter().rev().zip(b.0.iter().rev()).take_while(|(a, b)| a == b).count()
}

fn holds_word(text: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stands_by_itself() {
        assert!(holds_word("10.1.0.29,fd00::1", "10.1.0.29") && holds_word("a: network-x\n", "network-x"));
        assert!(!holds_word("10.1.0.290", "10.1.0.29") && !holds_word("my-network-x", "network-x"));
    }

    #[test]
    fn free_fields_are_those_that_are_rendered_as_they_are() {
        for free in ["spec.istio.values.global.network", "spec.eastWestGateways[0].service.annotations.x"] {
            assert!(is_free(&free.into()), "{free}");
        }
        assert!(!is_free(&"spec.loadBalancer.addresses.eastWest".into()));
    }
}
