//! Which of several sources gives a workload its network: Istio's own order, by release.
//!
//! A network ID is written in many places, and istiod does not compare them: it takes the first source of its order
//! that says something. What the others say is shadowed: without effect, until the first one falls away.

mod claimed;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

pub use claimed::{Said, injection, mesh_networks, namespace_label};

use crate::version::Version;

/// Something that has a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// The endpoint of a Service that a pod is, as istiod hands it to proxies: decides whether a gateway is dialled for
    /// it.
    Endpoint,
    /// A pod of the ambient data plane, as istiod hands it to ztunnel.
    AmbientWorkload,
    /// What an injected sidecar takes for its own network: endpoints elsewhere are reached through a gateway.
    Sidecar,
}

/// A place from which Istio takes a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The label `topology.istio.io/network` of the pod.
    PodLabel,
    /// That label on the system namespace of the pod's cluster.
    SystemNamespace,
    /// `meshNetworks`: a network that counts a whole cluster to itself.
    FromRegistry,
    /// `meshNetworks`: a network that counts a range of addresses to itself.
    FromCidr,
    /// `/net/<network>` in the path at which the proxy is injected.
    InjectionPath,
    /// `global.network` in the values of the istiod that injects.
    GlobalNetwork,
    /// `ISTIO_META_NETWORK` in `meshConfig.defaultConfig.proxyMetadata`.
    ProxyMetadata,
}

impl Source {
    /// A stable name for programs.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Source::PodLabel => "podLabel",
            Source::SystemNamespace => "systemNamespaceLabel",
            Source::FromRegistry => "fromRegistry",
            Source::FromCidr => "fromCidr",
            Source::InjectionPath => "injectionPath",
            Source::GlobalNetwork => "globalNetwork",
            Source::ProxyMetadata => "proxyMetadata",
        }
    }

    /// What people call it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Source::PodLabel => "label of the pod",
            Source::SystemNamespace => "label of the system namespace",
            Source::FromRegistry => "meshNetworks, fromRegistry",
            Source::FromCidr => "meshNetworks, fromCidr",
            Source::InjectionPath => "injection path",
            Source::GlobalNetwork => "global.network of the istiod that injects",
            Source::ProxyMetadata => "proxyMetadata of the mesh configuration",
        }
    }
}

/// The order in which Istio asks, with where it is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The sources; the first that says something wins.
    pub sources: &'static [Source],
    /// Istio's file or change that says so.
    pub origin: &'static str,
}

/// `Controller.Network` has had this order since 1.11.2 (istio/istio 9dd8fbdbe91).
const LOOKUP: Order = Order {
    sources: &[Source::PodLabel, Source::SystemNamespace, Source::FromRegistry, Source::FromCidr],
    origin: "istio/istio: pilot/pkg/serviceregistry/kube/controller/controller.go, Network",
};

/// The same lookup, asked before the pod's labels are known: whatever it finds replaces the label. Observed on a running
/// istiod too.
const LABELS_TOO_LATE: Order = Order {
    sources: &[Source::SystemNamespace, Source::FromRegistry, Source::FromCidr, Source::PodLabel],
    origin: "istio/istio#42676, fixed in 1.15.5, 1.16.2 and 1.17.0: until then the pod's label counts last",
};

/// Since 1.25.0 (istio/istio#54677); up to 1.24 the ambient index asked `Controller.Network`, with the pod's labels.
const AMBIENT: Order = Order {
    sources: &[Source::SystemNamespace],
    origin: "istio/istio#54677, since 1.25: the ambient index reads the label of the system namespace and nothing else",
};

/// The path beats the values, the label beats both; what they give replaces the variable that proxyMetadata sets
/// (`extractClusterAndNetwork`, `overwriteClusterInfo`). The system namespace is not asked.
const INJECTION: Order = Order {
    sources: &[Source::PodLabel, Source::InjectionPath, Source::GlobalNetwork, Source::ProxyMetadata],
    origin: "istio/istio: pkg/kube/inject/inject.go; injection does not read the label of the system namespace",
};

impl Question {
    /// The order of a release. `None` for releases before 1.12, and before 1.18 for ambient: nobody looked them up.
    #[must_use]
    pub fn order(self, version: &Version) -> Option<Order> {
        let (major, minor, patch) = version.numbers();
        let late = match (major, minor) {
            (1, 15) => patch < 5,
            (1, 16) => patch < 2,
            _ => (major, minor) < (1, 15),
        };
        let first = if self == Question::AmbientWorkload { 18 } else { 12 };
        if (major, minor) < (1, first) {
            return None;
        }
        Some(match self {
            Question::Endpoint if late => LABELS_TOO_LATE,
            Question::Endpoint => LOOKUP,
            Question::AmbientWorkload if (major, minor) < (1, 25) => LOOKUP,
            Question::AmbientWorkload => AMBIENT,
            Question::Sidecar => INJECTION,
        })
    }
}

/// One thing that one source says. `at` is wherever the caller found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate<At> {
    /// The source.
    pub source: Source,
    /// The network.
    pub network: String,
    /// With [`Source::FromCidr`]: the range, as written.
    pub range: Option<String>,
    /// Where it was found.
    pub at: At,
}

