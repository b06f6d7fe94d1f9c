//! Sample applications.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::ObjectName;

/// Sample applications that show whether clusters reach each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Samples {
    /// Their namespace.
    pub namespace: ObjectName,
    /// Istio's helloworld: answers with its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helloworld: Option<SampleVersion>,
    /// Bookinfo's reviews: answers with its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reviews: Option<SampleVersion>,
    /// A pod with curl to ask from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sleep: Option<SampleSleep>,
}

impl Default for Samples {
    fn default() -> Self {
        Samples {
            namespace: const { ObjectName::known("sample") },
            helloworld: None,
            reviews: None,
            sleep: None,
        }
    }
}

/// Which version of a sample runs in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SampleVersion {
    /// The version that it answers with: v1, vc2.
    pub version: ObjectName,
    /// Image. Default: the sample's own for the mesh's Istio version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// The sleep sample.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SampleSleep {
    /// Image. Default: curlimages/curl.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}
