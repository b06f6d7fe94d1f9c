//! The documents people write, as types: `Mesh`, `Network`, `Cluster`, `PolicyConfig` of `meshwright.dev/v1alpha1`.
//!
//! The JSON Schemas that editors use are generated from these types, so their doc comments are what a person sees while
//! typing. A value that parsed is well-formed by itself; whether it agrees with the others is the policies' question.

mod cluster;
mod delivery;
mod east_west_gateway;
mod enforcement;
mod istio;
mod kubernetes;
mod load_balancer;
mod manifests;
mod mesh;
mod network;
mod node;
mod policy_config;
mod previous;
mod samples;

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

pub use cluster::*;
pub use delivery::*;
pub use east_west_gateway::*;
pub use enforcement::*;
pub use istio::*;
pub use kubernetes::*;
pub use load_balancer::*;
pub use manifests::*;
pub use mesh::*;
pub use network::*;
pub use node::*;
pub use policy_config::*;
pub use previous::*;
pub use samples::*;

/// `apiVersion` of every intent document.
pub const API_VERSION: &str = "meshwright.dev/v1alpha1";

/// Its group.
pub const GROUP: &str = "meshwright.dev";

/// What kind of intent document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IntentKind {
    /// One mesh.
    Mesh,
    /// One network of a mesh.
    Network,
    /// One cluster of a mesh.
    Cluster,
    /// How policies judge this repository.
    PolicyConfig,
}

impl IntentKind {
    /// All kinds, in the order in which documentation lists them.
    pub const ALL: [IntentKind; 4] =
        [IntentKind::Mesh, IntentKind::Network, IntentKind::Cluster, IntentKind::PolicyConfig];

    /// The `kind` of the document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            IntentKind::Mesh => "Mesh",
            IntentKind::Network => "Network",
            IntentKind::Cluster => "Cluster",
            IntentKind::PolicyConfig => "PolicyConfig",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<IntentKind> {
        IntentKind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The JSON Schema (draft 2020-12) of the whole document.
    #[must_use]
    pub fn schema(self) -> Schema {
        match self {
            IntentKind::Mesh => schema_of::<Document<MeshSpec>>(self),
            IntentKind::Network => schema_of::<Document<NetworkSpec>>(self),
            IntentKind::Cluster => schema_of::<Document<ClusterSpec>>(self),
            IntentKind::PolicyConfig => schema_of::<Document<PolicyConfigSpec>>(self),
        }
    }
}

fn schema_of<T: JsonSchema>(kind: IntentKind) -> Schema {
    let mut schema =
        schemars::generate::SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    if let Some(properties) = schema.get_mut("properties").and_then(|p| p.as_object_mut()) {
        properties.insert("apiVersion".into(), serde_json::json!({"const": API_VERSION}));
        properties.insert("kind".into(), serde_json::json!({"const": kind.as_str()}));
    }
    schema.insert("title".into(), kind.as_str().into());
    schema
}

/// One intent document.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "camelCase",
    deny_unknown_fields,
    bound(deserialize = "Spec: Deserialize<'de> + Default")
)]
pub struct Document<Spec: Default> {
    /// `meshwright.dev/v1alpha1`.
    pub api_version: String,
    /// `Mesh`, `Network`, `Cluster` or `PolicyConfig`.
    pub kind: String,
    /// Its name.
    pub metadata: Metadata,
    /// What is declared. May be left out when everything is at its default.
    #[serde(default)]
    pub spec: Spec,
}

/// Name and free notes of a document.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// The name: of the mesh, the network ID, the cluster name.
    pub name: String,
    /// Free labels, for people and their tools; nothing is rendered from them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Free annotations, for people and their tools; nothing is rendered from them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// A free JSON object, such as Helm values.
pub type FreeObject = serde_json::Map<String, serde_json::Value>;
