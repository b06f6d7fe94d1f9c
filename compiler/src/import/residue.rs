//! What a control plane's values say beyond what the intent renders: free values.

use meshwright_policies::chart_keys::{Chart, unknown_keys};
use meshwright_policies::mesh::Fleet;
use meshwright_policies::names::hosted_name;
use meshwright_policies::node::{FieldPath, Node, Step};
use meshwright_policies::repository::{Cluster, Repository};
use meshwright_policies::support;
use meshwright_policies::version::{Minor, Version};
use serde_json::{Map, Value as Json};

use super::cluster::Member;
use super::plane;
use crate::compile;
use crate::lint;
use crate::source::Sources;

/// What a fleet is rendered to, read as manifests are.
#[derive(Debug)]
pub(super) struct Rendered {
    repository: Repository,
}

impl Rendered {
    /// All of it.
    pub(super) fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Everything that is rendered for the hosted API server of a mesh.
    pub(super) fn hosted(&self, mesh: &str) -> impl Iterator<Item = &Cluster> {
        let name = hosted_name(mesh);
        self.repository.clusters.iter().filter(move |cluster| cluster.named && cluster.name == name)
    }

    /// Everything that is rendered for a cluster. An Argo CD that knows it by another name has a part of it.
    pub(super) fn clusters<'r>(&'r self, member: &'r Member<'_>) -> impl Iterator<Item = &'r Cluster> {
        let known_as = member.delivery.pointer("/argocd/destinationName").and_then(Json::as_str);
        self.repository.clusters.iter().filter(move |cluster| {
            cluster.named && (cluster.name == member.name || Some(cluster.name.as_str()) == known_as)
        })
    }
}

/// Renders a fleet, whatever is still wrong with it.
pub(super) fn rendered(fleet: &Fleet) -> Rendered {
    let output = compile::render(fleet);
    let mut sources = Sources::new();
    for (root, objects) in output.objects() {
        for (index, rendered) in objects.iter().enumerate() {
            let text = serde_json::to_vec(rendered.object.as_map()).unwrap_or_default();
            sources.add(format!("{}/{index}.yaml", root.directory()), text.into());
        }
    }
    for (path, text) in output.files().iter().filter(|(path, _)| path.ends_with(".yaml")) {
        sources.add(path.clone(), text.as_slice().into());
    }
    Rendered { repository: lint::everything(&sources, &[]).0 }
}

/// Values that follow from what the intent declares; MW1004 refuses them as free values.
const DECLARED: &[&str] = &[
    "global.meshID",
    "global.network",
    "global.multiCluster",
    "global.meshNetworks",
    "global.remotePilotAddress",
    "global.externalIstiod",
    "global.configCluster",
    "global.istioNamespace",
    "global.trustDomain",
    "global.proxy.clusterDomain",
    "global.hub",
    "global.tag",
    "istiodRemote",
    "revision",
    "network",
    "profile",
    "pilot.env.CLUSTER_ID",
    "pilot.env.EXTERNAL_ISTIOD",
    "pilot.env.TRUST_DOMAIN",
    "env.CLUSTER_ID",
    "env.EXTERNAL_ISTIOD",
    "env.TRUST_DOMAIN",
    "istio_cni.enabled",
    "pilot.cni.enabled",
];

/// The same of `meshConfig`.
const DECLARED_CONFIG: &[&str] = &[
    "trustDomain",
    "trustDomainAliases",
    "defaultConfig.meshId",
    "defaultConfig.discoveryAddress",
    "defaultConfig.proxyMetadata.ISTIO_META_CLUSTER_ID",
    "defaultConfig.proxyMetadata.ISTIO_META_NETWORK",
    "defaultConfig.proxyMetadata.ISTIO_META_MESH_ID",
    "defaultConfig.proxyMetadata.ISTIO_META_REQUESTED_NETWORK_VIEW",
];

