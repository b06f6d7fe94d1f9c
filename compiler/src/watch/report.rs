//! What came of a round: logged, counted, and told to the code host.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use gix::ObjectId;
use meshwright_policies::finding::{Findings, Severity};

use super::Shared;
use super::engine::{Engine, Obstacle, Outcome, PassedOver, Round, RoundError};
use super::metrics::{self, ResultLabels, SeverityLabels};
use super::status::{State, Statuses};
use crate::incremental::Compilation;
use crate::source::commit::short;

/// Most findings that are logged one by one.
const FINDINGS: usize = 50;

/// Says what came of rounds.
pub(super) struct Reporter {
    shared: Arc<Shared>,
    statuses: Option<(Sender<Status>, JoinHandle<()>)>,
    /// The commit whose state was told last, and that state.
    told: Option<(ObjectId, State)>,
    /// The commit whose findings were logged last.
    logged: Option<ObjectId>,
}

struct Status {
    commit: String,
    state: State,
    description: String,
}

impl Reporter {
    pub(super) fn new(shared: Arc<Shared>, statuses: Option<Statuses>) -> Reporter {
        // A code host that does not answer must not hold up publishing.
        let statuses = statuses.map(|statuses| {
            let (sender, receiver) = channel::<Status>();
            let shared = Arc::clone(&shared);
            let thread = std::thread::spawn(move || {
                for status in receiver {
                    let sent = statuses.send(&status.commit, status.state, &status.description);
                    let result = if sent.is_ok() { "sent" } else { "failed" };
                    shared.metrics.statuses.get_or_create(&ResultLabels { result }).inc();
                    if let Err(error) = sent {
                        tracing::warn!(%error, commit = status.commit, "the commit status was not set");
                    }
                }
            });
            (sender, thread)
        });
        Reporter { shared, statuses, told: None, logged: None }
    }

    /// Whether to look again sooner than usual, since something failed that may pass.
    pub(super) fn report(
        &mut self,
        engine: &Engine,
        result: &Result<Round, Box<RoundError>>,
        took: Duration,
    ) -> bool {
        let metrics = &self.shared.metrics;
        metrics.duration.observe(took.as_secs_f64());
        let lost = match result {
            Ok(round) => round.lost,
            Err(error) => error.lost,
        };
        metrics.conflicts.inc_by(u64::from(lost));
        if let Some((files, clusters)) = engine.size() {
            metrics.files.set(i64::try_from(files).unwrap_or(i64::MAX));
            metrics.clusters.set(i64::try_from(clusters).unwrap_or(i64::MAX));
        }
        let word = match result {
            Ok(round) => self.ended(engine, round, took),
            Err(error) => self.failed(error),
        };
        self.shared.metrics.rounds.get_or_create(&ResultLabels { result: word }).inc();
        word == "failed"
    }

