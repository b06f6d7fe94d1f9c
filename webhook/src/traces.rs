//! Traces: one span for each review, sent over OTLP where the program is built with the feature `otlp` and the environment
//! names a collector. Without the feature nothing is sent, and none of it is compiled.
//!
//! A span says what is also logged of a review, and nothing of the object but its kind and namespace. Spans are sent by a
//! thread of their own, out of a queue that drops what it has no place for: no review ever waits for a collector.

#[cfg(feature = "otlp")]
mod client;
#[cfg(feature = "otlp")]
mod otlp;

use std::env;
use std::time::Duration;

use axum::http::HeaderMap;
use meshwright_policies::admission::Verdict;

/// Where spans go; the variables are those of the OpenTelemetry specification ("OTLP Exporter", "SDK Configuration").
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
/// `none` sends nothing, `otlp` needs no endpoint: it is then at `http://localhost:4318`.
const EXPORTER: &str = "OTEL_TRACES_EXPORTER";
/// `true` sends nothing.
const DISABLED: &str = "OTEL_SDK_DISABLED";

/// How long spans that are still waiting may take to be sent when the program ends.
const FLUSH: Duration = Duration::from_secs(5);

/// Why nothing can be sent although the environment asks for it.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// The program cannot.
    #[error("the program was built without the feature `otlp`")]
    NotBuilt,
    /// The environment says something that cannot be used.
    #[error("{0}")]
    Unusable(String),
}

/// Where spans are sent.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    #[cfg(feature = "otlp")]
    spans: Option<otlp::Spans>,
}

/// The trace that the API server carries on, if it does.
#[derive(Clone, Debug, Default)]
pub struct Parent {
    #[cfg(feature = "otlp")]
    context: opentelemetry::Context,
}

/// What came of a review.
#[derive(Clone, Copy, Debug)]
pub enum Outcome<'a> {
    /// It was decided.
    Decided(&'a Verdict),
    /// It was not, for that reason.
    Undecided(&'static str),
}

impl Traces {
    /// Nowhere.
    #[must_use]
    pub fn nowhere() -> Traces {
        Traces::default()
    }

    /// Where the environment says; nowhere when it names no collector.
    ///
    /// # Errors
    /// It names one that cannot be used. The program serves all the same: traces are nobody's reason for an outage.
    pub fn from_environment() -> Result<Traces, TracesError> {
        let said = |name: &str| env::var(name).ok().filter(|value| !value.trim().is_empty());
        let disabled = said(DISABLED).is_some_and(|value| value.trim().eq_ignore_ascii_case("true"));
        let asked = match said(EXPORTER).as_deref().map(str::trim) {
            Some("otlp") => true,
            Some("none") => false,
            Some(other) => return Err(TracesError::Unusable(format!("{EXPORTER}: `{other}` is not `otlp`"))),
            None => ENDPOINTS.iter().any(|name| said(name).is_some()),
        };
        if disabled || !asked { Ok(Traces::nowhere()) } else { Traces::open() }
    }

    #[cfg(feature = "otlp")]
    fn open() -> Result<Traces, TracesError> {
        Ok(Traces { spans: Some(otlp::Spans::open()?) })
    }

    #[cfg(not(feature = "otlp"))]
    fn open() -> Result<Traces, TracesError> {
        Err(TracesError::NotBuilt)
    }

    /// Whether spans are sent.
    #[must_use]
    pub fn are_sent(&self) -> bool {
        #[cfg(feature = "otlp")]
        return self.spans.is_some();
        #[cfg(not(feature = "otlp"))]
        false
    }

    /// The trace that a request carries on (W3C Trace Context).
    #[must_use]
    pub fn parent(&self, headers: &HeaderMap) -> Parent {
        #[cfg(feature = "otlp")]
        return self
            .spans
            .as_ref()
            .map_or_else(Parent::default, |_| Parent { context: otlp::parent(headers) });
        #[cfg(not(feature = "otlp"))]
        {
            let _unread = headers;
            Parent::default()
        }
    }

    /// Tells of a review that ends now and took that long.
    pub fn tell(&self, parent: &Parent, outcome: Outcome<'_>, took: Duration) {
        #[cfg(feature = "otlp")]
        if let Some(spans) = &self.spans {
            spans.tell(&parent.context, outcome, took);
        }
        #[cfg(not(feature = "otlp"))]
        let _untold = (parent, outcome, took);
    }

    /// Sends what is still waiting; a collector that does not answer is not waited for.
    pub async fn flush(self) {
        #[cfg(feature = "otlp")]
        if let Some(spans) = self.spans {
            spans.flush(FLUSH).await;
        }
        #[cfg(not(feature = "otlp"))]
        let _nothing = FLUSH;
    }
}
