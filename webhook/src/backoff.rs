//! Times between attempts: longer after each failure, and never the same for all replicas.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// Doubles up to a limit.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    first: Duration,
    limit: Duration,
    now: Duration,
}

impl Backoff {
    /// From the first time to the limit.
    #[must_use]
    pub fn new(first: Duration, limit: Duration) -> Backoff {
        Backoff { first, limit, now: first }
    }

    /// After a success.
    pub fn reset(&mut self) {
        self.now = self.first;
    }

    /// The time until the next attempt.
    pub fn after_failure(&mut self) -> Duration {
        let time = self.now.min(self.limit);
        self.now = (self.now * 2).min(self.limit);
        self.spread(time)
    }

    /// Between three and five quarters of a time.
    #[must_use]
    pub fn spread(&self, time: Duration) -> Duration {
        // Keys of a hash table are random; nothing here needs better.
        let random = RandomState::new().build_hasher().finish() % 1024;
        let random = u32::try_from(random).unwrap_or(0);
        time * 3 / 4 + time * random / 2048
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_double_up_to_the_limit_and_differ() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(8));
        let around = |time: Duration, seconds: u64| {
            let expected = Duration::from_secs(seconds);
            assert!(time >= expected * 3 / 4 && time <= expected * 5 / 4, "{time:?} for {seconds} s");
        };
        for seconds in [1, 2, 4, 8, 8, 8] {
            around(backoff.after_failure(), seconds);
        }
        backoff.reset();
        around(backoff.after_failure(), 1);
        let times: std::collections::BTreeSet<Duration> =
            (0..20).map(|_| backoff.spread(Duration::from_secs(8))).collect();
        assert!(times.len() > 10);
    }
}
