//! A claim of a repository, with the document that makes it.

use super::Manifest;
use crate::claim::{Claim, Fact, SaidBy};
use crate::finding::{Finding, Place, Rule};

/// A claim and the document that makes it.
#[derive(Clone, Copy, Debug)]
pub struct Stated<'a> {
    /// The document.
    pub subject: &'a Manifest,
    /// What it claims.
    pub claim: &'a Claim,
}

impl Stated<'_> {
    /// The place of the claim.
    #[must_use]
    pub fn place(&self) -> Place {
        self.subject.place(&self.claim.path)
    }

    /// A finding about the claim.
    #[must_use]
    pub fn finding(&self, rule: &'static Rule, message: impl Into<String>) -> Finding {
        self.subject.finding(rule, &self.claim.path, message)
    }

    /// What makes the claim, for people.
    #[must_use]
    pub fn source(&self) -> &'static str {
        let path = self.claim.path.to_string();
        match &self.claim.fact {
            Fact::NamespaceNetwork { .. } => "the label of the system namespace",
            Fact::EntryNetwork { .. } => "the MeshCluster",
            Fact::GatewayNetwork { .. } => "the label of the gateway",
            Fact::NetworkView { .. } => "the network view of the gateway",
            Fact::IstiodVariable { .. } => "the Deployment of istiod",
            Fact::WorkloadClusterId { by } | Fact::WorkloadMeshId { by } | Fact::WorkloadNetwork { by } => {
                match by {
                    SaidBy::Label => "the label of the pods",
                    SaidBy::Variable => "the variable of a proxy",
                    SaidBy::Annotation => "the annotation of the pods",
                    SaidBy::ProxyConfig => "the ProxyConfig",
                    SaidBy::Field => "the field of the workload",
                }
            }
            Fact::WorkloadTrustDomain => "the variable of a proxy",
            _ if self.claim.part => "the injection path",
            _ if path.contains("proxyMetadata") => "the proxy metadata",
            _ if path.contains("meshConfig") || path.contains("data.mesh") => "the mesh configuration",
            _ => "the values of the control plane",
        }
    }
}
