//! A cluster with its effective values.

use super::{Carried, Gateway, Written};
use crate::finding::{Finding, Place, Rule};
use crate::intent::{
    AppliedBy, ClusterSpec, DataPlane, Delivery, FreeObject, InstallMethod, PreviousGateway, Profile,
};
use crate::names::{ClusterId, ClusterName, NetworkId, ObjectName, Revision};
use crate::version::Version;

/// One cluster with its effective values.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// Its name.
    pub name: ClusterName,
    /// Istio's cluster ID.
    pub id: ClusterId,
    /// Its network. A policy reports one that is not declared.
    pub network: NetworkId,
    /// Its part in the control plane.
    pub role: Role,
    /// Its Istio.
    pub istio: Istio,
    /// East-west gateways.
    pub gateways: Vec<Gateway>,
    /// Who applies its directory.
    pub delivery: Delivery,
    /// What it carries over as it is, one per entry of `spec.manifests`.
    pub carried: Vec<Carried>,
    /// What was declared: mesh, network and cluster level laid over each other.
    pub spec: ClusterSpec,
    /// Where; every value at the place of the level that won.
    pub written: Written,
}

impl Cluster {
    /// What is said of one of its gateways before a change that is being rolled out.
    pub fn before<'a>(&'a self, gateway: &'a ObjectName) -> impl Iterator<Item = &'a PreviousGateway> {
        let all = self.spec.previous.iter().flat_map(|previous| &previous.gateways);
        let first = || self.gateways.first().map(|gateway| &gateway.name);
        all.filter(move |before| before.gateway.as_ref().or_else(first) == Some(gateway))
    }

    /// Where its cluster ID comes from: `spec.clusterID`, or the name that is the default.
    #[must_use]
    pub fn id_place(&self) -> Place {
        if self.spec.cluster_id.is_some() {
            self.written.place("spec.clusterID")
        } else {
            self.written.name()
        }
    }

    /// Where the address that peers dial was written: the gateway's public address, or else its Service's.
    #[must_use]
    pub fn dialled_place(&self, gateway: &Gateway) -> Place {
        let index = self.gateways.iter().position(|other| other.name == gateway.name);
        match (&gateway.spec.public_address, index) {
            (Some(_), Some(index)) => {
                self.written.place(format!("spec.eastWestGateways[{index}].publicAddress").as_str())
            }
            _ => gateway.address_place.clone(),
        }
    }

    /// The namespace in which Istio runs.
    #[must_use]
    pub fn system_namespace(&self) -> &ObjectName {
        &self.istio.namespace
    }

    /// A finding about this cluster. When the place lies outside its own document, in what clusters share, the finding names
    /// no cluster: so it is one finding for all of them ([`Finding::concerns`]), if the message names none either.
    #[must_use]
    pub fn finding(&self, rule: &'static Rule, place: Place, message: impl Into<String>) -> Finding {
        let shared = self.shares(&place);
        let mut finding = rule.at(place, message);
        if shared {
            finding.concerns = vec![self.name.to_string()];
            finding
        } else {
            finding.cluster(&self.name)
        }
    }

    /// The finding, which contradicts the cluster's version of Istio.
    #[must_use]
    pub fn against_istio(&self, finding: Finding) -> Finding {
        let istio = &self.istio.version;
        let declared = format!("Istio {istio} is declared here");
        finding.declared(istio, self.written.place("spec.istio.version"), declared)
    }

    /// Whether a place lies outside its own document, in what its mesh or network says for several clusters.
    #[must_use]
    pub fn shares(&self, place: &Place) -> bool {
        let own = self.written.document.span;
        own.is_written()
            && place.span.is_written()
            && (place.span.file != own.file || place.span.start < own.start || place.span.end > own.end)
    }

    /// Name of an object that carries the revision: `istiod`, `istiod-canary`.
    #[must_use]
    pub fn with_revision(&self, base: &str) -> String {
        match &self.istio.revision {
            Some(revision) => format!("{base}-{revision}"),
            None => base.to_owned(),
        }
    }
}

/// A cluster's part in the control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Runs istiod for itself (and for remotes).
    Primary,
    /// Served by the istiod of another cluster; `None` when the intent does not say whose, which is a finding.
    Remote {
        /// That cluster.
        primary: Option<ClusterName>,
    },
    /// A work cluster of a hosted mesh; the host itself is one too.
    HostedWorker,
}

/// The Istio of a cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Istio {
    /// Version.
    pub version: Version,
    /// Image registry and path.
    pub hub: Option<String>,
    /// Image tag, when declared.
    pub tag: Option<String>,
    /// Install method.
    pub install: InstallMethod,
    /// Who reads IstioOperator objects.
    pub applied_by: AppliedBy,
    /// Data plane.
    pub data_plane: DataPlane,
    /// System namespace.
    pub namespace: ObjectName,
    /// Revision.
    pub revision: Option<Revision>,
    /// Profile.
    pub profile: Option<Profile>,
    /// Helm repository.
    pub chart_repository: String,
    /// Whether the CNI node agent is installed.
    pub cni: bool,
    /// More values.
    pub values: FreeObject,
    /// More mesh configuration.
    pub mesh_config: FreeObject,
}
