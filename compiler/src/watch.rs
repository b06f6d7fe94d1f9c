//! Keeping output up to date with intent: a directory or a branch, from a directory, a repository, or one elsewhere.
//!
//! [`Engine::round`] is one look, with everything that follows from it; [`run`] is rounds for ever, when something is
//! announced or an interval has passed. Announcements are hints: what counts is what a round reads. A round that fails, or
//! that is ended, leaves what is published as it was.

mod engine;
mod event;
mod files;
mod metrics;
mod origin;
mod report;
mod run;
mod schedule;
mod serve;
mod status;
mod target;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

pub use engine::{Allowed, Engine, Failure, Obstacle, Outcome, PassedOver, Round, RoundError};
pub use event::{SecretError, Secrets};
pub use metrics::Metrics;
pub use origin::{At, Head, Local, Origin, OriginError, Remote};
pub use run::{Settings, WatchError, run};
pub use schedule::Schedule;
pub use serve::EVENTS;
pub use status::{Forge, State, StatusError, Statuses, Token};
pub use target::{Target, TargetError, Written};

/// Why to look again before the interval has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wake {
    /// Files changed.
    Files,
    /// A code host says that something was pushed.
    Pushed,
    /// The program is to end.
    Stop,
}

/// What the loop and those who ask about it share.
#[derive(Debug)]
struct Shared {
    metrics: Metrics,
    wake: SyncSender<Wake>,
    /// Whether a first look came to an end.
    looked: AtomicBool,
    leaving: AtomicBool,
    /// Until when the loop has to have moved on.
    due: Mutex<Instant>,
}

impl Shared {
    fn new(wake: SyncSender<Wake>) -> Shared {
        Shared {
            metrics: Metrics::new(),
            wake,
            looked: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            due: Mutex::new(Instant::now() + Duration::from_secs(3600)),
        }
    }

    fn wake(&self, why: Wake) {
        // A full channel already holds a reason to look.
        let _full = self.wake.try_send(why);
    }

    fn pushed(&self) {
        self.wake(Wake::Pushed);
    }

    /// Says that the loop will move on within this time.
    fn due_in(&self, time: Duration) {
        *self.due.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Instant::now() + time;
    }

    fn is_alive(&self) -> bool {
        Instant::now() <= *self.due.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn leave(&self) {
        self.leaving.store(true, Ordering::SeqCst);
        self.wake(Wake::Stop);
    }

    fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::SeqCst)
    }

    fn not_ready(&self) -> Option<&'static str> {
        if self.is_leaving() {
            Some("leaving")
        } else if !self.looked.load(Ordering::SeqCst) {
            Some("the intent and what is published have not been read yet")
        } else {
            None
        }
    }
}
