//! Configurations beside the intent by which clusters are built.

use crate::address::Cidr;
use crate::finding::Place;

/// A kind or kubeadm configuration.
#[derive(Clone, Debug)]
pub struct Provisioned {
    /// `kind` or `kubeadm`.
    pub tool: &'static str,
    /// Name of the cluster that it builds.
    pub cluster: String,
    /// Pod ranges, when it says any.
    pub pods: Option<Subnets>,
    /// Service ranges, when it says any.
    pub services: Option<Subnets>,
}

/// Address ranges and where they are written.
#[derive(Clone, Debug)]
pub struct Subnets {
    /// The ranges.
    pub cidrs: Vec<Cidr>,
    /// Where.
    pub place: Place,
}
