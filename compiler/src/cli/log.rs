//! Logs of what runs for long, to standard error: for people, or one JSON object a line, with the keys `ts`, `level`,
//! `msg` and the event's own (those of the webhook).

use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// What logs look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// Text for a terminal.
    Human,
    /// One JSON object a line.
    Json,
}

/// Sends what passes the filter to standard error.
pub(super) fn install(filter: &str, format: LogFormat, color: bool) -> anyhow::Result<()> {
    let filter = EnvFilter::builder().parse(filter)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A subscriber that is installed already stays.
    let _installed = match format {
        LogFormat::Human => builder.with_target(false).with_ansi(color).try_init(),
        LogFormat::Json => builder.event_format(JsonLines).try_init(),
    };
    Ok(())
}

struct JsonLines;

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
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut keys = Keys(Map::new());
        keys.0.insert("ts".to_owned(), time.into());
        keys.0.insert("level".to_owned(), event.metadata().level().as_str().to_ascii_lowercase().into());
        keys.0.insert("msg".to_owned(), Value::Null);
        event.record(&mut keys);
        let line = serde_json::to_string(&keys.0).map_err(|_| fmt::Error)?;
        writeln!(writer, "{line}")
    }
}

/// The keys of a line. JSON escapes line ends and control characters, so that no value can forge a line.
struct Keys(Map<String, Value>);

impl Visit for Keys {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }
}

impl Keys {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        let key = if field.name() == "message" { "msg" } else { field.name() };
        self.0.insert(key.to_owned(), value.into());
    }
}
