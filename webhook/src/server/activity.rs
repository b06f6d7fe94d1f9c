//! What a connection is doing, and since when, so that a slow client does not keep its place.
//!
//! hyper's own timeout for headers also counts the silence between requests. An API server keeps connections for 90 s
//! (Kubernetes: `k8s.io/apimachinery/pkg/util/net/http.go`, `SetTransportDefaults`), and a server that hangs up earlier
//! meets requests on their way; so silence and slow headers have a time each here.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// Sending headers.
    Headers,
    /// Having a request answered, which has its own bounds.
    Request,
    /// Nothing, after an answer.
    Idle,
}

/// What was too slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TooSlow {
    /// Headers.
    Headers,
    /// The next request.
    Idle,
}

impl TooSlow {
    /// As a label.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            TooSlow::Headers => "headers",
            TooSlow::Idle => "idle",
        }
    }
}

/// Shared by a connection's stream, its service and its watchdog.
#[derive(Clone, Debug)]
pub(super) struct Activity(Arc<Mutex<(Doing, Instant)>>);

impl Activity {
    /// A connection that has to send headers now.
    pub(super) fn new() -> Activity {
        Activity(Arc::new(Mutex::new((Doing::Headers, Instant::now()))))
    }

    fn get(&self) -> (Doing, Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, doing: Doing) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (doing, Instant::now());
    }

    /// Headers are complete.
    pub(super) fn request(&self) {
        self.set(Doing::Request);
    }

    /// The answer is ready.
    pub(super) fn answered(&self) {
        self.set(Doing::Idle);
    }

    /// Whether it was silent for that long.
    pub(super) fn silent_for(&self, time: Duration) -> bool {
        let (doing, since) = self.get();
        doing == Doing::Idle && since.elapsed() >= time
    }

    fn received(&self) {
        if self.get().0 == Doing::Idle {
            self.set(Doing::Headers);
        }
    }

    /// Ends when the connection was too slow; at most twice as late as allowed.
    pub(super) async fn too_slow(&self, headers: Duration, idle: Duration) -> TooSlow {
        loop {
            let (doing, since) = self.get();
            let (allowed, verdict) = match doing {
                Doing::Headers => (headers, TooSlow::Headers),
                Doing::Idle => (idle, TooSlow::Idle),
                Doing::Request => {
                    tokio::time::sleep(headers.max(Duration::from_millis(10))).await;
                    continue;
                }
            };
            let left = allowed.saturating_sub(since.elapsed());
            if left.is_zero() {
                return verdict;
            }
            tokio::time::sleep(left.min(headers).max(Duration::from_millis(1))).await;
        }
    }
}

/// A stream that tells when the first byte of a request arrives.
#[derive(Debug)]
pub(super) struct Watched<S> {
    pub(super) stream: S,
    pub(super) activity: Activity,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.received();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADERS: Duration = Duration::from_millis(40);
    const IDLE: Duration = Duration::from_millis(400);

    #[tokio::test]
    async fn silence_and_slow_headers_have_a_time_each() {
        let activity = Activity::new();
        assert_eq!(activity.too_slow(HEADERS, IDLE).await, TooSlow::Headers);
        activity.answered();
        let start = Instant::now();
        assert_eq!(activity.too_slow(HEADERS, IDLE).await, TooSlow::Idle);
        assert!(start.elapsed() >= IDLE);
        activity.answered();
        activity.received();
        let start = Instant::now();
        assert_eq!(activity.too_slow(HEADERS, IDLE).await, TooSlow::Headers);
        assert!(start.elapsed() < IDLE);
    }

    #[tokio::test]
    async fn a_request_is_not_slow() {
        let activity = Activity::new();
        activity.request();
        activity.received();
        let verdict = tokio::time::timeout(4 * HEADERS, activity.too_slow(HEADERS, IDLE)).await;
        assert!(verdict.is_err());
    }
}
