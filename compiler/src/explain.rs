//! Which source gives a pod its network, and which are shadowed: what is rendered or written, put to Istio's own order
//! (`policies::precedence`).

mod intent;
mod manifests;
mod show;

use std::collections::BTreeMap;
use std::net::IpAddr;

use meshwright_policies::kinds::NETWORK_LABEL;
use meshwright_policies::precedence::{
    Answer, Candidate, Order, Question, Said, Source, Verdict, injection, mesh_networks, namespace_label,
    resolve,
};
use meshwright_policies::repository::Cluster;
use meshwright_policies::version::Version;

pub use intent::of_intent;
pub use manifests::{ManifestError, of_manifests};
pub use show::{human, json};

/// The pod that is asked about.
#[derive(Clone, Debug, Default)]
pub struct Pod {
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its address.
    pub ip: Option<IpAddr>,
}

/// How pods reach each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Traffic {
    /// A proxy in every pod.
    Sidecar,
    /// A proxy per node.
    Ambient,
}

/// Everything that is known about a cluster and those that matter to it.
struct Scene<'a> {
    cluster: String,
    cluster_id: String,
    version: Version,
    traffic: Traffic,
    system: String,
    own: &'a Cluster,
    /// The cluster whose istiod injects here.
    injector: Option<&'a Cluster>,
    /// Clusters whose istiod reads this one, itself included.
    observers: Vec<(String, &'a Cluster)>,
    /// Whether pods of the namespace get a sidecar; `None` when that is not known.
    injects: Option<bool>,
    notes: Vec<String>,
}

/// Where a candidate is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The object, or the option.
    pub object: String,
    /// The field.
    pub field: String,
    /// `file:line` in the intent or the manifests.
    pub written: Option<String>,
    /// `file:line` in what is rendered from the intent.
    pub rendered: Option<String>,
}

/// One question with its answer.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What is asked.
    pub question: Question,
    /// Whether the pod has a sidecar; `None` where that does not matter.
    pub sidecar: Option<bool>,
    /// Clusters whose istiod answers so.
    pub observers: Vec<String>,
    /// The order.
    pub order: Order,
    /// The answer.
    pub answer: Answer<Origin>,
}

/// What a pod's network is, and why.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The cluster.
    pub cluster: String,
    /// Its Istio.
    pub version: Version,
    /// Its data plane.
    pub traffic: Traffic,
    /// The pod.
    pub pod: Pod,
    /// The answers.
    pub asked: Vec<Asked>,
    /// What a person should know beside them.
    pub notes: Vec<String>,
}

fn explain(
    scene: Scene<'_>,
    pod: Pod,
    origin: &dyn Fn(&Cluster, &Candidate<Said<'_>>) -> Origin,
) -> Explained {
    let asker = Asker { scene: &scene, pod: &pod, origin };
    let (asked, more) = asker.ask();
    let Scene { cluster, version, traffic, mut notes, .. } = scene;
    notes.extend(more);
    Explained { cluster, version, traffic, pod, asked, notes }
}

struct Asker<'a> {
    scene: &'a Scene<'a>,
    pod: &'a Pod,
    origin: &'a dyn Fn(&Cluster, &Candidate<Said<'_>>) -> Origin,
}

