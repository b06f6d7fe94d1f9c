//! Logs: one JSON object a line, with the keys `ts`, `level`, `msg`, `logger` and the event's own.

use std::error::Error;
use std::fmt;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Sends what passes the filter to standard error.
///
/// # Errors
/// When the filter is malformed. A subscriber that is installed already stays.
pub fn install(filter: &str) -> Result<(), ParseError> {
    let filter = EnvFilter::builder().parse(filter)?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .event_format(JsonLines)
        .with_writer(std::io::stderr);
    let _installed_before = subscriber.try_init();
    Ok(())
}

/// An error as the value of a log's key, to be told with what caused it.
pub(crate) fn causes<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    error
}

/// The format.
#[derive(Clone, Copy, Debug)]
pub struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        // Digits and punctuation, in which JSON escapes nothing.
        writer.write_str("{\"ts\":\"")?;
        SystemTime.format_time(&mut writer)?;
        let metadata = event.metadata();
        let mut keys = Keys { message: Vec::new(), rest: Vec::with_capacity(512) };
        event.record(&mut keys);
        let message = if keys.message.is_empty() { b"null" } else { keys.message.as_slice() };
        let mut logger = Vec::new();
        json(&mut logger, metadata.target());
        let level = match *metadata.level() {
            Level::ERROR => "error",
            Level::WARN => "warn",
            Level::INFO => "info",
            Level::DEBUG => "debug",
            Level::TRACE => "trace",
        };
        let parts: [&[u8]; 7] = [
            b"\",\"level\":\"",
            level.as_bytes(),
            b"\",\"msg\":",
            message,
            b",\"logger\":",
            &logger,
            &keys.rest,
        ];
        for part in parts {
            writer.write_str(std::str::from_utf8(part).map_err(|_| fmt::Error)?)?;
        }
        writer.write_str("}\n")
    }
}

/// The keys of a line, as they are written. JSON escapes line ends and control characters, so that no value can forge a line.
struct Keys {
    message: Vec<u8>,
    rest: Vec<u8>,
}

/// Text and numbers alone: this cannot fail.
fn json(text: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) {
    let _written = serde_json::to_writer(text, value);
}

impl Keys {
    fn put(&mut self, field: &Field, value: &(impl serde::Serialize + ?Sized)) {
        match field.name() {
            "message" => {
                self.message.clear();
                json(&mut self.message, value);
            }
            name => {
                self.rest.push(b',');
                json(&mut self.rest, name);
                self.rest.push(b':');
                json(&mut self.rest, value);
            }
        }
    }
}

impl Visit for Keys {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}").as_str());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, &value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(cause) = source {
            // Some errors say themselves what caused them.
            let cause_text = cause.to_string();
            if !text.ends_with(&cause_text) {
                text.push_str(": ");
                text.push_str(&cause_text);
            }
            source = cause.source();
        }
        self.put(field, text.as_str());
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[derive(Debug, thiserror::Error)]
    enum Failure {
        #[error("no connection: {0}")]
        Connection(#[source] std::io::Error),
        #[error("the watch ended")]
        Watch(#[source] Box<Failure>),
    }

    #[test]
    fn an_error_is_told_with_its_causes_each_once() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber =
            tracing_subscriber::fmt().event_format(JsonLines).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            let cause = Failure::Connection(std::io::Error::other("a certificate of nobody"));
            let error = Failure::Watch(Box::new(cause));
            tracing::warn!(error = causes(&error), "broken");
        });
        let line: Value = serde_json::from_slice(&lines.0.lock().unwrap()).unwrap();
        assert_eq!(line["error"], "the watch ended: no connection: a certificate of nobody");
    }

    #[test]
    fn a_line_is_an_object_and_cannot_be_forged() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber =
            tracing_subscriber::fmt().event_format(JsonLines).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(request_uid = "a\n{\"level\":\"error\"}", generation = 7, "decided");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1);
        let line: Value = serde_json::from_str(&text).unwrap();
        let keys: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["ts", "level", "msg", "logger", "request_uid", "generation"]);
        assert_eq!(
            (&line["level"], &line["msg"], &line["generation"]),
            (&"info".into(), &"decided".into(), &7.into())
        );
    }
}