/// Gives every cluster the values that the rendered control plane does not have. What cannot be said is returned.
pub(super) fn free_values(members: &mut [Member<'_>], rendered: &Rendered) -> Vec<String> {
    let mut left_out = Vec::new();
    for member in members {
        let Some(found) = member.plane.clone() else { continue };
        let document = &found.subject.document;
        let base = rendered.clusters(member).find_map(plane::find);
        let get = |path: &FieldPath| document.at(path).map(Node::to_json);
        let rendered_at = |path: &FieldPath| base.as_ref()?.subject.document.at(path).map(Node::to_json);
        let base_values = base.as_ref().and_then(|base| rendered_at(&base.values));
        let base_config = base.as_ref().and_then(|base| rendered_at(&base.mesh_config));
        let mut different = Vec::new();
        let mut beyond = |own: Option<Json>, base: Option<&Json>, declared: &[&str]| -> Map<String, Json> {
            let Some(Json::Object(mut own)) = own else { return Map::new() };
            declared.iter().for_each(|path| remove(&mut own, &path.split('.').collect::<Vec<_>>()));
            subtract(&mut own, base, &FieldPath::root(), &mut different);
            own
        };
        let mut values = beyond(get(&found.values), base_values.as_ref(), DECLARED);
        let mut config = Map::new();
        if let Some(Json::Object(nested)) = values.shift_remove("meshConfig") {
            config = beyond(Some(nested.into()), base_config.as_ref(), DECLARED_CONFIG);
        }
        if found.subject.kind == "IstioOperator" {
            for (key, value) in beyond(get(&found.mesh_config), base_config.as_ref(), DECLARED_CONFIG) {
                config.insert(key, value);
            }
        }
        let chart = match found.subject.kind.as_str() {
            "IstioOperator" | "Istio" => Chart::Operator,
            _ => Chart::Istiod,
        };
        let version = member.istio.get("version").and_then(Json::as_str).and_then(|text| text.parse().ok());
        let minor: Minor = version.as_ref().map_or(support::NEWEST, Version::minor);
        for unknown in unknown_keys(chart, minor, &Json::Object(values.clone())) {
            let keys: Vec<&str> = unknown.path.0.iter().filter_map(key_of).collect();
            remove(&mut values, &keys);
            let meant =
                unknown.suggestion.map(|path| format!("; `{path}` was probably meant")).unwrap_or_default();
            left_out.push(format!(
                "cluster `{}`: no chart reads the value `{}`{meant}",
                member.name, unknown.path
            ));
        }
        for (path, own, other) in different {
            left_out.push(format!(
                "cluster `{}`: the value `{path}` is {own}, and the intent renders {other}",
                member.name
            ));
        }
        for (key, map) in [("values", values), ("meshConfig", config)] {
            if !map.is_empty() {
                member.istio.insert(key.to_owned(), map.into());
            }
        }
    }
    left_out
}

fn key_of(step: &Step) -> Option<&str> {
    match step {
        Step::Key(key) => Some(key),
        Step::Index(_) => None,
    }
}

/// Takes a value out, and the maps above it that become empty.
pub(super) fn remove(map: &mut Map<String, Json>, path: &[&str]) {
    match path {
        [] => {}
        [key] => {
            map.shift_remove(*key);
        }
        [key, rest @ ..] => {
            let empty = match map.get_mut(*key) {
                Some(Json::Object(below)) => {
                    remove(below, rest);
                    below.is_empty()
                }
                _ => false,
            };
            if empty {
                map.shift_remove(*key);
            }
        }
    }
}

/// Takes out of `own` what `base` has; a value that is another one in `base` is told.
fn subtract(
    own: &mut Map<String, Json>,
    base: Option<&Json>,
    path: &FieldPath,
    different: &mut Vec<(FieldPath, Json, Json)>,
) {
    let keys: Vec<String> = own.keys().cloned().collect();
    for key in keys {
        let other = base.and_then(|base| base.get(&key));
        let at = path.clone().key(&key);
        let gone = match (own.get_mut(&key), other) {
            (Some(Json::Object(below)), Some(Json::Object(_))) => {
                subtract(below, other, &at, different);
                below.is_empty()
            }
            (Some(Json::Object(below)), None) => below.is_empty(),
            (Some(value), Some(other)) => {
                if value != other {
                    different.push((at, value.clone(), other.clone()));
                }
                true
            }
            (_, None) => false,
            (None, _) => true,
        };
        if gone {
            own.shift_remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_rendered_anyway_is_not_repeated() {
        let Json::Object(mut own) = json!({
            "global": {"network": "a", "proxy": {"logLevel": "debug"}},
            "pilot": {"replicaCount": 2, "env": {"CLUSTER_ID": "x"}}, "list": [1], "empty": {},
        }) else {
            unreachable!()
        };
        DECLARED.iter().for_each(|path| remove(&mut own, &path.split('.').collect::<Vec<_>>()));
        let mut different = Vec::new();
        subtract(
            &mut own,
            Some(&json!({"list": [2], "pilot": {"replicaCount": 2}})),
            &FieldPath::root(),
            &mut different,
        );
        assert_eq!(Json::Object(own), json!({"global": {"proxy": {"logLevel": "debug"}}}));
        assert_eq!(different, [(FieldPath::parse("list"), json!([1]), json!([2]))]);
    }
}
