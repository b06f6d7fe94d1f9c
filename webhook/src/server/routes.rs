//! What is served: `POST /validate`, `/healthz`, `/readyz`, `/metrics`.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use meshwright_policies::admission::Verdict;

use super::App;
use super::drain::Phase;
use super::limits::{Place, Received, Refused};
use crate::admit;
use crate::cluster::Notice;
use crate::metrics::{CONTENT_TYPE, Counted, ReviewLabels};
use crate::traces::{Outcome, Parent};

/// What a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Surface {
    /// Reviews. Health is here too, so that one port is enough to try it.
    Reviews,
    /// Health and metrics, in plain HTTP.
    Observations,
}

/// What is answered.
pub(super) type Answer = Response<Full<Bytes>>;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

fn answer(status: StatusCode, media: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    answer
}

fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

/// Answers a request. Four paths need no router, which takes a tenth of the time of a review.
pub(super) async fn respond(app: &Arc<App>, surface: Surface, request: Request<impl Received>) -> Answer {
    let allowed = match (request.uri().path(), surface) {
        ("/validate", Surface::Reviews) => Method::POST,
        ("/healthz" | "/readyz" | "/metrics", _) => Method::GET,
        _ => return empty(StatusCode::NOT_FOUND),
    };
    // A connection leaves out the body of an answer to HEAD.
    let asked = if request.method() == Method::HEAD { Method::GET } else { request.method().clone() };
    if asked != allowed {
        let allow = if allowed == Method::GET { "GET,HEAD" } else { "POST" };
        let mut answer = empty(StatusCode::METHOD_NOT_ALLOWED);
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
        return answer;
    }
    match request.uri().path() {
        "/healthz" => answer(StatusCode::OK, TEXT, "ok\n"),
        "/readyz" => readyz(app),
        "/metrics" => metrics(app),
        _ => validate(app, request).await,
    }
}

