//! Traces of reviews: the real program, and a collector that keeps what it is sent.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside the test functions"
)]

mod support;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::Request;
use http_body_util::BodyExt;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Told;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::Value;

/// Path, the header `authorization` and the body of every request.
type Kept = Arc<Mutex<Vec<(String, Option<String>, Bytes)>>>;

/// A collector.
async fn collector() -> (SocketAddr, Kept) {
    let kept = Kept::default();
    let keeps = Arc::clone(&kept);
    let service = axum::Router::new().fallback(move |request: Request| {
        let keeps = Arc::clone(&keeps);
        async move {
            let (parts, body) = request.into_parts();
            let header = parts.headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
            let body = body.collect().await.unwrap().to_bytes();
            keeps.lock().unwrap().push((parts.uri.path().to_owned(), header, body));
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, service).await });
    (address, kept)
}

/// The program, told by its environment where to send traces.
struct Program {
    child: Child,
    lines: BufReader<ChildStderr>,
    address: SocketAddr,
    started: Value,
    /// Why traces are not sent, when that is said.
    unsent: Option<String>,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ended = self.child.kill();
    }
}

impl Program {
    fn start(environment: &[(&str, &str)]) -> Program {
        let declaration = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/declarations/mdemo.yaml");
        let mut command = Command::new(env!("CARGO_BIN_EXE_meshwright-webhook"));
        command.args(["--declaration", declaration, "--self-signed", "--listen", "127.0.0.1:0"]);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OTEL_")) {
            command.env_remove(name);
        }
        command.env_remove("MESHWRIGHT_LOG").envs(environment.iter().copied()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        let address = "127.0.0.1:0".parse().unwrap();
        let mut program = Program { child, lines, address, started: Value::Null, unsent: None };
        program.started = program.wait_for("serving admission");
        program.address = program.started["listen"].as_str().unwrap().parse().unwrap();
        program
    }

