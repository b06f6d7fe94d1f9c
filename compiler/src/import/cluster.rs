//! One cluster of the manifests: what it says of itself, and which of several statements is taken.

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::claim::Fact;
use meshwright_policies::names::ObjectName;
use meshwright_policies::repository::{Cluster, Stated};
use serde_json::{Map, Value as Json};

use super::gateways::{self, Gateway};
use super::node::{called, line};
use super::plane::{self, Plane};
use super::{delivery, installed, platform};
use crate::source::Sources;

/// A value with what contradicts it.
#[derive(Clone, Debug, Default)]
pub(super) struct Choice {
    pub(super) value: Option<String>,
    /// `network-c1 in overlays/x.yaml:12`.
    pub(super) also: Vec<String>,
}

impl Choice {
    /// The first statement, which is the one that wins in Istio where there is such an order.
    fn first(stated: &[Stated<'_>], sources: &Sources) -> Choice {
        let Some(first) = stated.first() else { return Choice::default() };
        Choice::of(first.claim.value.clone(), stated, sources)
    }

    /// What most say; the first of several that are said equally often.
    fn most(stated: &[Stated<'_>], sources: &Sources) -> Choice {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for one in stated {
            *counts.entry(&one.claim.value).or_default() += 1;
        }
        let most = counts.values().max().copied().unwrap_or_default();
        let winner = stated.iter().find(|one| counts.get(one.claim.value.as_str()) == Some(&most));
        winner.map_or_else(Choice::default, |one| Choice::of(one.claim.value.clone(), stated, sources))
    }

    fn of(value: String, stated: &[Stated<'_>], sources: &Sources) -> Choice {
        // Every webhook of a configuration says the same.
        let mut told = BTreeSet::new();
        let object = |one: &Stated<'_>| (one.subject.document.span.file, one.subject.document.span.start);
        let others = stated
            .iter()
            .filter(|one| one.claim.value != value && told.insert((object(one), one.claim.value.as_str())));
        let also = others.map(|one| {
            let place = line(sources, one.subject, &one.claim.path);
            format!("{} in {place} ({} {})", one.claim.value, called(one.subject), one.claim.path)
        });
        let mut also: Vec<String> = also.collect();
        also.dedup();
        Choice { value: Some(value), also }
    }
}

/// A cluster that is imported.
#[derive(Debug)]
pub(super) struct Member<'a> {
    /// Its name in the intent.
    pub(super) name: String,
    pub(super) input: &'a Cluster,
    pub(super) plane: Option<Plane<'a>>,
    pub(super) id: Choice,
    pub(super) network: Choice,
    pub(super) mesh_id: Choice,
    pub(super) trust_domain: Choice,
    pub(super) aliases: Vec<String>,
    /// Where the istiod that serves it is reached, when another cluster's does.
    pub(super) control_plane: Option<String>,
    /// The cluster ID of that istiod's cluster, when the system namespace says it.
    pub(super) leading: Option<String>,
    pub(super) remote: bool,
    /// Who hosts its control plane, by index.
    pub(super) hosted: Option<usize>,
    pub(super) gateways: Vec<Gateway<'a>>,
    /// `spec.istio`.
    pub(super) istio: Map<String, Json>,
    /// `spec.delivery`.
    pub(super) delivery: Json,
    /// `spec.loadBalancer`, but for addresses.
    pub(super) load_balancer: Map<String, Json>,
    /// `spec.namespaces`.
    pub(super) namespaces: Vec<Json>,
    /// URL of the API server, when a remote secret or a destination tells it.
    pub(super) api_server: Option<String>,
    pub(super) pod_cidrs: Vec<String>,
    pub(super) service_cidrs: Vec<String>,
}

impl<'a> Member<'a> {
    pub(super) fn read(
        input: &'a Cluster,
        name: String,
        elsewhere: &delivery::Elsewhere<'_>,
        sources: &Sources,
    ) -> Member<'a> {
        let plane = plane::find(input);
        let system = plane.as_ref().map_or("istio-system", |plane| plane.subject.plane.as_str()).to_owned();
        let of_plane = |wanted: Fact| {
            let stated = input.stated(|subject, fact| *fact == wanted && subject.plane == system);
            if stated.is_empty() { input.stated(|_, fact| *fact == wanted) } else { stated }
        };
        let first = |fact: &Fact| of_plane(fact.clone()).first().map(|one| one.claim.value.clone());
        let mut networks = input.networks();
        if networks.is_empty() {
            networks = of_plane(Fact::Network);
        }
        if networks.is_empty() {
            networks = input.stated(|_, fact| matches!(fact, Fact::GatewayNetwork { .. }));
        }
        let istio = plane.as_ref().map_or_else(|| installed::istio(input), |plane| plane.istio(input));
        let revision = istio.get("revision").and_then(Json::as_str);
        let control_plane = first(&Fact::ControlPlaneAddress)
            .or_else(|| installed::control_plane(input).filter(|_| plane.is_none()));
        let remote = plane.as_ref().is_some_and(|plane| plane.remote) || control_plane.is_some();
        let mut member = Member {
            id: Choice::most(&of_plane(Fact::ClusterId), sources),
            network: Choice::first(&networks, sources),
            mesh_id: Choice::most(&of_plane(Fact::MeshId), sources),
            trust_domain: Choice::most(&of_plane(Fact::TrustDomain), sources),
            aliases: of_plane(Fact::TrustDomainAlias).iter().map(|one| one.claim.value.clone()).collect(),
            leading: first(&Fact::LeadingClusters { namespace: system.clone() }),
            gateways: gateways::find(input),
            namespaces: platform::namespaces(input, &system, revision),
            delivery: delivery::find(input, elsewhere),
            load_balancer: platform::load_balancer(input),
            hosted: None,
            api_server: None,
            pod_cidrs: Vec::new(),
            service_cidrs: Vec::new(),
            name,
            input,
            plane,
            control_plane,
            remote,
            istio,
        };
        // The namespace that is rendered with Sail's CNI agent.
        let sail_cni = member.istio.get("install").and_then(Json::as_str) == Some("Sail")
            && member.istio.get("cni") == Some(&Json::Bool(true));
        let rendered = serde_json::json!({"name": "istio-cni"});
        member.namespaces.retain(|namespace| !(sail_cni && *namespace == rendered));
        member.namespaces.retain(|namespace| {
            namespace.get("name").and_then(Json::as_str).is_some_and(|name| ObjectName::new(name).is_ok())
        });
        member
    }

    /// The cluster ID, or the name that is its default.
    pub(super) fn cluster_id(&self) -> &str {
        self.id.value.as_deref().unwrap_or(&self.name)
    }
}
