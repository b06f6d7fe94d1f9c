//! Gateways of a repository, whichever object installs them: a Service, chart values, an IstioOperator, a `Gateway` of the
//! Gateway API.

use std::collections::BTreeMap;

use crate::claim::{Claim, Fact};
use crate::east_west;
use crate::finding::Place;
use crate::repository::{Cluster, Manifest, Repository, Stated};

/// A Service that an object makes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a> {
    /// The object.
    pub(super) subject: &'a Manifest,
    /// The Service's name.
    pub(super) name: &'a str,
}

impl<'a> Found<'a> {
    /// The first claim of a fact about it.
    pub(super) fn claim(&self, fact: fn(String) -> Fact) -> Option<&'a Claim> {
        let fact = fact(self.name.to_owned());
        self.subject.claims.list.iter().find(|claim| claim.fact == fact)
    }

    /// Its value.
    pub(super) fn value(&self, fact: fn(String) -> Fact) -> Option<&'a str> {
        self.claim(fact).map(|claim| claim.value.as_str())
    }

    /// Addresses that it asks for.
    pub(super) fn addresses(&self) -> impl Iterator<Item = &'a Claim> {
        let name = self.name;
        let asks = move |fact: &Fact| matches!(fact, Fact::GatewayAddress { gateway } if gateway == name);
        self.subject.claims.list.iter().filter(move |claim| asks(&claim.fact))
    }

    /// Whether it lies between networks.
    pub(super) fn is_east_west(&self) -> bool {
        east_west::is_east_west(&self.subject.claims, self.name)
    }
}

/// The network that a gateway is labelled to be an entry of.
pub(super) fn network(gateway: String) -> Fact {
    Fact::GatewayNetwork { gateway }
}

/// The networks that it sees.
pub(super) fn view(gateway: String) -> Fact {
    Fact::NetworkView { gateway }
}

/// The type of its Service.
pub(super) fn service_type(gateway: String) -> Fact {
    Fact::GatewayServiceType { gateway }
}

/// The pool that it asks for.
pub(super) fn pool(gateway: String) -> Fact {
    Fact::GatewayPool { gateway }
}

/// The `istio` label of its pods.
pub(super) fn label(gateway: String) -> Fact {
    Fact::GatewayLabel { gateway }
}

/// The port at which peers enter.
pub(super) fn port_label(gateway: String) -> Fact {
    Fact::GatewayPortLabel { gateway }
}

/// Every Service of a cluster that something makes, in the order of the files.
pub(super) fn services(cluster: &Cluster) -> Vec<Found<'_>> {
    let mut found: Vec<Found<'_>> = Vec::new();
    for subject in &cluster.subjects {
        let before = found.len();
        for claim in &subject.claims.list {
            let Some(name) = gateway_of(&claim.fact) else { continue };
            if !found.iter().skip(before).any(|own| own.name == name) {
                found.push(Found { subject, name });
            }
        }
    }
    found
}

/// Gateways between networks.
pub(super) fn gateways(cluster: &Cluster) -> Vec<Found<'_>> {
    let mut found = services(cluster);
    found.retain(Found::is_east_west);
    found
}

fn gateway_of(fact: &Fact) -> Option<&str> {
    match fact {
        Fact::GatewayNetwork { gateway }
        | Fact::GatewayPortLabel { gateway }
        | Fact::GatewayLabel { gateway }
        | Fact::GatewayAddress { gateway }
        | Fact::GatewayPool { gateway }
        | Fact::GatewayPorts { gateway }
        | Fact::NetworkView { gateway }
        | Fact::GatewayServiceType { gateway } => Some(gateway),
        _ => None,
    }
}

/// Named clusters by the scope of their fleet, each of which holds one cluster's objects.
pub(super) fn fleets(repository: &Repository) -> BTreeMap<&str, Vec<&Cluster>> {
    let mut fleets: BTreeMap<&str, Vec<&Cluster>> = BTreeMap::new();
    for cluster in repository.clusters.iter().filter(|cluster| cluster.named && !cluster.mixed) {
        fleets.entry(&cluster.scope).or_default().push(cluster);
    }
    fleets
}

/// Whether another cluster's istiod serves it, as far as its control plane says.
pub(super) fn is_remote(cluster: &Cluster) -> bool {
    let own = |subject: &&Manifest| !subject.is_of_platform();
    let mut subjects = cluster.subjects.iter().filter(own);
    subjects.any(|subject| subject.claims.list.iter().any(|claim| leads_away(&claim.fact)))
}

/// Whether the repository configures its control plane. Gateways of an IstioOperator are told the cluster's name too.
pub(super) fn has_control_plane(cluster: &Cluster) -> bool {
    cluster.subjects.iter().any(|subject| {
        let list = &subject.claims.list;
        list.iter().any(|claim| claim.fact == Fact::ClusterId && !claim.part)
            && !list.iter().any(|claim| matches!(claim.fact, Fact::GatewayPorts { .. }))
            && !subject.is_of_platform()
    })
}

/// The one istiod that a cluster installs, where everything that configures it was read.
pub(super) fn whole_istiod(cluster: &Cluster) -> Option<Place> {
    let planes: Vec<&Manifest> = cluster.subjects.iter().filter(|s| s.claims.plane.is_some()).collect();
    let [only] = planes.as_slice() else { return None };
    let plane = only.claims.plane.as_ref()?;
    let is_known = cluster.complete
        && cluster.is_comparable()
        && !only.kind.is_empty()
        && plane.whole
        && !plane.is_remote
        && !only.unknown
        && only.unresolved.is_empty();
    is_known.then(|| only.place(&plane.path))
}

/// Whether its own istiod is configured in the repository.
pub(super) fn runs_istiod(cluster: &Cluster) -> bool {
    has_control_plane(cluster) && !is_remote(cluster)
}

/// Who may lead a remote cluster, by the annotation of its system namespace, and that namespace; nothing where everybody may,
/// or where the annotation is not one.
pub(super) fn leading(cluster: &Cluster) -> Option<(Stated<'_>, &str)> {
    if !is_remote(cluster) {
        return None;
    }
    let planes = cluster.planes();
    let all = cluster.stated(
        |_, fact| matches!(fact, Fact::LeadingClusters { namespace } if planes.contains(&namespace.as_str())),
    );
    let [leads] = all.as_slice() else { return None };
    let Fact::LeadingClusters { namespace } = &leads.claim.fact else { return None };
    let is_known = !leads.claim.value.split(',').any(|id| id == "*" || id.is_empty());
    is_known.then_some((*leads, namespace.as_str()))
}

/// Where a remote cluster dials istiod, when all of its statements agree.
pub(super) fn dialled(cluster: &Cluster) -> Option<Stated<'_>> {
    let all = cluster.stated(|subject, fact| leads_away(fact) && !subject.is_of_platform());
    let first = *all.first()?;
    all.iter().all(|other| other.claim.value == first.claim.value).then_some(first)
}

/// Whether it says where the istiod of another cluster is. Under a revision's name, what leads away may stand beside the
/// cluster's own istiod.
fn leads_away(fact: &Fact) -> bool {
    match fact {
        Fact::ControlPlaneAddress => true,
        Fact::IstiodEndpoint { service } => service == "istiod" || service.ends_with("-remote"),
        _ => false,
    }
}
