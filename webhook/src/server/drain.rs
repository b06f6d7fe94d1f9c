//! Leaving without a failed request.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Where the program stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Serving.
    Serving,
    /// Still serving, but not ready, and every answer closes its connection: clients go elsewhere.
    Leaving,
    /// No new connections; what was asked is answered.
    Stopped,
}

/// How long a silent connection may still bring a request after [`Phase::Stopped`]: one that was on its way.
pub(super) const LINGER: Duration = Duration::from_millis(500);

/// Moves from phase to phase.
#[derive(Clone, Debug)]
pub struct Drain(watch::Sender<Phase>);

impl Default for Drain {
    fn default() -> Drain {
        Drain(watch::Sender::new(Phase::Serving))
    }
}

impl Drain {
    /// Where the program stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Leaves, and stops after the delay.
    pub async fn leave(&self, delay: Duration) {
        self.advance(Phase::Leaving);
        tokio::time::sleep(delay).await;
        self.advance(Phase::Stopped);
    }

    /// Ends when the phase is reached.
    pub async fn reached(&self, phase: Phase) {
        // The sender lives in `self`, so waiting does not fail.
        let mut phases = self.0.subscribe();
        let _reached = phases.wait_for(|now| *now >= phase).await;
    }

    fn advance(&self, phase: Phase) {
        self.0.send_if_modified(|now| {
            let forward = phase > *now;
            if forward {
                *now = phase;
            }
            forward
        });
    }
}

/// Ends at SIGTERM or SIGINT.
///
/// # Errors
/// When signals cannot be received.
pub async fn asked_to_stop() -> std::io::Result<&'static str> {
    let mut term = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = term.recv() => Ok("SIGTERM"),
        _ = interrupt.recv() => Ok("SIGINT"),
    }
}
