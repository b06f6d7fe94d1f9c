//! What a file holds that asserts something, and the cluster ID that it gives.

use meshwright_policies::repository::Manifest;

use crate::lint::home;
use crate::lint::kustomize::Object;
use crate::lint::read::{Content, File};

/// What asserts something: an object on its way to a cluster, or chart values in a file of their own.
#[derive(Clone, Debug)]
pub(super) enum Item<'a> {
    Object(Object<'a>),
    /// The path of the file, and what its values assert.
    Values(&'a str, &'a Manifest),
}

impl<'a> Item<'a> {
    /// What is in a file, in its order.
    pub(super) fn all(file: &'a File<'_>) -> Vec<Item<'a>> {
        let mut items = Vec::new();
        for content in &file.contents {
            match content {
                Content::Object(manifest) => items.push(Item::Object(Object::read(file.path, manifest))),
                Content::Plain { values, .. } => {
                    items.extend(values.iter().map(|values| Item::Values(file.path, values)));
                }
            }
        }
        items
    }

    pub(super) fn object(&self) -> Option<&Object<'a>> {
        match self {
            Item::Object(object) => Some(object),
            Item::Values(..) => None,
        }
    }

    /// Whether it configures a control plane, as far as its own text says.
    pub(super) fn is_plane(&self) -> bool {
        let manifest = match self {
            Item::Object(object) => object.source,
            Item::Values(_, values) => Some(*values),
        };
        manifest.is_some_and(|manifest| manifest.claims.plane.is_some())
    }

    /// The cluster ID that it gives its cluster.
    pub(super) fn identity(&self) -> Option<String> {
        match self {
            Item::Object(object) => match object.source {
                Some(source) => home::identity(source).map(str::to_owned),
                None if may_have_identity(object) => {
                    home::identity(&Manifest::object(object.node().clone())).map(str::to_owned)
                }
                None => None,
            },
            Item::Values(_, values) => home::identity(values).map(str::to_owned),
        }
    }
}

/// Whether an object that was changed is worth reading again.
fn may_have_identity(object: &Object<'_>) -> bool {
    matches!(object.kind(), "IstioOperator" | "Istio" | "HelmRelease" | "Application" | "ConfigMap")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::assign::testing::{ISTIO, sources};
    use crate::lint::kustomize::set;
    use crate::lint::read;
    use meshwright_policies::node::{Node, Value};

    #[test]
    fn objects_and_values_of_a_file_come_in_its_order() {
        let values = "global: {multiCluster: {clusterName: west}, network: west-net}\n";
        let sources = sources(&[("a.yaml", ISTIO), ("istiod.yaml", values)]);
        let files = read::read(&sources);
        let items: Vec<Item<'_>> = files.in_order().flat_map(Item::all).collect();
        let identities: Vec<Option<String>> = items.iter().map(Item::identity).collect();
        assert_eq!(items.iter().filter_map(Item::object).count(), 1);
        assert_eq!(identities, [Some("east".to_owned()), Some("west".to_owned())]);
    }

    #[test]
    fn the_cluster_id_is_that_after_a_change() {
        let sources = sources(&[("a.yaml", ISTIO)]);
        let files = read::read(&sources);
        let mut object = files.in_order().flat_map(Item::all).next().unwrap().object().unwrap().clone();
        let changed = Node::unwritten(Value::String("north".to_owned()));
        set(object.change(), &["spec", "values", "global", "multiCluster", "clusterName"], changed);
        assert_eq!(Item::Object(object).identity().as_deref(), Some("north"));
    }
}
