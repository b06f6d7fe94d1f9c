//! Kubernetes Events (`events.k8s.io/v1`) on denials and on what the audit finds: best effort, bounded, and never for a dry
//! run.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Api, Client};
use meshwright_policies::admission::{Outcome, Request, Review, Verdict};
use meshwright_policies::declaration::KIND;
use meshwright_policies::finding::Severity;
use meshwright_policies::intent::API_VERSION;
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Cluster;
use crate::metrics::{Metrics, ResultLabels};

/// Who reports, and who owns the fields that this program writes.
pub(super) const CONTROLLER: &str = "meshwright.dev/webhook";
/// Events that wait to be written; more are dropped.
const QUEUE: usize = 256;
/// Events that may be written at once, after a quiet time.
const BURST: u32 = 25;
/// How long it takes until one more may be written. The recorder remembers an event for six minutes, so that this also
/// bounds its memory.
const REFILL: Duration = Duration::from_millis(500);
/// Bytes of a note (Kubernetes: `pkg/apis/core/validation/events.go`, `NoteLengthLimit`).
const NOTE: usize = 1024;
/// How long one may take to be written.
const PATIENCE: Duration = Duration::from_secs(10);

/// Something to tell.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The object.
    pub regarding: ObjectReference,
    /// The mesh that it contradicts.
    pub mesh: Option<String>,
    /// The policy's code.
    pub reason: String,
    /// `Create`, `Update`, `Delete`, or `Audit`.
    pub action: &'static str,
    /// The words.
    pub note: String,
    /// Who else tells the same.
    pub witness: Witness,
}

/// Who sees what is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Witness {
    /// The replica that was asked, and nobody else.
    One,
    /// Every replica, each for itself, and again after a restart: it is told once.
    All,
}

/// The part of an object's metadata that a reference needs.
#[derive(Default, Deserialize)]
struct Named {
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    name: Option<String>,
    uid: Option<String>,
}

impl Notice {
    /// What is told of a review's denial; nothing for anything else, and for a dry run.
    #[must_use]
    pub fn of_denial(body: &[u8], verdict: &Verdict) -> Option<Notice> {
        if verdict.decision != "denied" || verdict.dry_run {
            return None;
        }
        let request = Review::parse(body).ok()?.request;
        let Outcome::Denied { message, .. } = &verdict.answer.as_ref()?.outcome else { return None };
        let action = match request.operation.as_ref() {
            "CREATE" => "Create",
            "UPDATE" => "Update",
            "DELETE" => "Delete",
            _ => return None,
        };
        // Warnings of the same object are not why it was refused.
        let refused = verdict.findings.iter().find(|finding| finding.severity == Severity::Error);
        Some(Notice {
            regarding: regarding(&request),
            mesh: verdict.mesh.clone(),
            reason: refused.map_or("Refused", |finding| finding.rule.code).to_owned(),
            action,
            note: message.clone(),
            witness: Witness::One,
        })
    }
}

fn regarding(request: &Request<'_>) -> ObjectReference {
    let named = |raw: Option<&RawValue>| -> Metadata {
        raw.and_then(|raw| serde_json::from_str::<Named>(raw.get()).ok()).unwrap_or_default().metadata
    };
    // An object that was refused at its creation has no uid; an old one is found by it in `kubectl describe`.
    let (old, new) = (named(request.old_object), named(request.object));
    let text = |text: &Option<std::borrow::Cow<'_, str>>| {
        text.as_ref().filter(|text| !text.is_empty()).map(ToString::to_string)
    };
    // The request of a Namespace names it as its own namespace.
    let namespace = text(&request.namespace).filter(|_| request.kind.kind != "Namespace");
    ObjectReference {
        api_version: Some(request.kind.api_version().to_string()),
        kind: Some(request.kind.kind.to_string()),
        name: text(&request.name).or(new.name).or(old.name),
        namespace,
        uid: old.uid,
        ..ObjectReference::default()
    }
}

/// Where events are handed in. Handing in never waits.
#[derive(Clone, Debug)]
pub struct Events {
    sender: Option<mpsc::Sender<Notice>>,
    metrics: Arc<Metrics>,
}

impl Events {
    /// Writes them in the background, until the last handle is dropped.
    #[must_use]
    pub fn to(cluster: &Cluster, metrics: &Arc<Metrics>) -> Events {
        let (sender, notices) = mpsc::channel(QUEUE);
        let reporter =
            Reporter { controller: CONTROLLER.to_owned(), instance: Some(cluster.instance.clone()) };
        let recorder = Recorder::new(cluster.client.clone(), reporter.clone());
        let writer = Writer { recorder, client: cluster.client.clone(), reporter };
        tokio::spawn(write(writer, notices, Arc::clone(metrics)));
        Events { sender: Some(sender), metrics: Arc::clone(metrics) }
    }

    /// Writes none: there is no API server.
    #[must_use]
    pub fn nowhere(metrics: &Arc<Metrics>) -> Events {
        Events { sender: None, metrics: Arc::clone(metrics) }
    }

    /// Whether anybody writes them.
    #[must_use]
    pub fn are_written(&self) -> bool {
        self.sender.is_some()
    }

    /// Hands one in, or drops it when too many wait.
    pub fn send(&self, notice: Notice) {
        if let Some(sender) = &self.sender
            && sender.try_send(notice).is_err()
        {
            self.count("dropped");
        }
    }

    fn count(&self, result: &'static str) {
        self.metrics.events.get_or_create(&ResultLabels { result }).inc();
    }
}

/// Writes events.
struct Writer {
    recorder: Recorder,
    client: Client,
    reporter: Reporter,
}

