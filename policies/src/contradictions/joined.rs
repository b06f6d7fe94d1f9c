//! Which clusters a repository makes one mesh of: by what they say, never by where their files are.

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

/// Whether they say themselves that they are of one mesh, and that it reaches beyond one cluster. Variants of one cluster
/// for two environments say the same of themselves, unless one names the network of the other.
fn by_claims(a: &Cluster, b: &Cluster) -> bool {
    let same = matches!((a.mesh_id(), b.mesh_id()), (Some(a), Some(b)) if a == b);
    let fleet = a.fleet && b.fleet;
    same && a.is_multi_cluster()
        && b.is_multi_cluster()
        && (fleet || names_network(a, b) || names_network(b, a))
}

/// Whether `meshNetworks` of one has the network of the other.
fn names_network(from: &Cluster, to: &Cluster) -> bool {
    let (Some(own), Some(network)) = (from.network(), to.network()) else { return false };
    let named = from.stated(|_, fact| *fact == Fact::NamedNetwork);
    own != network && named.iter().any(|stated| stated.claim.value == network)
}

/// Whether they are one mesh.
pub(super) fn one_mesh(a: &Cluster, b: &Cluster) -> bool {
    by_claims(a, b) || join(a, b).is_some()
}
