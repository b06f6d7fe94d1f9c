//! Where a repository joins two clusters to one mesh.

use crate::claim::Fact;
use crate::finding::Place;
use crate::repository::{Cluster, remote_secret_keys};

/// What joins two clusters.
pub(super) struct Join {
    /// Where.
    pub(super) place: Place,
    /// What stands there.
    pub(super) label: String,
}

/// What joins them, when something does: a remote secret, or `meshNetworks` that names the other's cluster ID.
pub(super) fn join(a: &Cluster, b: &Cluster) -> Option<Join> {
    one_way(a, b).or_else(|| one_way(b, a))
}

/// What links them ([`crate::repository::Repository::links`]).
pub(super) fn link(a: &Cluster, b: &Cluster) -> Option<Join> {
    join(a, b).or_else(|| dials(a, b)).or_else(|| dials(b, a))
}

fn dials(from: &Cluster, to: &Cluster) -> Option<Join> {
    let leads = from.stated(|_, fact| matches!(fact, Fact::LeadingClusters { .. }));
    let id = to.cluster_id();
    if let Some(leads) = leads.iter().find(|leads| leads.claim.value.split(',').any(|one| Some(one) == id)) {
        let label = format!("{} lets the istiod of {} lead it", from.called(), to.called());
        return Some(Join { place: leads.place(), label });
    }
    let asked = to.stated(|_, fact| matches!(fact, Fact::GatewayAddress { .. }));
    let is_asked = |value: &str| asked.iter().any(|stated| stated.claim.value == value);
    let dialled = from.stated(|subject, fact| {
        let own = !subject.is_of_platform();
        own && match fact {
            Fact::ControlPlaneAddress => true,
            Fact::EntryAddress { network } => to.network() == Some(network),
            _ => false,
        }
    });
    let dialled = dialled.into_iter().find(|stated| is_asked(&stated.claim.value))?;
    let label = format!("{} dials the gateway of {} at this address", from.called(), to.called());
    Some(Join { place: dialled.place(), label })
}

fn one_way(from: &Cluster, to: &Cluster) -> Option<Join> {
    let id = to.cluster_id()?;
    for subject in &from.subjects {
        if let Some((_, path)) = remote_secret_keys(subject).into_iter().find(|(key, _)| *key == id) {
            let label = format!("{} reads the services of `{id}` with this secret", from.called());
            return Some(Join { place: Place { path, ..subject.place(&"metadata.name".into()) }, label });
        }
    }
    let members = from.stated(|_, fact| matches!(fact, Fact::Member { .. }));
    let member = members.iter().find(|member| member.claim.value == id)?;
    Some(Join { place: member.place(), label: format!("{} counts `{id}` among its networks", from.called()) })
}