fn readyz(app: &App) -> Answer {
    let snapshot = app.store.snapshot();
    let mut checks = Vec::new();
    let declarations = match snapshot.synced {
        true => Ok(format!("{} in force", snapshot.declared.len())),
        false => Err(snapshot.refused.join("; ")),
    };
    checks.push(("declarations", declarations));
    let certificate = app.certificates.out_of_time(SystemTime::now());
    checks.push(("certificate", certificate.map_or(Ok("valid".to_owned()), |how| Err(how.to_owned()))));
    let leaving = app.drain.phase() > Phase::Serving;
    checks.push(("serving", if leaving { Err("leaving".to_owned()) } else { Ok("yes".to_owned()) }));
    let ready = checks.iter().all(|(_, check)| check.is_ok());
    let mut text = String::new();
    for (name, check) in checks {
        let (mark, word) = check.map_or_else(|word| ('-', word), |word| ('+', word));
        text.push_str(&format!("[{mark}] {name}: {word}\n"));
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer(status, TEXT, text)
}

fn metrics(app: &App) -> Answer {
    app.store.observe(SystemTime::now());
    answer(StatusCode::OK, CONTENT_TYPE, app.metrics.encode())
}

/// By what a review is known before it is read.
struct Asked {
    since: Instant,
    trace_id: Option<String>,
    parent: Parent,
}

async fn validate(app: &Arc<App>, request: Request<impl Received>) -> Answer {
    let headers = request.headers();
    let asked =
        Asked { since: Instant::now(), trace_id: trace_id(headers), parent: app.traces.parent(headers) };
    if !is_json(request.headers()) {
        let text = "a review is `application/json`";
        return plain(app, &asked, StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", text);
    }
    let (body, place) = match app.gate.enter(request).await {
        Ok(entered) => entered,
        Err(refused) => return refuse(app, &asked, &refused),
    };
    let start = Instant::now();
    let deciding = Arc::clone(app);
    let large = body.len() > SMALL;
    let decide = move || {
        let _place: Place = place;
        let _counted = Counted::one(&deciding.metrics.in_flight);
        let verdict = admit::review(&body, &deciding.store.snapshot(), deciding.without_declaration);
        if deciding.events.are_written()
            && let Some(notice) = Notice::of_denial(&body, &verdict)
        {
            deciding.events.send(notice);
        }
        (verdict.body(), verdict)
    };
    let decided = match large {
        false => std::panic::catch_unwind(std::panic::AssertUnwindSafe(decide))
            .map_err(|_| "it panicked".to_owned()),
        // Work for a core, not for the loop that serves everybody; the place is kept until it has ended, even when nobody
        // waits for it any more.
        true => {
            let decided = async {
                // One after another: a decision takes many times the memory of its review.
                let turn = Arc::clone(&app.large).acquire_owned().await;
                let decide = move || {
                    let _turn = turn;
                    decide()
                };
                tokio::task::spawn_blocking(decide).await
            };
            match tokio::time::timeout(app.limits.evaluation, decided).await {
                Ok(decided) => decided.map_err(|error| error.to_string()),
                Err(_) => {
                    let text = format!("the decision took longer than {:?}", app.limits.evaluation);
                    return plain(app, &asked, StatusCode::SERVICE_UNAVAILABLE, "timeout", &text);
                }
            }
        }
    };
    let (body, verdict) = match decided {
        Ok(decided) => decided,
        Err(error) => {
            tracing::error!(error, "a decision broke off");
            let text = "the decision broke off";
            return plain(app, &asked, StatusCode::INTERNAL_SERVER_ERROR, "broken", text);
        }
    };
    let took = start.elapsed();
    app.metrics.duration.observe(took.as_secs_f64());
    app.metrics.reviews.get_or_create(&admit::labels(&verdict)).inc();
    app.traces.tell(&asked.parent, Outcome::Decided(&verdict), took);
    log(&verdict, asked.trace_id.as_deref());
    match body {
        Some(body) => answer(StatusCode::OK, JSON, body),
        None => answer(StatusCode::BAD_REQUEST, TEXT, format!("{}\n", verdict.error)),
    }
}

/// A body that is decided at once: it takes less time than handing it to another thread.
const SMALL: usize = 32 * 1024;

/// Whether the body is said to be JSON, or not said to be anything.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return true };
    let media = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    media.eq_ignore_ascii_case(JSON)
}

fn refuse(app: &App, asked: &Asked, refused: &Refused) -> Answer {
    let (status, reason) = match refused {
        Refused::Reviews(_) | Refused::Memory => (StatusCode::TOO_MANY_REQUESTS, "overload"),
        Refused::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
        Refused::Slow(_) => (StatusCode::REQUEST_TIMEOUT, "slow-body"),
        Refused::Broken(_) => (StatusCode::BAD_REQUEST, "broken-body"),
    };
    plain(app, asked, status, reason, &refused.to_string())
}

/// Something else than a decision: the API server's `failurePolicy` decides.
fn plain(app: &App, asked: &Asked, status: StatusCode, reason: &'static str, text: &str) -> Answer {
    let labels = ReviewLabels { decision: "error", reason, resource: "other", dry_run: "false" };
    app.metrics.reviews.get_or_create(&labels).inc();
    app.traces.tell(&asked.parent, Outcome::Undecided(reason), asked.since.elapsed());
    tracing::warn!(reason, status = status.as_u16(), "a review was not decided: {text}");
    let mut response = answer(status, TEXT, format!("meshwright-webhook: {text}\n"));
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// The trace that the API server carries on (W3C Trace Context, `traceparent`).
fn trace_id(headers: &HeaderMap) -> Option<String> {
    let parent = headers.get("traceparent")?.to_str().ok()?;
    let trace = parent.split('-').nth(1)?;
    (trace.len() == 32 && trace.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| trace.to_owned())
}

fn log(verdict: &Verdict, trace_id: Option<&str>) {
    let Verdict { uid, decision, reason, dry_run, operation, object, mesh, cluster, generation, .. } =
        verdict;
    // What is not logged is not evaluated.
    macro_rules! event {
        ($level:ident) => {
            tracing::$level!(
                request_uid = uid,
                decision,
                reason,
                rule = verdict.rules.join(",").as_str(),
                operation,
                object,
                mesh,
                cluster,
                generation,
                dry_run,
                trace_id,
                "review"
            )
        };
    }
    match *decision {
        "denied" => event!(info),
        "error" => event!(warn),
        _ => event!(debug),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trace_is_a_trace() {
        let trace = |text: &str| {
            let value = HeaderValue::from_str(text).unwrap();
            trace_id(&HeaderMap::from_iter([("traceparent".parse().unwrap(), value)]))
        };
        let id = "0af7651916cd43dd8448eb211c80319c";
        assert_eq!(trace(&format!("00-{id}-b7ad6b7169203331-01")).as_deref(), Some(id));
        for text in ["", "00", "00-x-y-z", "00-0af7651916cd43dd8448eb211c80319\"-b7ad6b7169203331-01"] {
            assert_eq!(trace(text), None);
        }
    }
}
