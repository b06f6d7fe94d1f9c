//! When to look again: an interval with jitter, and longer and longer pauses while the other side fails.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// The first pause after a failure; it doubles.
const FIRST: Duration = Duration::from_secs(1);

/// The longest pause after failures, unless the interval is longer.
const LONGEST: Duration = Duration::from_secs(300);

/// When to look again.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    interval: Duration,
    failures: u32,
}

impl Schedule {
    /// A look every `interval`.
    #[must_use]
    pub fn new(interval: Duration) -> Schedule {
        Schedule { interval, failures: 0 }
    }

    /// The pause after a look that went well, or did not.
    pub fn next(&mut self, failed: bool) -> Duration {
        self.failures = if failed { self.failures.saturating_add(1) } else { 0 };
        self.pause(random())
    }

    /// `random` is from 0 to 1: many watchers that were started together shall not ask together.
    fn pause(&self, random: f64) -> Duration {
        let pause = match self.failures {
            0 => self.interval,
            n => FIRST.saturating_mul(1 << (n - 1).min(16)).min(LONGEST.max(self.interval)),
        };
        pause.mul_f64(0.9 + 0.2 * random)
    }
}

/// From 0 to 1: the standard library seeds its hash maps by the system's randomness.
fn random() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 11;
    // 53 bits are what a float holds exactly.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    let fraction = bits as f64 / (1_u64 << 53) as f64;
    fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_asked_about_less_and_less_often() {
        let mut schedule = Schedule::new(Duration::from_secs(60));
        let mut pauses = Vec::new();
        for failures in 0..12 {
            schedule.failures = failures;
            pauses.push(schedule.pause(0.5).as_secs());
        }
        assert_eq!(pauses, [60, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        schedule.failures = u32::MAX;
        assert_eq!(schedule.pause(0.5).as_secs(), 300);
        let pause = schedule.next(false).as_secs_f64();
        assert!((54.0..=66.0).contains(&pause), "{pause}");
        assert!(Schedule::new(Duration::from_secs(3600)).next(false).as_secs() >= 3240);
    }

    #[test]
    fn pauses_differ() {
        let mut schedule = Schedule::new(Duration::from_secs(60));
        let pauses: std::collections::BTreeSet<Duration> = (0..20).map(|_| schedule.next(false)).collect();
        assert!(pauses.len() > 10, "{pauses:?}");
    }
}
