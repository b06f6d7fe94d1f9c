//! Who brings the output to a cluster.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::ObjectName;

/// Who applies the rendered directories. Exactly one of `flux`, `argocd`, `none`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// Flux, running in every cluster (or in one cluster that reaches the others by `kubeConfigSecret`).
    Flux(FluxDelivery),
    /// Argo CD, running in one cluster and reaching all.
    Argocd(ArgocdDelivery),
    /// Nobody yet: `kubectl apply -k`.
    None(NoDelivery),
}

impl Default for Delivery {
    fn default() -> Self {
        Delivery::None(NoDelivery::default())
    }
}

/// `kubectl apply -k` by a person or a pipeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoDelivery {}

/// Flux `Kustomization` and `HelmRelease` objects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FluxDelivery {
    /// The source object that holds the rendered output. It exists already: Flux's bootstrap makes it.
    pub source: FluxSource,
    /// Where the rendered output lies inside the source, such as `./rendered`.
    pub path: String,
    /// Namespace of the Kustomizations.
    pub namespace: ObjectName,
    /// How often Flux reconciles an unchanged source, as a duration: "60m".
    pub interval: String,
    /// How soon Flux tries again after a failure.
    pub retry_interval: String,
    /// How long Flux waits for objects to become ready.
    pub timeout: String,
    /// Service account that Flux acts as. Default: its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<ObjectName>,
    /// Secret with a kubeconfig of this cluster, when Flux runs elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kube_config_secret: Option<ObjectName>,
}

impl Default for FluxDelivery {
    fn default() -> Self {
        FluxDelivery {
            source: FluxSource::default(),
            path: "./".to_owned(),
            namespace: const { ObjectName::known("flux-system") },
            interval: "60m".to_owned(),
            retry_interval: "2m".to_owned(),
            timeout: "10m".to_owned(),
            service_account_name: None,
            kube_config_secret: None,
        }
    }
}

/// A reference to a Flux source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FluxSource {
    /// Kind of the source.
    pub kind: FluxSourceKind,
    /// Its name.
    pub name: ObjectName,
    /// Its namespace.
    pub namespace: ObjectName,
}

impl Default for FluxSource {
    fn default() -> Self {
        FluxSource {
            kind: FluxSourceKind::GitRepository,
            name: const { ObjectName::known("flux-system") },
            namespace: const { ObjectName::known("flux-system") },
        }
    }
}

/// Kinds of Flux sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FluxSourceKind {
    /// A Git repository.
    GitRepository,
    /// An OCI artifact.
    OCIRepository,
    /// A bucket.
    Bucket,
}

impl FluxSourceKind {
    /// As Flux spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            FluxSourceKind::GitRepository => "GitRepository",
            FluxSourceKind::OCIRepository => "OCIRepository",
            FluxSourceKind::Bucket => "Bucket",
        }
    }
}

/// Argo CD `ApplicationSet` and `Application` objects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArgocdDelivery {
    /// The repository that holds the rendered output. Required, at one level or another.
    #[serde(rename = "repoURL", default)]
    pub repo_url: String,
    /// Branch, tag or commit.
    #[serde(default = "head")]
    pub target_revision: String,
    /// Where the rendered output lies inside the repository, such as `rendered`. Default: at its root.
    #[serde(default)]
    pub path: String,
    /// Namespace of Argo CD.
    #[serde(default = "argocd")]
    pub namespace: ObjectName,
    /// Argo CD project.
    #[serde(default = "project")]
    pub project: ObjectName,
    /// Name by which Argo CD knows this cluster. Default: the cluster's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination_name: Option<String>,
    /// Whether Argo CD syncs by itself, prunes and heals.
    #[serde(default = "yes")]
    pub automated: bool,
}

fn head() -> String {
    "HEAD".to_owned()
}

fn argocd() -> ObjectName {
    const { ObjectName::known("argocd") }
}

fn project() -> ObjectName {
    const { ObjectName::known("default") }
}

fn yes() -> bool {
    true
}
