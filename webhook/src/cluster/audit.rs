//! What contradicts the declaration already: every object of the admitted kinds, judged as if it were created now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use k8s_openapi::api::core::v1::ObjectReference;
use meshwright_policies::admission::{self, Basis};
use meshwright_policies::finding::{Findings, Severity};
use meshwright_policies::kinds;
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::events::{Events, Notice, Witness};
use super::{Cluster, objects};
use crate::admit;
use crate::log::causes;
use crate::metrics::{KindLabels, Metrics, PolicyLabels, unix_seconds};
use crate::store::{Snapshot, Store};

/// How long declarations must be unchanged before they are audited: a change of many comes as many changes.
const SETTLE: Duration = Duration::from_secs(2);
/// Pause after an audit that a change of declarations cannot shorten.
const REST: Duration = Duration::from_secs(15);
/// Events of one audit.
const EVENTS: usize = 50;

/// What an audit found of one mesh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Findings of severity error.
    pub errors: u32,
    /// Findings of severity warning.
    pub warnings: u32,
}

/// What an audit found.
#[derive(Clone, Debug)]
pub struct Report {
    /// When it ended.
    pub at: SystemTime,
    /// By mesh, those without a finding included.
    pub meshes: BTreeMap<String, Counts>,
    /// Whether every kind could be listed.
    pub complete: bool,
}

