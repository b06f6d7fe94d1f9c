//! The webhook of a cluster.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FreeObject;
use crate::names::ObjectName;
use crate::version::Version;

/// The admission webhook of a cluster, which refuses what contradicts its declaration: delivers the Helm chart
/// `meshwright-webhook`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Enforcement {
    /// Whether the webhook is delivered. A cluster may say `false` where the mesh has enforcement.
    pub enabled: bool,
    /// Helm repository of the chart (`https://` or `oci://`).
    pub chart_repository: String,
    /// Version of the chart. Default: that of the meshwright that renders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// Namespace of the webhook. It is made, unless the cluster's `namespaces` list it.
    pub namespace: ObjectName,
    /// More values of the chart, such as `admission`, `certificates` or `serviceMonitor`.
    #[serde(skip_serializing_if = "FreeObject::is_empty")]
    pub values: FreeObject,
}

impl Default for Enforcement {
    fn default() -> Self {
        Enforcement {
            enabled: true,
            chart_repository: "oci://ghcr.io/meshwright/charts".to_owned(),
            version: None,
            namespace: const { ObjectName::known("meshwright-system") },
            values: FreeObject::new(),
        }
    }
}
