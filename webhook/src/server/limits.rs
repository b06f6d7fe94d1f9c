//! What clients may use: reviews at once, bytes, time.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::BoxError;
use axum::body::{Bytes, HttpBody};
use axum::http::{HeaderMap, Request, header};
use http_body_util::{BodyExt, Limited};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bounds. Each has an answer of its own when it is reached, so that nobody has to guess which it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once; more wait in the kernel's queue.
    pub connections: u32,
    /// Reviews at once; more are answered 429, with `Retry-After`, on which an API server asks again within its
    /// timeout (Kubernetes: `k8s.io/client-go/rest/with_retry.go`).
    pub reviews: u32,
    /// Bytes of a review; more is answered 413. An API server takes 3 MiB (`k8s.io/apiserver/pkg/server/config.go`,
    /// `MaxRequestBodyBytes`), and the review of an update holds the object twice.
    pub body: u32,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For the headers of a request.
    pub header: Duration,
    /// For its body; slower is answered 408.
    pub body_time: Duration,
    /// For a decision; slower is answered 503.
    pub evaluation: Duration,
    /// For a connection between requests.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 512,
            reviews: 64,
            body: 8 * 1024 * 1024,
            handshake: Duration::from_secs(5),
            header: Duration::from_secs(5),
            body_time: Duration::from_secs(10),
            evaluation: Duration::from_secs(2),
            idle: Duration::from_secs(120),
        }
    }
}

/// A body on its way.
pub(super) trait Received: HttpBody<Data = Bytes, Error: Into<BoxError>> + Unpin {}

impl<B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Unpin> Received for B {}

/// How many bodies of full size may wait in memory.
const FULL_BODIES: u32 = 8;

/// Counts reviews, and bytes that have arrived for them. What has not arrived takes no place: slow clients keep nobody out.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    reviews: Arc<Semaphore>,
    kibibytes: Arc<Semaphore>,
    limits: Limits,
}

/// A place among the reviews, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _review: OwnedSemaphorePermit,
    _kibibytes: Option<OwnedSemaphorePermit>,
}

/// Why a review is not decided.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("{0} reviews are being decided, and that is the limit; try again")]
    Reviews(u32),
    #[error("the reviews being decided fill the memory set aside for them; try again")]
    Memory,
    #[error("a review may have {0} bytes; this one has more")]
    TooLarge(u32),
    #[error("the body did not arrive within {0:?}")]
    Slow(Duration),
    #[error("the body broke off: {0}")]
    Broken(String),
}

impl Gate {
    pub(super) fn new(limits: Limits) -> Gate {
        let kibibytes = kibibytes(limits.body as usize).saturating_mul(FULL_BODIES);
        let semaphore = |permits: u32| Arc::new(Semaphore::new(permits as usize));
        Gate { reviews: semaphore(limits.reviews), kibibytes: semaphore(kibibytes), limits }
    }

    /// The body of a request, and a place for it.
    pub(super) async fn enter(&self, request: Request<impl Received>) -> Result<(Bytes, Place), Refused> {
        let announced = too_large(request.headers(), self.limits.body);
        let mut body = request.into_body();
        let collected = if announced {
            Err(Refused::TooLarge(self.limits.body))
        } else {
            self.collect_in_time(&mut body).await
        };
        let (bytes, kibibytes) = match collected {
            Ok(collected) => collected,
            Err(refused) => {
                if matches!(refused, Refused::TooLarge(_) | Refused::Memory) {
                    self.discard(body).await;
                }
                return Err(refused);
            }
        };
        let review = Arc::clone(&self.reviews).try_acquire_owned();
        let review = review.map_err(|_| Refused::Reviews(self.limits.reviews))?;
        Ok((bytes, Place { _review: review, _kibibytes: kibibytes }))
    }

