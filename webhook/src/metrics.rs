//! What the program counts, by names that Prometheus users expect: base units, `_total`, labels of few values. Names of
//! objects are never labels.

use std::fmt;
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
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Labels of a review.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ReviewLabels {
    /// `allowed`, `denied` or `error`.
    pub decision: &'static str,
    /// Why, in a word.
    pub reason: &'static str,
    /// The plural of a known kind, or `other`.
    pub resource: &'static str,
    /// Whether the request was a dry run.
    pub dry_run: &'static str,
}

/// Label of a mesh.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct MeshLabels {
    /// The mesh's name.
    pub mesh: String,
}

/// Label of what came of something.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ResultLabels {
    /// The outcome.
    pub result: &'static str,
}

/// Labels of findings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
pub struct PolicyLabels {
    /// The policy's code.
    pub policy: &'static str,
    /// `error` or `warning`.
    pub severity: &'static str,
}

/// Label of a kind of objects.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct KindLabels {
    /// The plural.
    pub resource: &'static str,
}

/// Label of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RoleLabels {
    /// `leaf` or `ca`.
    pub role: &'static str,
}

/// Every metric; counting never fails.
pub struct Metrics {
    registry: Registry,
    /// Reviews answered.
    pub reviews: Family<ReviewLabels, Counter>,
    /// Time from the last byte of a review to its answer.
    pub duration: Histogram,
    /// Reviews being decided.
    pub in_flight: Gauge,
    /// Declarations in force.
    pub declarations: Gauge,
    /// Generation in force, of declarations that have one.
    pub generation: Family<MeshLabels, Gauge>,
    /// Seconds since a declaration came into force.
    pub age: Family<MeshLabels, Gauge<f64, AtomicU64>>,
    /// Files or directories whose present content is refused.
    pub refused_files: Gauge,
    /// Changes of declarations, by `loaded` and `refused`.
    pub declaration_reloads: Family<ResultLabels, Counter>,
    /// Whether the watch of the API server's declarations is connected.
    pub watch_connected: Gauge,
    /// Ends of that watch, by `expired`, `missing` and `failed`.
    pub watch_failures: Family<ResultLabels, Counter>,
    /// Writes of statuses, by `written` and `failed`.
    pub status_writes: Family<ResultLabels, Counter>,
    /// Kubernetes Events, by `written`, `known`, `failed` and `dropped`.
    pub events: Family<ResultLabels, Counter>,
    /// Findings of the last audit.
    pub audit_findings: Family<PolicyLabels, Gauge>,
    /// Objects that the last audit judged.
    pub audit_objects: Gauge,
    /// Objects that contradict a declaration.
    pub drift_objects: Gauge,
    /// When an audit was last complete.
    pub audit_completed: Gauge,
    /// How long the last audit took.
    pub audit_duration: Gauge<f64, AtomicU64>,
    /// Lists that could not be read to their end.
    pub audit_failures: Family<KindLabels, Counter>,
    /// End of a certificate's validity.
    pub expiration: Family<RoleLabels, Gauge>,
    /// Changes of the certificate, by `loaded` and `refused`.
    pub certificate_reloads: Family<ResultLabels, Counter>,
    /// Whether the certificate in the files is refused while an earlier one is served.
    pub certificate_refused: Gauge,
    /// Rounds in which the certificate's Secret could not be kept.
    pub keeper_failures: Counter,
    /// Rounds in which the webhook's configuration could not be kept.
    pub configuration_failures: Counter,
    /// Self-tests through the API server, by `refused`, `passed` and `unknown`.
    pub proofs: Family<ResultLabels, Counter>,
    /// Whether the last self-test that said anything was refused.
    pub proved: Gauge,
    /// Whether requests are refused when no answer comes.
    pub fails_closed: Gauge,
    /// Open connections.
    pub connections: Gauge,
    /// TLS handshakes, by `completed`, `failed` and `timeout`.
    pub handshakes: Family<ResultLabels, Counter>,
    /// Connections that were closed for being slow, by `headers` and `idle`.
    pub timeouts: Family<ResultLabels, Counter>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
        // A decision takes microseconds; what takes longer is waiting for a core.
        let buckets =
            [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 3.0];
        let mut metrics = Metrics {
            registry: Registry::with_prefix("meshwright"),
            reviews: Family::default(),
            duration: Histogram::new(buckets),
            in_flight: Gauge::default(),
            declarations: Gauge::default(),
            generation: Family::default(),
            age: Family::default(),
            refused_files: Gauge::default(),
            declaration_reloads: Family::default(),
            watch_connected: Gauge::default(),
            watch_failures: Family::default(),
            status_writes: Family::default(),
            events: Family::default(),
            audit_findings: Family::default(),
            audit_objects: Gauge::default(),
            drift_objects: Gauge::default(),
            audit_completed: Gauge::default(),
            audit_duration: Gauge::default(),
            audit_failures: Family::default(),
            expiration: Family::default(),
            certificate_reloads: Family::default(),
            certificate_refused: Gauge::default(),
            keeper_failures: Counter::default(),
            configuration_failures: Counter::default(),
            proofs: Family::default(),
            proved: Gauge::default(),
            fails_closed: Gauge::default(),
            connections: Gauge::default(),
            handshakes: Family::default(),
            timeouts: Family::default(),
        };
        metrics.register();
        metrics.start_at_zero();
        metrics
    }

    /// A series that appears with its first event hides that event from `increase()`.
    fn start_at_zero(&self) {
        for (family, results) in [
            (&self.declaration_reloads, &["loaded", "refused"][..]),
            (&self.certificate_reloads, &["loaded", "refused"]),
            (&self.proofs, &["refused", "passed", "unknown"]),
            (&self.handshakes, &["completed", "failed", "timeout"]),
            (&self.timeouts, &["headers", "idle"]),
            (&self.watch_failures, &["expired", "missing", "failed"]),
            (&self.status_writes, &["written", "failed"]),
            (&self.events, &["written", "known", "failed", "dropped"]),
        ] {
            for result in results {
                drop(family.get_or_create(&ResultLabels { result }));
            }
        }
        let kinds = meshwright_policies::kinds::KINDS.iter().map(|kind| kind.plural());
        for resource in kinds.chain(["apis"]) {
            drop(self.audit_failures.get_or_create(&KindLabels { resource }));
        }
    }

    fn register(&mut self) {
        let r = &mut self.registry;
        r.register("build", "The program", Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]));
        r.register("admission_requests", "Reviews answered", self.reviews.clone());
        let help = "Time from the last byte of a review to its answer";
        r.register_with_unit("admission_duration", help, Unit::Seconds, self.duration.clone());
        r.register("admission_in_flight", "Reviews being decided", self.in_flight.clone());
        r.register("declarations", "Declarations in force", self.declarations.clone());
        r.register("declaration_generation", "Generation in force", self.generation.clone());
        let help = "Time since a declaration came into force";
        r.register_with_unit("declaration_age", help, Unit::Seconds, self.age.clone());
        let help = "Declarations, files or directories whose present content is refused";
        r.register("declaration_refused_files", help, self.refused_files.clone());
        r.register("declaration_reloads", "Changes of declarations", self.declaration_reloads.clone());
        self.register_cluster();
        let r = &mut self.registry;
        let help = "End of a certificate's validity";
        r.register_with_unit(
            "certificate_expiration_timestamp",
            help,
            Unit::Seconds,
            self.expiration.clone(),
        );
        r.register("certificate_reloads", "Changes of the certificate", self.certificate_reloads.clone());
        let help = "Whether the certificate in the files is refused and an earlier one is served";
        r.register("certificate_refused", help, self.certificate_refused.clone());
        let help = "Rounds in which the certificate's Secret could not be kept";
        r.register("certificate_keeper_failures", help, self.keeper_failures.clone());
        let help = "Rounds in which the webhook's configuration could not be kept";
        r.register("configuration_failures", help, self.configuration_failures.clone());
        r.register("self_tests", "Self-tests through the API server", self.proofs.clone());
        let help = "Whether the last self-test that said anything was refused, as it has to be";
        r.register("self_test_refused", help, self.proved.clone());
        let help = "Whether requests are refused when no answer comes";
        r.register("configuration_fails_closed", help, self.fails_closed.clone());
        r.register("connections", "Open connections", self.connections.clone());
        r.register("tls_handshakes", "TLS handshakes", self.handshakes.clone());
        r.register("connection_timeouts", "Connections closed for being slow", self.timeouts.clone());
    }

    fn register_cluster(&mut self) {
        let r = &mut self.registry;
        let help = "Whether the watch of declarations is connected";
        r.register("declaration_watch_connected", help, self.watch_connected.clone());
        let help = "Ends of the watch of declarations";
        r.register("declaration_watch_failures", help, self.watch_failures.clone());
        r.register("status_writes", "Writes of the status of declarations", self.status_writes.clone());
        r.register("events", "Kubernetes Events", self.events.clone());
        r.register("audit_findings", "Findings of the last audit", self.audit_findings.clone());
        r.register("audit_objects", "Objects that the last audit judged", self.audit_objects.clone());
        r.register("drift_objects", "Objects that contradict a declaration", self.drift_objects.clone());
        let help = "When an audit was last complete";
        let name = "audit_last_completion_timestamp";
        r.register_with_unit(name, help, Unit::Seconds, self.audit_completed.clone());
        let help = "How long the last audit took";
        r.register_with_unit("audit_duration", help, Unit::Seconds, self.audit_duration.clone());
        let help = "Lists that an audit could not read to their end";
        r.register("audit_failures", help, self.audit_failures.clone());
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

/// One more in a gauge, until it is dropped.
#[derive(Debug)]
pub struct Counted(Gauge);

impl Counted {
    /// Counts one.
    #[must_use]
    pub fn one(gauge: &Gauge) -> Counted {
        gauge.inc();
        Counted(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Seconds since 1970; zero before.
#[must_use]
pub fn unix_seconds(time: SystemTime) -> i64 {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_published_ones() {
        let metrics = Metrics::new();
        let labels = ReviewLabels {
            decision: "denied",
            reason: "contradicts",
            resource: "gateways",
            dry_run: "false",
        };
        metrics.reviews.get_or_create(&labels).inc();
        metrics.duration.observe(0.0001);
        metrics.generation.get_or_create(&MeshLabels { mesh: "demo".to_owned() }).set(7);
        metrics.age.get_or_create(&MeshLabels { mesh: "demo".to_owned() }).set(1.5);
        metrics.expiration.get_or_create(&RoleLabels { role: "leaf" }).set(9);
        let text = metrics.encode();
        for line in [
            r#"meshwright_admission_requests_total{decision="denied",reason="contradicts",resource="gateways",dry_run="false"} 1"#,
            "meshwright_admission_duration_seconds_count 1",
            r#"meshwright_declaration_generation{mesh="demo"} 7"#,
            r#"meshwright_declaration_age_seconds{mesh="demo"} 1.5"#,
            r#"meshwright_certificate_expiration_timestamp_seconds{role="leaf"} 9"#,
            r#"meshwright_build_info{version="0.1.0"} 1"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
