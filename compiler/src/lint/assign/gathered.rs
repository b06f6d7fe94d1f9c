//! What was gathered of one cluster, from wherever it lies, and whether it is one cluster at all.

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::claim::Fact;
use meshwright_policies::repository::{Cluster, remote_secret_keys};
use meshwright_policies::witness::{Witness, is_declaration};

use super::held::Placed;
use crate::lint::home::Home;

/// What was gathered of one cluster.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) incomplete: bool,
    pub(super) manifests: Vec<Placed>,
}

impl Gathered {
    /// The cluster; nothing where nobody names one and nothing is left of it.
    pub(super) fn cluster(mut self, home: Home) -> Option<Cluster> {
        if self.manifests.is_empty() && !home.named {
            return None;
        }
        self.manifests.sort_by(|a, b| key(a).cmp(&key(b)));
        let mut cluster = Cluster::default();
        cluster.mixed = is_mixed(&self.manifests, home.named);
        (cluster.name, cluster.scope) = (home.name, home.scope);
        (cluster.named, cluster.fleet, cluster.complete) = (home.named, home.fleet, !self.incomplete);
        let all = self.manifests.into_iter().map(|placed| placed.manifest);
        let (declared, subjects) = all.partition(|manifest| is_declaration(&manifest.document));
        cluster.subjects = subjects;
        cluster.witnesses = declared.into_iter().map(Witness::read).collect();
        Some(cluster)
    }
}

fn key(placed: &Placed) -> impl Ord + '_ {
    let manifest = &placed.manifest;
    (&placed.path, manifest.document.span.start, &manifest.kind, &manifest.name, &placed.place)
}

/// Whether one object comes in variants: several clusters in one place.
fn is_mixed(all: &[Placed], named: bool) -> bool {
    if !named && has_gateways_of_several_networks(all) {
        return true;
    }
    let mut seen: BTreeMap<(&str, &str, Option<&str>), &Placed> = BTreeMap::new();
    for placed in all {
        let manifest = &placed.manifest;
        let asserts = !manifest.claims.list.is_empty() || !remote_secret_keys(manifest).is_empty();
        let Some(identity) = manifest.identity().filter(|_| asserts) else { continue };
        // The system namespace is one, whatever a file says of its own.
        let identity = if manifest.kind == "Namespace" { ("Namespace", identity.1, None) } else { identity };
        let is_other = |other: &&Placed| {
            (!named || other.place != placed.place)
                && other.manifest.document.to_json() != manifest.document.to_json()
        };
        if seen.get(&identity).is_some_and(is_other) {
            return true;
        }
        seen.insert(identity, placed);
    }
    false
}

/// Files of values for one gateway on one network each, which nothing tells apart: they are for several clusters.
fn has_gateways_of_several_networks(all: &[Placed]) -> bool {
    let values = all.iter().filter(|placed| placed.manifest.kind.is_empty());
    let claims = values.flat_map(|placed| &placed.manifest.claims.list);
    let networks = claims.filter(|claim| matches!(claim.fact, Fact::GatewayNetwork { .. }));
    networks.map(|claim| claim.value.as_str()).collect::<BTreeSet<_>>().len() > 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::assign::testing::{ISTIO, NAMESPACE, sources};
    use crate::lint::read::{self, Content, directory};

    /// Everything in the files, as one cluster.
    fn cluster(files: &[(&str, &str)], named: bool) -> Option<Cluster> {
        let sources = sources(files);
        let mut gathered = Gathered::default();
        for file in read::read(&sources).in_order() {
            for content in &file.contents {
                let manifests = match content {
                    Content::Object(manifest) => std::slice::from_ref(&**manifest),
                    Content::Plain { values, .. } => values,
                };
                gathered.manifests.extend(manifests.iter().map(|manifest| Placed {
                    path: file.path.to_owned(),
                    place: directory(file.path).to_owned(),
                    manifest: manifest.clone(),
                    is_file: manifest.kind.is_empty(),
                }));
            }
        }
        gathered.cluster(Home { named, ..Home::default() })
    }

    fn is_mixed(files: &[(&str, &str)], named: bool) -> bool {
        cluster(files, named).unwrap().mixed
    }

    #[test]
    fn variants_of_an_object_are_several_clusters() {
        let west = ISTIO.replace("east", "west");
        let apart = [("a/istio.yaml", ISTIO), ("b/istio.yaml", west.as_str())];
        assert!(is_mixed(&apart, true) && is_mixed(&apart, false));
        let together = [("a/1.yaml", ISTIO), ("a/2.yaml", west.as_str())];
        assert!(!is_mixed(&together, true), "two versions of one file in the place of a cluster");
        assert!(is_mixed(&together, false));
        assert!(!is_mixed(&[("a/1.yaml", ISTIO), ("b/2.yaml", ISTIO)], false), "the same twice");
    }

    #[test]
    fn the_system_namespace_is_one_whatever_its_own_namespace() {
        let other = NAMESPACE.replace("east-net", "west-net").replace("{name:", "{namespace: x, name:");
        assert!(is_mixed(&[("a/n.yaml", NAMESPACE), ("b/n.yaml", &other)], true));
    }

    #[test]
    fn values_of_one_gateway_for_several_networks_are_several_clusters() {
        let east = "networkGateway: east-net\nservice: {ports: []}\nlabels: {istio: eastwestgateway}\n";
        let west = east.replace("east-net", "west-net");
        let files = [("values/east.yaml", east), ("values/west.yaml", west.as_str())];
        assert!(is_mixed(&files, false) && !is_mixed(&files, true));
    }

    #[test]
    fn nothing_that_nobody_names_is_no_cluster() {
        assert!(cluster(&[], false).is_none());
        assert!(cluster(&[], true).is_some_and(|cluster| cluster.complete && cluster.subjects.is_empty()));
    }
}