/// A finding, as far as it has to be known again.
type Known = BTreeSet<(String, &'static str)>;

/// The audit of one cluster.
#[derive(Debug)]
pub struct Audit {
    cluster: Cluster,
    store: Arc<Store>,
    metrics: Arc<Metrics>,
    report: watch::Sender<Option<Arc<Report>>>,
}

impl Audit {
    /// Nothing is audited yet.
    #[must_use]
    pub fn new(cluster: Cluster, store: Arc<Store>, metrics: Arc<Metrics>) -> Audit {
        Audit { cluster, store, metrics, report: watch::Sender::new(None) }
    }

    /// The latest report, and those to come.
    #[must_use]
    pub fn reports(&self) -> watch::Receiver<Option<Arc<Report>>> {
        self.report.subscribe()
    }

    /// Audits once declarations are known, when they change, and on the interval.
    pub(super) async fn keep(self, events: Events, interval: Duration) {
        let mut known = Known::new();
        let mut changes = self.store.changes();
        loop {
            changes.mark_unchanged();
            let snapshot = self.store.snapshot();
            if snapshot.synced {
                self.run(&snapshot, &events, &mut known).await;
                tokio::time::sleep(REST.min(interval)).await;
            }
            let changed = async {
                if changes.changed().await.is_err() {
                    return std::future::pending().await;
                }
                while tokio::time::timeout(SETTLE, changes.changed())
                    .await
                    .is_ok_and(|changed| changed.is_ok())
                {}
            };
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep(interval) => {}
            }
        }
    }

    /// Audits once.
    pub async fn run(
        &self,
        snapshot: &Snapshot,
        events: &Events,
        known: &mut BTreeSet<(String, &'static str)>,
    ) {
        let start = Instant::now();
        let mut tally = Tally::new(snapshot);
        let mut complete = true;
        let basis = admit::basis(snapshot, admission::WithoutDeclaration::Allow, SystemTime::now());
        match objects::versions(&self.cluster.client).await {
            Ok(versions) => {
                let system = admission::system_namespaces(&basis);
                for kind in kinds::audited() {
                    let Some(version) = versions.get(kind.group()) else { continue };
                    for namespace in kind.audited().places(&system) {
                        let see = |object| tally.judge(&object, &basis, known, events);
                        let listed = objects::each(&self.cluster.client, kind, version, namespace, see);
                        if let Err(error) = listed.await {
                            let kind = kind.plural();
                            tracing::warn!(
                                error = causes(&error),
                                kind,
                                namespace,
                                "objects could not be audited"
                            );
                            self.metrics.audit_failures.get_or_create(&KindLabels { resource: kind }).inc();
                            // Reading Secrets is a right that need not be given.
                            complete &= namespace.is_some() && error.is_forbidden();
                        }
                    }
                }
            }
            Err(error) => {
                tracing::warn!(error = causes(&error), "the cluster could not be audited");
                self.metrics.audit_failures.get_or_create(&KindLabels { resource: "apis" }).inc();
                complete = false;
            }
        }
        let Tally { meshes, policies, objects, drifted, found, .. } = tally;
        if complete {
            *known = found;
            self.metrics.audit_findings.clear();
            self.metrics.audit_completed.set(unix_seconds(SystemTime::now()));
        } else {
            known.extend(found);
        }
        for (labels, count) in &policies {
            self.metrics.audit_findings.get_or_create(labels).set(i64::from(*count));
        }
        self.metrics.audit_objects.set(i64::from(objects));
        self.metrics.drift_objects.set(i64::from(drifted));
        self.metrics.audit_duration.set(start.elapsed().as_secs_f64());
        tracing::info!(objects, contradicting = drifted, complete, "audited");
        self.report.send_replace(Some(Arc::new(Report { at: SystemTime::now(), meshes, complete })));
    }
}

/// What is counted while objects go by.
struct Tally {
    meshes: BTreeMap<String, Counts>,
    policies: BTreeMap<PolicyLabels, u32>,
    objects: u32,
    drifted: u32,
    told: usize,
    found: Known,
}

impl Tally {
    fn new(snapshot: &Snapshot) -> Tally {
        let name = |declared: &Arc<crate::store::Declared>| declared.declaration.metadata.name.clone();
        Tally {
            meshes: snapshot.declared.iter().map(|declared| (name(declared), Counts::default())).collect(),
            policies: BTreeMap::new(),
            objects: 0,
            drifted: 0,
            told: 0,
            found: Known::new(),
        }
    }

    fn judge(&mut self, object: &Map<String, Value>, basis: &Basis<'_>, known: &Known, events: &Events) {
        self.objects = self.objects.saturating_add(1);
        let metadata = |key: &str| object.get("metadata").and_then(|metadata| metadata.get(key));
        // What is on its way out will not be repaired.
        if metadata("deletionTimestamp").is_some() {
            return;
        }
        let Some((declared, findings)) = admission::standing(object, basis) else { return };
        if findings.is_empty() {
            return;
        }
        let mesh = &declared.metadata.name;
        let counts = self.meshes.entry(mesh.clone()).or_default();
        for finding in findings.iter() {
            let count = match finding.severity {
                Severity::Error => &mut counts.errors,
                Severity::Warning => &mut counts.warnings,
            };
            *count = count.saturating_add(1);
            let labels = PolicyLabels { policy: finding.rule.code, severity: finding.severity.as_str() };
            let count = self.policies.entry(labels).or_default();
            *count = count.saturating_add(1);
        }
        if findings.has_errors() {
            self.drifted = self.drifted.saturating_add(1);
            self.tell(object, mesh, &findings, known, events);
        }
    }

    /// One event for an object, when it has an error that it had not before.
    fn tell(
        &mut self,
        object: &Map<String, Value>,
        mesh: &str,
        findings: &Findings,
        known: &Known,
        events: &Events,
    ) {
        let text = |key: &str| object.get(key).and_then(Value::as_str).map(str::to_owned);
        let metadata = |key: &str| {
            object
                .get("metadata")
                .and_then(|metadata| metadata.get(key))
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let uid = metadata("uid").unwrap_or_default();
        let mut news = None;
        for finding in findings.iter().filter(|finding| finding.severity == Severity::Error) {
            let key = (uid.clone(), finding.rule.code);
            if !known.contains(&key) && news.is_none() {
                news = Some(finding);
            }
            self.found.insert(key);
        }
        let Some(finding) = news.filter(|_| self.told < EVENTS) else { return };
        self.told += 1;
        events.send(Notice {
            regarding: ObjectReference {
                api_version: text("apiVersion"),
                kind: text("kind"),
                name: metadata("name"),
                namespace: metadata("namespace"),
                uid: Some(uid),
                ..ObjectReference::default()
            },
            mesh: Some(mesh.to_owned()),
            reason: finding.rule.code.to_owned(),
            action: "Audit",
            note: admission::spelled_out(finding),
            witness: Witness::All,
        });
    }
}
