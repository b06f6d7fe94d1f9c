//! Spans of reviews.

use std::time::{Duration, SystemTime};

use axum::http::HeaderMap;
use meshwright_policies::admission::Verdict;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Span, SpanKind, Status, Tracer, TracerProvider};
use opentelemetry::{Context, Key, KeyValue, Value};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

use super::client::Client;
use super::{Outcome, TracesError};

/// The variables that say how spans are encoded; this program speaks one of the encodings.
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];

/// What makes spans and sends them.
#[derive(Clone, Debug)]
pub(super) struct Spans {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Spans {
    /// As the environment says: endpoint, headers, timeouts, certificates, sampler, sizes of queue and batch.
    pub(super) fn open() -> Result<Spans, TracesError> {
        for name in PROTOCOLS {
            match std::env::var(name) {
                Ok(protocol) if !matches!(protocol.trim(), "" | "http/protobuf") => {
                    let text = format!("{name}: `{protocol}` is not `http/protobuf`");
                    return Err(TracesError::Unusable(text));
                }
                _ => {}
            }
        }
        let exporter = SpanExporter::builder().with_http().with_http_client(Client::from_environment()?);
        let exporter = exporter.build().map_err(|error| TracesError::Unusable(error.to_string()))?;
        let provider =
            SdkTracerProvider::builder().with_resource(resource()).with_batch_exporter(exporter).build();
        Ok(Spans { tracer: provider.tracer(env!("CARGO_PKG_NAME")), provider })
    }

    pub(super) fn tell(&self, parent: &Context, outcome: Outcome<'_>, took: Duration) {
        let end = SystemTime::now();
        let span = self.tracer.span_builder("review").with_kind(SpanKind::Server);
        let span = span.with_start_time(end.checked_sub(took).unwrap_or(end));
        let mut span = self.tracer.build_with_context(span, parent);
        // One that the sampler leaves out costs nothing more.
        if span.is_recording() {
            match outcome {
                Outcome::Decided(verdict) => span.set_attributes(attributes(verdict)),
                Outcome::Undecided(reason) => span.set_attributes([
                    KeyValue::new("meshwright.decision", "error"),
                    KeyValue::new("meshwright.reason", reason),
                ]),
            }
            if matches!(outcome, Outcome::Undecided(_) | Outcome::Decided(Verdict { answer: None, .. })) {
                span.set_status(Status::error("the review was not decided"));
            }
        }
        span.end_with_timestamp(end);
    }

    pub(super) async fn flush(self, time: Duration) {
        let ended = tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(time)).await;
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last traces were not sent"),
            Err(error) => tracing::warn!(%error, "the last traces were not sent"),
        }
    }
}

/// `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` win over the program's own name.
fn resource() -> Resource {
    const NAME: Key = Key::from_static_str("service.name");
    let told = Resource::builder().build();
    let name = match told.get(&NAME) {
        Some(Value::String(name)) if !name.as_str().starts_with("unknown_service") => name.to_string(),
        _ => env!("CARGO_PKG_NAME").to_owned(),
    };
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    Resource::builder().with_attribute(version).with_service_name(name).build()
}

pub(super) fn parent(headers: &HeaderMap) -> Context {
    TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(headers))
}

/// What is told of a decision. Names of objects are in the logs, under the same uid.
fn attributes(verdict: &Verdict) -> Vec<KeyValue> {
    let Verdict { uid, decision, reason, resource, dry_run, operation, object, .. } = verdict;
    let mut attributes = vec![
        KeyValue::new("meshwright.decision", *decision),
        KeyValue::new("meshwright.reason", *reason),
        KeyValue::new("meshwright.request.uid", uid.clone()),
        KeyValue::new("meshwright.request.dry_run", *dry_run),
        KeyValue::new("meshwright.request.operation", operation.clone()),
        KeyValue::new("meshwright.request.resource", *resource),
    ];
    // `Kind/namespace/name`, or `Kind/name`.
    let parts: Vec<&str> = object.split('/').collect();
    if let [kind, ..] = parts.as_slice()
        && !kind.is_empty()
    {
        attributes.push(KeyValue::new("meshwright.request.kind", (*kind).to_owned()));
    }
    if let [_, namespace, _] = parts.as_slice() {
        attributes.push(KeyValue::new("k8s.namespace.name", (*namespace).to_owned()));
    }
    let told = [("meshwright.mesh", &verdict.mesh), ("k8s.cluster.name", &verdict.cluster)];
    for (key, value) in told {
        attributes.extend(value.as_ref().map(|value| KeyValue::new(key, value.clone())));
    }
    attributes.extend(verdict.generation.map(|number| KeyValue::new("meshwright.generation", number)));
    if !verdict.rules.is_empty() {
        let rules = verdict.rules.iter().map(|rule| (*rule).into()).collect();
        attributes
            .push(KeyValue::new("meshwright.policies", Value::Array(opentelemetry::Array::String(rules))));
    }
    attributes
}