    fn wait_for(&mut self, message: &str) -> Value {
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "it ended before it said `{message}`");
            let line: Value = serde_json::from_str(&line).expect("a line of the log is not JSON");
            if line["msg"] == "traces are not sent" {
                self.unsent = line["error"].as_str().map(str::to_owned);
            }
            if line["msg"] == message {
                return line;
            }
        }
    }

    /// Ends it as a kubelet does, and waits; the time that took.
    fn leave(&mut self) -> Duration {
        let start = Instant::now();
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success() && self.child.wait().unwrap().success());
        start.elapsed()
    }

    async fn ask(&self, review: Vec<u8>, headers: &[(&'static str, &str)]) -> (u16, String) {
        let mut connection = support::Connection::open(self.address, &support::trusting()).await.unwrap();
        let answer = connection.send_with("POST", "/validate", review, headers).await.unwrap();
        (answer.status.as_u16(), answer.text())
    }
}

fn spans(kept: &Kept) -> Vec<Span> {
    let kept = kept.lock().unwrap();
    let bodies = kept.iter().map(|(_, _, body)| ExportTraceServiceRequest::decode(body.clone()).unwrap());
    let resources = bodies.flat_map(|request| request.resource_spans);
    resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
}

fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    let text = |value: &AnyValue| match &value.value {
        Some(Told::StringValue(text)) => text.clone(),
        Some(Told::BoolValue(value)) => value.to_string(),
        Some(Told::IntValue(value)) => value.to_string(),
        other => format!("{other:?}"),
    };
    Some(match &found.value.as_ref()?.value {
        Some(Told::ArrayValue(array)) => array.values.iter().map(text).collect::<Vec<_>>().join(","),
        _ => text(found.value.as_ref()?),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_review_is_a_span() {
    let (address, kept) = collector().await;
    let mut program = Program::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{address}")),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20secret"),
        ("OTEL_RESOURCE_ATTRIBUTES", "k8s.pod.name=webhook-0"),
    ]);
    assert_eq!(program.started["traces"], true);
    let (trace, parent) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let traceparent = format!("00-{trace}-{parent}-01");
    let (_, answer) = program.ask(support::wrong(), &[("traceparent", &traceparent)]).await;
    assert!(answer.contains("MW2101"), "{answer}");
    let (status, _) = program.ask(support::wrong(), &[("content-type", "text/plain")]).await;
    assert_eq!(status, 415);
    // One that the API server traces and does not keep is not kept here either.
    program.ask(support::wrong(), &[("traceparent", &format!("00-{trace}-{parent}-00"))]).await;
    assert!(spans(&kept).is_empty(), "spans are sent in batches");
    program.leave();
    let all = spans(&kept);
    assert_eq!(all.len(), 2, "{all:?}");
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let span = all.iter().find(|span| hex(&span.trace_id) == trace).unwrap();
    assert_eq!((span.name.as_str(), hex(&span.parent_span_id).as_str()), ("review", parent));
    let review: Value = serde_json::from_slice(&support::wrong()).unwrap();
    let said = |key: &str| attribute(&span.attributes, key);
    for (key, value) in [
        ("meshwright.decision", "denied"),
        ("meshwright.reason", "contradicts"),
        ("meshwright.policies", "MW2101"),
        ("meshwright.request.uid", review["request"]["uid"].as_str().unwrap()),
        ("meshwright.request.kind", "Namespace"),
        ("meshwright.request.resource", "namespaces"),
        ("meshwright.request.operation", "UPDATE"),
        ("meshwright.request.dry_run", "true"),
        ("meshwright.generation", "7"),
        ("k8s.cluster.name", "mdemo-cluster2"),
    ] {
        assert_eq!(said(key).as_deref(), Some(value), "{key} of {span:?}");
    }
    assert_eq!(span.status.as_ref().map_or(0, |status| status.code), 0, "a denial is no failure");
    let took = span.end_time_unix_nano - span.start_time_unix_nano;
    assert!(took > 0 && took < 10_000_000_000, "{took} ns");
    let undecided = all.iter().find(|span| hex(&span.trace_id) != trace).unwrap();
    assert_eq!(attribute(&undecided.attributes, "meshwright.reason").as_deref(), Some("media-type"));
    assert_eq!(undecided.status.as_ref().map_or(0, |status| status.code), 2);
    let kept = kept.lock().unwrap();
    for (path, header, body) in kept.iter() {
        assert_eq!((path.as_str(), header.as_deref()), ("/v1/traces", Some("Bearer secret")));
        let request = ExportTraceServiceRequest::decode(body.clone()).unwrap();
        let resource = request.resource_spans[0].resource.as_ref().unwrap();
        let said = |key: &str| attribute(&resource.attributes, key);
        assert_eq!(said("service.name").as_deref(), Some("meshwright-webhook"));
        assert_eq!(said("k8s.pod.name").as_deref(), Some("webhook-0"));
        // Nothing of the object.
        let text = String::from_utf8_lossy(body).into_owned();
        let label = &review["request"]["object"]["metadata"]["labels"]["topology.istio.io/network"];
        for value in [label.as_str().unwrap(), "topology.istio.io"] {
            assert!(!text.contains(value), "{value}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_collector_is_waited_for() {
    // It takes connections and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().map(|address| (silent, address)).unwrap();
    for endpoint in [format!("http://{}", silent.1), "http://127.0.0.1:1".to_owned()] {
        let environment = [
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoint.as_str()),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "4"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2"),
            ("OTEL_BSP_SCHEDULE_DELAY", "10"),
        ];
        let mut program = Program::start(&environment);
        let start = Instant::now();
        for _ in 0..50 {
            let (status, answer) = program.ask(support::wrong(), &[]).await;
            assert!(status == 200 && answer.contains("MW2101"), "{status} {answer}");
        }
        assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
        // The flush has a bound.
        let took = program.leave();
        assert!(took < Duration::from_secs(9), "{took:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_used_is_said_and_stops_nothing() {
    for (name, value, expected) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "OTEL_EXPORTER_OTLP_PROTOCOL: `grpc` is not `http/protobuf`"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/absent.crt", "`/absent.crt` cannot be used: "),
        ("OTEL_TRACES_EXPORTER", "zipkin", "OTEL_TRACES_EXPORTER: `zipkin` is not `otlp`"),
        ("OTEL_TRACES_EXPORTER", "none", ""),
        ("OTEL_SDK_DISABLED", "TRUE", ""),
    ] {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
        let mut program = Program::start(&[endpoint, (name, value)]);
        assert_eq!(program.started["traces"], false, "{name}={value}");
        let said = program.unsent.clone().unwrap_or_default();
        assert!(said.starts_with(expected) && said.is_empty() == expected.is_empty(), "{name}: {said}");
        assert_eq!(program.ask(support::wrong(), &[]).await.0, 200);
        program.leave();
    }
}