    /// A body that has arrived needs no timer: it is there when it is asked for the second time, since the first time is what
    /// makes a connection read it.
    async fn collect_in_time(
        &self,
        body: &mut impl Received,
    ) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Refused> {
        let mut collect = std::pin::pin!(self.collect(body));
        let mut asked = 0;
        let arrived = std::future::poll_fn(|context| match collect.as_mut().poll(context) {
            Poll::Ready(collected) => Poll::Ready(Some(collected)),
            Poll::Pending if asked == 0 => {
                asked = 1;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Pending => Poll::Ready(None),
        });
        if let Some(collected) = arrived.await {
            return collected;
        }
        let collected = tokio::time::timeout(self.limits.body_time, collect).await;
        collected.unwrap_or(Err(Refused::Slow(self.limits.body_time)))
    }

    async fn collect(
        &self,
        body: &mut impl Received,
    ) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Refused> {
        // Most bodies come in one piece, which is taken as it is.
        let mut first = Bytes::new();
        let mut all = Vec::new();
        let mut held: Option<OwnedSemaphorePermit> = None;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Refused::Broken(error.into().to_string()))?;
            let Ok(data) = frame.into_data() else { continue };
            let length = first.len().max(all.len()).saturating_add(data.len());
            if length > self.limits.body as usize {
                return Err(Refused::TooLarge(self.limits.body));
            }
            let has = held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
            let needs = kibibytes(length).saturating_sub(u32::try_from(has).unwrap_or(u32::MAX));
            let more = Arc::clone(&self.kibibytes).try_acquire_many_owned(needs);
            let more = more.map_err(|_| Refused::Memory)?;
            match held.as_mut() {
                Some(held) => held.merge(more),
                None => held = Some(more),
            }
            if first.is_empty() {
                first = data;
            } else {
                if all.is_empty() {
                    all.extend_from_slice(&first);
                }
                all.extend_from_slice(&data);
            }
            // Whoever announced the length has sent it: the end need not be waited for.
            if body.is_end_stream() {
                break;
            }
        }
        Ok((if all.is_empty() { first } else { all.into() }, held))
    }

    /// Reads a body that will not be used, as far as is reasonable: a client that is still sending when the connection is
    /// closed would not read the answer.
    async fn discard(&self, body: impl Received) {
        let most = (self.limits.body as usize).saturating_mul(2);
        let mut body = Limited::new(body, most);
        let all = async { while let Some(Ok(_)) = body.frame().await {} };
        let _cut_off = tokio::time::timeout(self.limits.body_time, all).await;
    }
}

/// Whether the headers announce more than the limit.
fn too_large(headers: &HeaderMap, limit: u32) -> bool {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    announced.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > u64::from(limit))
}

fn kibibytes(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::HeaderValue;

    use super::*;

    fn gate(reviews: u32) -> Gate {
        let body_time = Duration::from_millis(100);
        Gate::new(Limits { reviews, body: 2048, body_time, ..Limits::default() })
    }

    fn request(bytes: usize) -> Request<Body> {
        Request::new(Body::from(vec![0; bytes]))
    }

    #[tokio::test]
    async fn places_come_back() {
        let gate = gate(1);
        let place = gate.enter(request(10)).await.unwrap();
        assert_eq!(gate.enter(request(10)).await.unwrap_err(), Refused::Reviews(1));
        drop(place);
        assert_eq!(gate.enter(request(10)).await.unwrap().0.len(), 10);
    }

    #[tokio::test]
    async fn memory_is_counted_as_it_is_used() {
        let gate = gate(100);
        let mut full = Vec::new();
        for _ in 0..FULL_BODIES {
            full.push(gate.enter(request(2048)).await.unwrap());
        }
        assert_eq!(gate.enter(request(1)).await.unwrap_err(), Refused::Memory);
        drop(full);
        assert!(gate.enter(request(2048)).await.is_ok());
        assert_eq!(gate.kibibytes.available_permits(), 16);
    }

    #[tokio::test]
    async fn what_is_too_large_is_refused_whatever_it_announces() {
        for (announced, bytes) in [("2049", 0), ("18446744073709551615", 0), ("10", 2049), ("x", 2049)] {
            let mut request = request(bytes);
            request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static(announced));
            assert_eq!(gate(1).enter(request).await.unwrap_err(), Refused::TooLarge(2048), "{announced}");
        }
        assert!(gate(1).enter(request(2048)).await.is_ok());
    }
}