impl Asker<'_> {
    fn ask(&self) -> (Vec<Asked>, Vec<String>) {
        let (mut asked, mut notes) = (Vec::new(), Vec::new());
        let own = self.pod_label(NETWORK_LABEL);
        let mut endpoint = |question: Question, sidecar, labels: &[Candidate<Origin>]| match question
            .order(&self.scene.version)
        {
            Some(order) => asked.extend(self.by_observer(question, sidecar, order, labels)),
            None => notes.push(format!("the order of Istio {} is not known", self.scene.version)),
        };
        if self.scene.traffic == Traffic::Ambient {
            endpoint(Question::AmbientWorkload, None, &own);
            return (asked, notes);
        }
        let injected = self.injects();
        let sidecar =
            self.scene.injector.filter(|_| injected != Some(false)).and_then(|i| self.sidecar(i, &own));
        if let Some(sidecar) = &sidecar {
            endpoint(Question::Endpoint, Some(true), &written_by_injection(sidecar, &own));
        }
        if injected != Some(true) || sidecar.is_none() {
            endpoint(Question::Endpoint, Some(false), &own);
        }
        notes.extend(sidecar.iter().flat_map(|sidecar| disagreements(sidecar, &asked)));
        asked.splice(0..0, sidecar);
        (asked, notes)
    }

    /// Whether the pod gets a sidecar: its own label beats its namespace's
    /// (istio/istio: `pkg/kube/inject/inject.go`, `injectRequired`).
    fn injects(&self) -> Option<bool> {
        match (self.pod.labels.get("sidecar.istio.io/inject").map(String::as_str), self.scene.injects) {
            (Some("false"), _) => Some(false),
            (Some("true"), None) => Some(true),
            (_, known) => known,
        }
    }

    fn pod_label(&self, label: &str) -> Vec<Candidate<Origin>> {
        let network = self.pod.labels.get(label).filter(|network| !network.is_empty());
        let at = Origin { object: "--pod-labels".into(), field: label.into(), written: None, rendered: None };
        network
            .map(|network| Candidate { source: Source::PodLabel, network: network.clone(), range: None, at })
            .into_iter()
            .collect()
    }

    fn sidecar(&self, injector: &Cluster, own: &[Candidate<Origin>]) -> Option<Asked> {
        let order = Question::Sidecar.order(&self.scene.version)?;
        let mut candidates = own.to_vec();
        let said = injection(self.scene.own, injector, &self.scene.system);
        candidates.extend(said.into_iter().map(|candidate| {
            let of = if candidate.source == Source::InjectionPath { self.scene.own } else { injector };
            self.with_origin(of, candidate)
        }));
        let answer = resolve(order, candidates, self.pod.ip);
        Some(Asked { question: Question::Sidecar, sidecar: Some(true), observers: Vec::new(), order, answer })
    }

    fn with_origin(&self, of: &Cluster, candidate: Candidate<Said<'_>>) -> Candidate<Origin> {
        let at = (self.origin)(of, &candidate);
        let Candidate { source, network, range, .. } = candidate;
        Candidate { source, network, range, at }
    }

    /// The answers of all istiods that read the cluster; those that answer alike together.
    fn by_observer(
        &self,
        question: Question,
        sidecar: Option<bool>,
        order: Order,
        labels: &[Candidate<Origin>],
    ) -> Vec<Asked> {
        let mut asked: Vec<Asked> = Vec::new();
        for (name, observer) in &self.scene.observers {
            let mut candidates = labels.to_vec();
            let labels = namespace_label(self.scene.own, &self.scene.system);
            candidates.extend(labels.into_iter().map(|c| self.with_origin(self.scene.own, c)));
            let networks = mesh_networks(observer, &self.scene.cluster_id);
            candidates.extend(networks.into_iter().map(|c| self.with_origin(observer, c)));
            let answer = resolve(order, candidates, self.pod.ip);
            match asked.iter_mut().find(|known| alike(&known.answer, &answer)) {
                Some(known) => known.observers.push(name.clone()),
                None => asked.push(Asked { question, sidecar, observers: vec![name.clone()], order, answer }),
            }
        }
        asked
    }
}

/// Whether two istiods say the same for the same reasons, wherever each is told so.
fn alike(a: &Answer<Origin>, b: &Answer<Origin>) -> bool {
    let rows = |answer: &Answer<Origin>| -> Vec<_> {
        let rows = answer.rows.iter();
        rows.map(|(c, state)| (c.source, c.network.clone(), c.range.clone(), state.key())).collect()
    };
    a.verdict == b.verdict && rows(a) == rows(b)
}

/// Injection writes what it found as the pod's label (istio/istio: `pkg/kube/inject/webhook.go`, `applyMetadata`);
/// what proxyMetadata says stays in the proxy.
fn written_by_injection(sidecar: &Asked, own: &[Candidate<Origin>]) -> Vec<Candidate<Origin>> {
    let winners = sidecar.answer.rows.iter().filter(|(candidate, state)| {
        candidate.source != Source::ProxyMetadata && ["wins", "undecided"].contains(&state.key())
    });
    let written: Vec<Candidate<Origin>> = winners
        .map(|(candidate, _)| {
            let mut written = Candidate { source: Source::PodLabel, range: None, ..candidate.clone() };
            if candidate.source != Source::PodLabel {
                written.at.object = format!("written by injection from {}", candidate.at.object);
            }
            written
        })
        .collect();
    if written.is_empty() { own.to_vec() } else { written }
}

/// A proxy that others look for on another network than it takes for its own.
fn disagreements(sidecar: &Asked, asked: &[Asked]) -> Vec<String> {
    let Verdict::Network(own) = &sidecar.answer.verdict else { return Vec::new() };
    let with_sidecar = asked.iter().filter(|asked| asked.sidecar == Some(true));
    let mut notes: Vec<String> = with_sidecar
        .filter_map(|asked| match &asked.answer.verdict {
            Verdict::Network(seen) if seen != own => Some(format!(
                "the pod's sidecar takes itself to be on `{own}`, while peers look for the pod on `{seen}`: it dials \
                 gateways to reach its own network, and peers on `{seen}` dial the pod directly"
            )),
            _ => None,
        })
        .collect();
    notes.dedup();
    notes
}
