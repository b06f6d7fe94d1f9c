//! What manifests say of a workload's network, as candidates.

use super::{Candidate, Source};
use crate::claim::{Claim, Fact};
use crate::node::{FieldPath, Node, Step};
use crate::repository::{Cluster, Manifest};

/// A field of an object.
#[derive(Clone, Debug)]
pub struct Said<'a> {
    /// The object.
    pub subject: &'a Manifest,
    /// The field.
    pub path: FieldPath,
}

/// The network label of a cluster's system namespace.
#[must_use]
pub fn namespace_label<'a>(cluster: &'a Cluster, system: &str) -> Vec<Candidate<Said<'a>>> {
    stated(cluster, |_, claim| match &claim.fact {
        Fact::NamespaceNetwork { namespace } if namespace == system => Some(Source::SystemNamespace),
        _ => None,
    })
}

/// What the `meshNetworks` of an istiod, which runs in `observer`, says of endpoints of the cluster with that ID.
#[must_use]
pub fn mesh_networks<'a>(observer: &'a Cluster, cluster_id: &str) -> Vec<Candidate<Said<'a>>> {
    let mut found = Vec::new();
    for subject in &observer.subjects {
        for (path, document, wrapped) in subject.mesh_networks() {
            let (path, networks) = match (wrapped, document.get("networks")) {
                (false, _) => (path, document),
                (true, Some(networks)) => (path.key("networks"), networks),
                (true, None) => continue,
            };
            for network in networks.entries() {
                let path = path.clone().key(&network.key).key("endpoints");
                let Some(endpoints) = network.node.get("endpoints") else { continue };
                let items = endpoints.items().enumerate();
                found.extend(items.filter_map(|(index, endpoint)| {
                    let path = path.clone().index(index);
                    self::endpoint(subject, &network.key, endpoint, path, cluster_id)
                }));
            }
        }
    }
    found
}

fn endpoint<'a>(
    subject: &'a Manifest,
    network: &str,
    endpoint: &Node,
    path: FieldPath,
    cluster_id: &str,
) -> Option<Candidate<Said<'a>>> {
    let text = |key: &str| endpoint.get(key).and_then(Node::as_str).filter(|text| !text.is_empty());
    let (source, range, key) = match (text("fromRegistry"), text("fromCidr")) {
        (Some(id), _) if id == cluster_id => (Source::FromRegistry, None, "fromRegistry"),
        (_, Some(range)) => (Source::FromCidr, Some(range.to_owned()), "fromCidr"),
        _ => return None,
    };
    let at = Said { subject, path: path.key(key) };
    Some(Candidate { source, network: network.to_owned(), range, at })
}

/// What an injected sidecar of `cluster` is told by the istiod of `injector`, whose values those of its own namespace
/// are; the path is that of the cluster's own webhook.
#[must_use]
pub fn injection<'a>(cluster: &'a Cluster, injector: &'a Cluster, system: &str) -> Vec<Candidate<Said<'a>>> {
    let mut found = stated(cluster, |_, claim| {
        (claim.fact == Fact::Network && claim.part).then_some(Source::InjectionPath)
    });
    found.extend(stated(injector, |subject, claim| {
        // An IstioOperator with nothing but gateways configures no istiod (istio/istio: `gen-eastwest-gateway.sh`).
        let gateways = subject.text("spec.profile").as_deref() == Some("empty");
        if claim.fact != Fact::Network || claim.part || subject.plane != system || gateways {
            return None;
        }
        match claim.path.0.as_slice() {
            [.., Step::Key(parent), Step::Key(_)] if parent == "proxyMetadata" => Some(Source::ProxyMetadata),
            [.., Step::Key(parent), Step::Key(key)] if parent == "global" && key == "network" => {
                Some(Source::GlobalNetwork)
            }
            [.., Step::Key(key)] if key.ends_with(".global.network") => Some(Source::GlobalNetwork),
            _ => None,
        }
    }));
    found
}

fn stated<'a>(
    cluster: &'a Cluster,
    source: impl Fn(&Manifest, &Claim) -> Option<Source>,
) -> Vec<Candidate<Said<'a>>> {
    let claims =
        cluster.subjects.iter().flat_map(|subject| subject.claims.list.iter().map(move |c| (subject, c)));
    claims
        .filter_map(|(subject, claim)| {
            let at = Said { subject, path: claim.path.clone() };
            let (source, network) = (source(subject, claim)?, claim.value.clone());
            Some(Candidate { source, network, range: None, at })
        })
        .collect()
}