/// What becomes of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It gives the network.
    Wins,
    /// Another of the same source says otherwise, and nothing decides between them.
    Undecided,
    /// It would give the network if the pod's address, which is not known, lies in the range.
    DependsOnAddress,
    /// A source before it says something.
    Shadowed,
    /// A wider range of the same source comes first.
    Narrower,
    /// The pod's address is not in the range.
    OutsideRange,
    /// The range has no mask: istiod logs `unable to parse CIDR` and goes on
    /// (`pilot/pkg/serviceregistry/kube/controller/network.go`).
    NoMask,
}

impl State {
    /// A stable name for programs.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            State::Wins => "wins",
            State::Undecided => "undecided",
            State::DependsOnAddress => "dependsOnAddress",
            State::Shadowed => "shadowed",
            State::Narrower => "narrower",
            State::OutsideRange => "outsideRange",
            State::NoMask => "noMask",
        }
    }
}

/// What the sources come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This network.
    Network(String),
    /// One of these; which one may differ between istiods and between restarts.
    Undecided(BTreeSet<String>),
    /// One of these, or none, by the address of the pod.
    DependsOnAddress(BTreeSet<String>),
    /// None: Istio takes the workload to be on every network.
    Nothing,
}

/// The answer to a [`Question`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<At> {
    /// What comes out.
    pub verdict: Verdict,
    /// Every candidate that the order asks for, in that order, with what becomes of it.
    pub rows: Vec<(Candidate<At>, State)>,
}

/// Asks the sources in their order. `ip` is the pod's address, when it is known. An empty text says nothing.
#[must_use]
pub fn resolve<At>(order: Order, candidates: Vec<Candidate<At>>, ip: Option<IpAddr>) -> Answer<At> {
    let mut left: Vec<Candidate<At>> = candidates.into_iter().filter(|c| !c.network.is_empty()).collect();
    let mut answer = Answer { verdict: Verdict::Nothing, rows: Vec::new() };
    for source in order.sources {
        let (mut own, others): (Vec<_>, Vec<_>) = left.into_iter().partition(|c| c.source == *source);
        left = others;
        own.sort_by_cached_key(|candidate| (width(candidate), candidate.network.clone()));
        let open = answer.verdict == Verdict::Nothing;
        let states: Vec<State> = match (source, open) {
            (Source::FromCidr, _) => ranges(&own, ip, open),
            (_, false) => own.iter().map(|_| State::Shadowed).collect(),
            (_, true) => alike(&own),
        };
        let named = |wanted: State| -> BTreeSet<String> {
            let with = own.iter().zip(&states).filter(|(_, state)| **state == wanted);
            with.map(|(candidate, _)| candidate.network.clone()).collect()
        };
        let (winners, undecided, open_ranges) =
            (named(State::Wins), named(State::Undecided), named(State::DependsOnAddress));
        if let Some(network) = winners.first() {
            answer.verdict = Verdict::Network(network.clone());
        } else if !undecided.is_empty() {
            answer.verdict = Verdict::Undecided(undecided);
        } else if !open_ranges.is_empty() {
            answer.verdict = Verdict::DependsOnAddress(open_ranges);
        }
        answer.rows.extend(own.into_iter().zip(states));
    }
    answer
}

/// All win if they agree.
fn alike<At>(own: &[Candidate<At>]) -> Vec<State> {
    let agree = own.windows(2).all(|pair| matches!(pair, [a, b] if a.network == b.network));
    let state = if agree { State::Wins } else { State::Undecided };
    own.iter().map(|_| state).collect()
}

/// The length of the mask: the widest range first, as the trie of istiod returns them
/// (yl2chen/cidranger `ContainingNetworks`; istiod takes the first). Observed on a running istiod too.
fn width<At>(candidate: &Candidate<At>) -> Option<u8> {
    net(candidate).map(|net| net.prefix_len())
}

fn net<At>(candidate: &Candidate<At>) -> Option<IpNet> {
    candidate.range.as_ref()?.parse().ok()
}

/// The widest range that holds the address wins. Of two networks with one range, whichever istiod reads last.
fn ranges<At>(own: &[Candidate<At>], ip: Option<IpAddr>, open: bool) -> Vec<State> {
    let holds = |candidate: &Candidate<At>| match (net(candidate), ip) {
        (None, _) => Some(State::NoMask),
        (Some(net), Some(ip)) if !net.contains(&ip) => Some(State::OutsideRange),
        (Some(_), _) if !open => Some(State::Shadowed),
        (Some(_), None) => Some(State::DependsOnAddress),
        (Some(_), Some(_)) => None,
    };
    let mut states: Vec<Option<State>> = own.iter().map(holds).collect();
    let holding: Vec<&Candidate<At>> = own
        .iter()
        .zip(&states)
        .filter(|(_, state)| state.is_none())
        .map(|(candidate, _)| candidate)
        .collect();
    let widest = holding.first().and_then(|first| width(first));
    let first: BTreeSet<&str> =
        holding.iter().filter(|c| width(c) == widest).map(|c| c.network.as_str()).collect();
    let best = if first.len() > 1 { State::Undecided } else { State::Wins };
    for (candidate, state) in own.iter().zip(&mut states) {
        state.get_or_insert(if width(candidate) == widest { best } else { State::Narrower });
    }
    states.into_iter().flatten().collect()
}