    fn ended(&mut self, engine: &Engine, round: &Round, took: Duration) -> &'static str {
        self.shared.looked.store(true, Ordering::SeqCst);
        let metrics = &self.shared.metrics;
        if round.compiled {
            metrics.compiled.inc();
        }
        let (errors, warnings) = (round.findings.errors(), round.findings.warnings());
        for (severity, count) in [("error", errors), ("warning", warnings)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            metrics.findings.get_or_create(&SeverityLabels { severity }).set(count);
        }
        let good = round.outcome != Outcome::Findings;
        metrics.up_to_date.set(i64::from(good));
        if good {
            metrics.last_success.set(metrics::now());
        }
        let id = round.commit.as_ref().map(|commit| commit.id);
        let commit = id.map(|id| id.to_string());
        if round.compiled || self.logged != id || id.is_none() && !good {
            log(&round.findings, engine.compiled());
            self.logged = id;
        }
        round.passed_over.iter().for_each(log_passed_over);
        let (took, lost) = (took.as_secs_f64(), round.lost);
        match &round.outcome {
            Outcome::Published(written) => {
                metrics.last_published.set(metrics::now());
                let differences = &written.differences;
                let published = written.commit.map(|id| id.to_string());
                let (created, updated, removed) =
                    (differences.created.len(), differences.updated.len(), differences.removed.len());
                let clusters = differences.clusters.len();
                tracing::info!(
                    commit,
                    published,
                    created,
                    updated,
                    removed,
                    clusters,
                    lost,
                    took,
                    "published"
                );
                for path in differences.drifted.iter().take(FINDINGS) {
                    tracing::warn!(%path, "was changed by hand since it was published; it is as rendered again");
                }
                let as_what = written.commit.map(|id| format!(" as {}", short(id))).unwrap_or_default();
                let files = created + updated + removed;
                self.tell(
                    id,
                    State::Success,
                    format!("Published{as_what}: {files} files in {clusters} clusters"),
                );
                "published"
            }
            Outcome::UpToDate => {
                if round.compiled {
                    tracing::info!(commit, took, "nothing changes");
                } else {
                    tracing::debug!(commit, took, "nothing changed");
                }
                self.tell(id, State::Success, "Changes nothing that is rendered".to_owned());
                "up-to-date"
            }
            Outcome::Findings => {
                if round.compiled {
                    tracing::error!(
                        commit,
                        errors,
                        warnings,
                        took,
                        "the intent has errors; what is published stays"
                    );
                }
                let first = round.findings.iter().find(|finding| finding.severity == Severity::Error);
                let first = first.map(|finding| format!(": {} {}", finding.rule.code, finding.message));
                let text = format!("{errors} errors{}", first.unwrap_or_default());
                self.tell(id, State::Failure, text);
                "findings"
            }
        }
    }

    fn failed(&mut self, round: &RoundError) -> &'static str {
        self.shared.metrics.up_to_date.set(0);
        let commit = round.commit.as_ref().map(|commit| commit.id);
        let id = commit.map(|id| id.to_string());
        let (error, help, lost) = (&round.error, round.error.help(), round.lost);
        if error.is_refusal() {
            // The intent and what is published were read: the watcher does its work, and a person has to do theirs.
            self.shared.looked.store(true, Ordering::SeqCst);
            tracing::error!(commit = id, %error, help, "refused; what is published stays");
            self.tell(commit, State::Error, format!("Not published: {error}"));
            return "refused";
        }
        tracing::warn!(commit = id, %error, help, lost, "failed; it is tried again");
        "failed"
    }

    /// Tells the code host, once for a commit and a state.
    fn tell(&mut self, commit: Option<ObjectId>, state: State, description: String) {
        let Some(commit) = commit else { return };
        if self.told == Some((commit, state)) {
            return;
        }
        self.told = Some((commit, state));
        if let Some((sender, _)) = &self.statuses {
            let _thread_gone = sender.send(Status { commit: commit.to_string(), state, description });
        }
    }

    /// Ends when everything was told.
    pub(super) fn finish(self) {
        if let Some((sender, thread)) = self.statuses {
            drop(sender);
            let _panicked = thread.join();
        }
    }
}

/// Logs a commit that is not published by itself.
fn log_passed_over(passed: &PassedOver) {
    let commit = passed.commit.id.to_string();
    match &passed.obstacle {
        Obstacle::Intent { errors } => tracing::info!(commit, errors, "passed over: it has errors"),
        Obstacle::Change(findings) => {
            let first = findings.iter().find(|finding| finding.severity == Severity::Error);
            let first = first.map(|finding| format!("{}: {}", finding.rule.code, finding.message));
            tracing::info!(commit, first, "passed over: what is published may not become it");
        }
        Obstacle::Refused(error) => tracing::info!(commit, %error, "passed over: it is refused"),
    }
}

/// Logs findings, worst first, each with its place.
fn log(findings: &Findings, compiled: Option<&Compilation>) {
    let Some(compiled) = compiled else { return };
    for finding in findings.iter().take(FINDINGS) {
        let file = compiled.sources.get(finding.place.span.file).map(|file| file.path());
        let line = compiled.sources.line_column(finding.place.span).map(|(line, _)| line);
        let (code, message, help) =
            (finding.rule.code.to_string(), finding.message.as_str(), finding.help.as_deref());
        let cluster = finding.cluster.as_ref().map(ToString::to_string);
        match finding.severity {
            Severity::Error => tracing::error!(code, file, line, cluster, help, "{message}"),
            Severity::Warning => tracing::warn!(code, file, line, cluster, help, "{message}"),
        }
    }
    if let Some(more) = findings.iter().count().checked_sub(FINDINGS).filter(|more| *more > 0) {
        tracing::warn!(more, "there are more findings: `meshwright check` says all");
    }
}
