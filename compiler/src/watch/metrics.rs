//! What the watcher counts. Base units, `_total`, labels of few values; nothing from the intent is a label.

use std::sync::atomic::AtomicU64;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

/// The type under which [`Metrics::encode`] is served.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Label of what came of something.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ResultLabels {
    pub(super) result: &'static str,
}

/// Label of findings.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct SeverityLabels {
    pub(super) severity: &'static str,
}

/// How a round may end.
pub(super) const ROUNDS: [&str; 5] = ["published", "up-to-date", "findings", "refused", "failed"];

/// Every metric.
pub struct Metrics {
    registry: Registry,
    pub(super) rounds: Family<ResultLabels, Counter>,
    pub(super) duration: Histogram,
    pub(super) compiled: Counter,
    pub(super) conflicts: Counter,
    pub(super) findings: Family<SeverityLabels, Gauge>,
    pub(super) up_to_date: Gauge,
    pub(super) last_success: Gauge<f64, AtomicU64>,
    pub(super) last_published: Gauge<f64, AtomicU64>,
    pub(super) clusters: Gauge,
    pub(super) files: Gauge,
    pub(super) events: Family<ResultLabels, Counter>,
    pub(super) statuses: Family<ResultLabels, Counter>,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

impl Metrics {
    /// All at zero.
    #[must_use]
    pub fn new() -> Metrics {
        let mut metrics = Metrics {
            registry: Registry::with_prefix("meshwright"),
            rounds: Family::default(),
            duration: Histogram::new([0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0]),
            compiled: Counter::default(),
            conflicts: Counter::default(),
            findings: Family::default(),
            up_to_date: Gauge::default(),
            last_success: Gauge::default(),
            last_published: Gauge::default(),
            clusters: Gauge::default(),
            files: Gauge::default(),
            events: Family::default(),
            statuses: Family::default(),
        };
        metrics.register();
        // A series that appears with its first event hides that event from `increase()`.
        for (family, results) in [
            (&metrics.rounds, &ROUNDS[..]),
            (&metrics.events, &["accepted", "ignored", "refused"]),
            (&metrics.statuses, &["sent", "failed"]),
        ] {
            results.iter().for_each(|result| drop(family.get_or_create(&ResultLabels { result })));
        }
        for severity in ["error", "warning"] {
            drop(metrics.findings.get_or_create(&SeverityLabels { severity }));
        }
        metrics
    }

    fn register(&mut self) {
        let r = &mut self.registry;
        r.register("build", "The program", Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]));
        r.register("watch_rounds", "Looks at the intent, by how they ended", self.rounds.clone());
        let help = "Time from a look at the intent to the end of its publishing";
        r.register_with_unit("watch_round_duration", help, Unit::Seconds, self.duration.clone());
        r.register("renders", "Times that intent was compiled", self.compiled.clone());
        r.register("publish_conflicts", "Times that another writer was faster", self.conflicts.clone());
        r.register("findings", "Findings of the intent that was looked at last", self.findings.clone());
        let help = "Whether what is published is what the intent says now";
        r.register("up_to_date", help, self.up_to_date.clone());
        let help = "When what is published was last seen to be what the intent says";
        r.register_with_unit("last_success_timestamp", help, Unit::Seconds, self.last_success.clone());
        let help = "When something was last published";
        r.register_with_unit("last_published_timestamp", help, Unit::Seconds, self.last_published.clone());
        r.register("clusters", "Clusters of the intent that was rendered last", self.clusters.clone());
        r.register("rendered_files", "Files of the intent that was rendered last", self.files.clone());
        r.register("push_events", "Push events, by what came of them", self.events.clone());
        r.register("commit_statuses", "Statuses reported to the code host", self.statuses.clone());
    }

    /// The OpenMetrics text.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _written = encode(&mut text, &self.registry);
        text
    }
}

/// Now, in seconds since 1970.
pub(super) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_published_ones() {
        let metrics = Metrics::new();
        metrics.duration.observe(0.3);
        let text = metrics.encode();
        for line in [
            r#"meshwright_watch_rounds_total{result="published"} 0"#,
            "meshwright_watch_round_duration_seconds_count 1",
            "meshwright_renders_total 0",
            "meshwright_publish_conflicts_total 0",
            r#"meshwright_findings{severity="error"} 0"#,
            "meshwright_up_to_date 0",
            "meshwright_last_success_timestamp_seconds 0.0",
            r#"meshwright_push_events_total{result="refused"} 0"#,
            r#"meshwright_commit_statuses_total{result="failed"} 0"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
