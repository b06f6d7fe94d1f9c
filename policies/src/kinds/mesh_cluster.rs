//! Mspider's `MeshCluster`: a member's parameters, one entry per mesh that it belongs to.

use super::Kind;
use crate::claim::{At, Claims, Fact, Subject};

/// `discovery.mspider.io/MeshCluster`.
pub(super) struct MeshCluster;

const MESH_ID: &str = "global.meshID";
const NETWORK: &str = "istio.custom_params.values.global.network";

impl Kind for MeshCluster {
    fn group(&self) -> &'static str {
        "discovery.mspider.io"
    }

    fn kind(&self) -> &'static str {
        "MeshCluster"
    }

    fn plural(&self) -> &'static str {
        "meshclusters"
    }

    fn claims(&self, object: &At<'_>, claims: &mut Claims) {
        let name = object.get("metadata").and_then(|metadata| metadata.text_of("name"));
        claims.subject = Subject::Cluster(name.unwrap_or_default());
        let Some(spec) = object.get("spec") else { return };
        let Some(entries) = spec.get("meshedParams") else { return };
        let meshes: Vec<String> = entries
            .items()
            .filter_map(|entry| entry.get("params").and_then(|params| params.text_of(MESH_ID)))
            .collect();
        let all = meshes.join(",");
        for entry in entries.items() {
            let Some(params) = entry.get("params") else { continue };
            let Some(mesh) = params.text_of(MESH_ID) else { continue };
            if let Some(at) = params.get(MESH_ID) {
                claims.add(Fact::MeshEntries, &at, all.clone());
            }
            claims.scalar(Fact::EntryNetwork { mesh: mesh.clone() }, params.get(NETWORK));
            let Some(nested) = entry.get("paramsStruct") else { continue };
            let network = ["istio", "custom_params", "values", "global"];
            nested_scalar(&nested, &network, "network", Fact::EntryNetwork { mesh }, claims);
        }
    }
}

fn nested_scalar(at: &At<'_>, way: &[&str], key: &str, fact: Fact, claims: &mut Claims) {
    match way.split_first() {
        None => claims.scalar(fact, at.get(key)),
        Some((first, rest)) => {
            if let Some(next) = at.get(first) {
                nested_scalar(&next, rest, key, fact, claims);
            }
        }
    }
}