impl Writer {
    async fn write(&self, notice: Notice) -> kube::Result<&'static str> {
        let Notice { regarding, mesh, reason, action, note, witness } = notice;
        let related = mesh.map(|mesh| ObjectReference {
            api_version: Some(API_VERSION.to_owned()),
            kind: Some(KIND.to_owned()),
            name: Some(mesh),
            ..ObjectReference::default()
        });
        let note = note.get(..note.floor_char_boundary(NOTE)).map(str::to_owned);
        let action = action.to_owned();
        match witness {
            Witness::One => {
                let event = Event { type_: EventType::Warning, reason, note, action, secondary: related };
                self.recorder.publish(&event, &regarding).await.map(|()| "written")
            }
            Witness::All => {
                let event = v1::Event {
                    type_: Some("Warning".to_owned()),
                    reason: Some(reason),
                    note,
                    action: Some(action),
                    related,
                    regarding: Some(regarding),
                    ..v1::Event::default()
                };
                self.once(event).await
            }
        }
    }

    /// The name follows from what is told, so that whoever comes later is answered that it is there.
    async fn once(&self, mut event: v1::Event) -> kube::Result<&'static str> {
        let regarding = event.regarding.clone().unwrap_or_default();
        let digest = Sha256::digest(serde_json::to_vec(&event).unwrap_or_default());
        let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        // As the recorder does: what is in no namespace is told in `default`.
        let namespace = regarding.namespace.unwrap_or_else(|| "default".to_owned());
        // A name has at most 253 characters.
        let about: String = regarding.name.unwrap_or_default().chars().take(200).collect();
        event.metadata.name = Some(format!("{about}.{digest}"));
        event.metadata.namespace = Some(namespace.clone());
        event.event_time = Some(MicroTime(Timestamp::now()));
        event.reporting_controller = Some(self.reporter.controller.clone());
        event.reporting_instance = self.reporter.instance.clone();
        let api: Api<v1::Event> = Api::namespaced(self.client.clone(), &namespace);
        match api.create(&PostParams::default(), &event).await {
            Ok(_) => Ok("written"),
            Err(kube::Error::Api(status)) if status.code == 409 => Ok("known"),
            Err(error) => Err(error),
        }
    }
}

async fn write(writer: Writer, mut notices: mpsc::Receiver<Notice>, metrics: Arc<Metrics>) {
    let count = |result| {
        metrics.events.get_or_create(&ResultLabels { result }).inc();
    };
    let mut tokens = Tokens::new(Instant::now());
    while let Some(notice) = notices.recv().await {
        if !tokens.take(Instant::now()) {
            count("dropped");
            continue;
        }
        match tokio::time::timeout(PATIENCE, writer.write(notice)).await {
            Ok(Ok(result)) => count(result),
            Ok(Err(error)) => {
                tracing::debug!(%error, "an event was not written");
                count("failed");
            }
            Err(_) => count("failed"),
        }
    }
}

/// A bucket of tokens.
struct Tokens {
    left: u32,
    since: Instant,
}

impl Tokens {
    fn new(now: Instant) -> Tokens {
        Tokens { left: BURST, since: now }
    }

    fn take(&mut self, now: Instant) -> bool {
        let refills = now.duration_since(self.since).as_millis() / REFILL.as_millis();
        let refills = u32::try_from(refills).unwrap_or(u32::MAX).min(BURST);
        if refills > 0 {
            self.left = self.left.saturating_add(refills).min(BURST);
            self.since = now;
        }
        let some = self.left > 0;
        self.left = self.left.saturating_sub(1);
        some
    }
}

#[cfg(test)]
mod tests {
    use meshwright_policies::admission::{Basis, WithoutDeclaration, review};
    use meshwright_policies::declaration::MeshDeclaration;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_reason_is_what_was_refused_and_no_warning_beside_it() {
        let declared: MeshDeclaration =
            serde_yaml::from_str(include_str!("../../tests/declarations/mdemo.yaml")).unwrap();
        let basis = Basis {
            declarations: vec![&declared],
            unreadable: false,
            without: WithoutDeclaration::Allow,
            today: "2026-01-01".to_owned().try_into().unwrap(),
        };
        let labels = json!({"topology.istio.io/network": declared.spec.network});
        let annotations = json!({"topology.istio.io/controlPlaneClusters": "mdemo-cluster1"});
        let body = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {
                "uid": "1", "operation": "UPDATE", "name": "istio-system",
                "kind": {"group": "", "version": "v1", "kind": "Namespace"},
                "object": {"metadata": {"name": "istio-system", "annotations": annotations}},
                "oldObject": {"metadata": {"name": "istio-system", "labels": labels, "annotations": annotations}},
            },
        })
        .to_string();
        let verdict = review(body.as_bytes(), &basis);
        assert_eq!(verdict.rules, ["MW2112", "MW4103"], "a warning, and a loss");
        assert_eq!(Notice::of_denial(body.as_bytes(), &verdict).unwrap().reason, "MW4103");
    }

    #[test]
    fn a_burst_is_written_and_then_a_few() {
        let start = Instant::now();
        let mut tokens = Tokens::new(start);
        let taken = |tokens: &mut Tokens, at: Duration| (0..100).filter(|_| tokens.take(start + at)).count();
        assert_eq!(taken(&mut tokens, Duration::ZERO), 25);
        assert_eq!(taken(&mut tokens, Duration::from_millis(1600)), 3);
        assert_eq!(taken(&mut tokens, Duration::from_secs(3600)), 25);
    }
}
