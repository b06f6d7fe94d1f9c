//! The Istio of a cluster, and how it gets there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FreeObject;
use crate::names::{ObjectName, Revision};
use crate::version::Version;

/// Which Istio, installed how. Said once in the mesh; a cluster may say what differs (a canary version or revision).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct IstioSpec {
    /// Istio's version, with the vendor's suffix if it has one: "1.26.0", "1.15.3-mspider". Required, in the mesh or in
    /// every cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// Image registry and path. Default: that of the charts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hub: Option<String>,
    /// Image tag. Default: the version, or the charts' own with Helm and Sail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Install method.
    pub install: InstallMethod,
    /// Who reads IstioOperator objects: an operator in the cluster (Istio 1.23 and earlier) or `istioctl install -f`.
    pub applied_by: AppliedBy,
    /// Data plane.
    pub data_plane: DataPlane,
    /// The system namespace; the same in all clusters of a mesh.
    pub namespace: ObjectName,
    /// Revision of the control plane. Default: none, that is `default`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// Installation profile: default, demo, minimal, openshift, stable, preview or empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// Helm repository of Istio's charts (`https://` or `oci://`).
    pub chart_repository: String,
    /// Installs the Istio CNI node agent, instead of privileged init containers. OpenShift needs it.
    pub cni: bool,
    /// More values of the istiod chart, or of `spec.values`. Must not set what the mesh declares (network, cluster name,
    /// mesh ID, meshNetworks, remotePilotAddress).
    #[serde(skip_serializing_if = "FreeObject::is_empty")]
    pub values: FreeObject,
    /// More `meshConfig`: DNS capture, access logs, `serviceSettings`, `localityLbSetting`. Must not set what the mesh
    /// declares (trust domain).
    #[serde(skip_serializing_if = "FreeObject::is_empty")]
    pub mesh_config: FreeObject,
}

impl Default for IstioSpec {
    fn default() -> Self {
        IstioSpec {
            version: None,
            hub: None,
            tag: None,
            install: InstallMethod::Helm,
            applied_by: AppliedBy::Operator,
            data_plane: DataPlane::Sidecar,
            namespace: const { ObjectName::known("istio-system") },
            revision: None,
            profile: None,
            chart_repository: "https://istio-release.storage.googleapis.com/charts".to_owned(),
            cni: false,
            values: FreeObject::new(),
            mesh_config: FreeObject::new(),
        }
    }
}

/// How Istio gets into a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum InstallMethod {
    /// `install.istio.io/v1alpha1` objects.
    IstioOperator,
    /// Istio's Helm charts, as Flux `HelmRelease` or Argo CD `Application`.
    Helm,
    /// The Sail operator's `Istio`, with Istio's Helm chart for gateways.
    Sail,
}

impl InstallMethod {
    /// As written in the intent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            InstallMethod::IstioOperator => "IstioOperator",
            InstallMethod::Helm => "Helm",
            InstallMethod::Sail => "Sail",
        }
    }
}

/// Who reads IstioOperator objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AppliedBy {
    /// An operator that runs in the cluster. Istio removed its own in 1.24 (istio/istio#52090).
    Operator,
    /// `istioctl install -f`, run by a person or a pipeline. The files are rendered beside the kustomize roots.
    Istioctl,
}

/// How traffic is captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DataPlane {
    /// A proxy in every pod.
    Sidecar,
}

/// A built-in configuration of Istio's charts that makes a primary. (`remote` and `external` follow from the role.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// For production.
    Default,
    /// For trying things: high tracing and access logs, low resources.
    Demo,
    /// Control plane only.
    Minimal,
    /// For OpenShift.
    Openshift,
    /// Only features that are stable.
    Stable,
    /// With experimental features.
    Preview,
    /// Nothing.
    Empty,
}

impl Profile {
    /// As Istio spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Profile::Default => "default",
            Profile::Demo => "demo",
            Profile::Minimal => "minimal",
            Profile::Openshift => "openshift",
            Profile::Stable => "stable",
            Profile::Preview => "preview",
            Profile::Empty => "empty",
        }
    }
}
