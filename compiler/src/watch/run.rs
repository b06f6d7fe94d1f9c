//! Rounds for ever.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use meshwright_policies::intent::Date;
use tokio::signal::unix::{SignalKind, signal};

use super::engine::Engine;
use super::files::{Files, Watched};
use super::origin::Origin;
use super::report::Reporter;
use super::serve::{self, Served};
use super::target::Target;
use super::{Schedule, Secrets, Shared, Statuses, Wake};
use crate::git::Stop;
use crate::source::commit::Repository;

/// Files have settled when nothing was announced for so long.
const SETTLED: Duration = Duration::from_millis(150);

/// Files that never settle are looked at after so long.
const RESTLESS: Duration = Duration::from_secs(3);

/// How long a checkout may take. A lock that is older was left behind.
const CHECKOUT: Duration = Duration::from_secs(30);

/// Shortest time from one look to the next that push events cause.
const APART: Duration = Duration::from_secs(1);

/// How often to look at files whose changes are not announced.
const UNANNOUNCED: Duration = Duration::from_secs(2);

/// The longest that a round may take before the loop counts as standing still.
const LONGEST_ROUND: Duration = Duration::from_secs(3600);

/// How long `git` has to end after it was killed.
const KILLED: Duration = Duration::from_secs(5);

/// How to watch.
#[derive(Debug)]
pub struct Settings {
    /// Time from one look to the next, when nothing is announced.
    pub interval: Duration,
    /// Where push events are received, and the secrets that they are signed by.
    pub events: Option<(SocketAddr, Secrets)>,
    /// Where health and metrics are served.
    pub observations: Option<SocketAddr>,
    /// Where commit statuses go.
    pub statuses: Option<Statuses>,
    /// How long a round may still take after the program is asked to end.
    pub stop_timeout: Duration,
    /// The day as of which intent is judged.
    pub today: fn() -> Date,
}

/// Why watching did not begin, or broke off.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// An address that cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// No runtime, or no signals.
    #[error("cannot {what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The loop is gone.
    #[error("the loop broke off")]
    Broken,
}

/// Watches until SIGTERM or SIGINT. A round that runs then may finish within [`Settings::stop_timeout`]; after that
/// `git` is ended and the round is given up, which leaves what is published as it was.
///
/// # Errors
/// An address cannot be listened on, or the system refuses.
pub fn run(engine: Engine, settings: Settings, stop: &Stop) -> Result<(), WatchError> {
    let system = |what| move |source| WatchError::System { what, source };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(system("start the runtime"))?;
    runtime.block_on(async {
        let (sender, wakes) = sync_channel(1);
        let shared = Arc::new(Shared::new(sender));
        let mut term = signal(SignalKind::terminate()).map_err(system("receive signals"))?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(system("receive signals"))?;
        if let Some((address, secrets)) = settings.events.clone() {
            let bound = start(address, Served::Events(secrets), &shared).await?;
            tracing::info!(listen = %bound, path = serve::EVENTS, "receiving push events");
        }
        if let Some(address) = settings.observations {
            let bound = start(address, Served::Observations, &shared).await?;
            tracing::info!(metrics_listen = %bound, "serving health and metrics");
        }
        let stop_timeout = settings.stop_timeout;
        let (ended, mut end) = tokio::sync::oneshot::channel::<()>();
        let its = Arc::clone(&shared);
        std::thread::spawn(move || {
            // Dropped at the end, and by a panic too.
            let ended = ended;
            Loop { engine, settings, shared: its, wakes }.turn();
            let _gone = ended.send(());
        });
        let signal = tokio::select! {
            _ = term.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            _ = &mut end => return Err(WatchError::Broken),
        };
        tracing::info!(signal, "leaving");
        shared.leave();
        if tokio::time::timeout(stop_timeout, &mut end).await.is_err() {
            tracing::warn!("the round is given up; what is published stays");
            stop.ask();
            let _killed = tokio::time::timeout(KILLED, &mut end).await;
        }
        Ok(())
    })
}

async fn start(address: SocketAddr, served: Served, shared: &Arc<Shared>) -> Result<SocketAddr, WatchError> {
    let listening = serve::listen(address, served, Arc::clone(shared)).await;
    let (bound, serving) = listening.map_err(|source| WatchError::Listen { address, source })?;
    tokio::spawn(serving);
    Ok(bound)
}

struct Loop {
    engine: Engine,
    settings: Settings,
    shared: Arc<Shared>,
    wakes: Receiver<Wake>,
}

impl Loop {
    fn turn(mut self) {
        let mut watched = files(self.engine.origin(), self.engine.target())
            .map(|files| Watched::new(files, self.shared.wake.clone()));
        let lock = index_lock(self.engine.origin());
        let mut schedule = Schedule::new(self.settings.interval);
        let mut reporter = Reporter::new(Arc::clone(&self.shared), self.settings.statuses.take());
        let (origin, target) = (self.engine.origin().shown(), self.engine.target().shown());
        tracing::info!(%origin, %target, interval = ?self.settings.interval, "watching");
        while !self.shared.is_leaving() {
            let start = Instant::now();
            self.shared.due_in(LONGEST_ROUND);
            if let Some(watched) = &mut watched {
                watched.renew();
            }
            self.wait_for_checkout(lock.as_deref());
            let shared = Arc::clone(&self.shared);
            let result = self.engine.round((self.settings.today)(), |pause| {
                std::thread::sleep(pause);
                !shared.is_leaving()
            });
            let failed = reporter.report(&self.engine, &result, start.elapsed());
            let mut pause = schedule.next(failed);
            if watched.as_ref().is_some_and(|watched| !watched.is_running())
                && matches!(self.engine.origin(), Origin::Directory(_))
            {
                pause = pause.min(UNANNOUNCED);
            }
            self.shared.due_in(pause + RESTLESS + CHECKOUT + APART);
            self.wait(pause, start);
        }
        // What was reported is sent before the end.
        reporter.finish();
    }

    /// Until something is announced and has settled, or the time has passed.
    fn wait(&self, pause: Duration, last: Instant) {
        match self.wakes.recv_timeout(pause) {
            Ok(Wake::Files) => {
                let begin = Instant::now();
                while begin.elapsed() < RESTLESS && !self.shared.is_leaving() {
                    if self.wakes.recv_timeout(SETTLED) == Err(RecvTimeoutError::Timeout) {
                        break;
                    }
                }
            }
            Ok(Wake::Pushed) => {
                if let Some(rest) = APART.checked_sub(last.elapsed()) {
                    std::thread::sleep(rest);
                }
                while self.wakes.try_recv().is_ok() {}
            }
            Ok(Wake::Stop) | Err(_) => {}
        }
    }

    /// Git holds this lock while it changes the work tree: what lies there is neither the old nor the new commit.
    fn wait_for_checkout(&self, lock: Option<&std::path::Path>) {
        let Some(lock) = lock else { return };
        let begin = Instant::now();
        while lock.exists() && !self.shared.is_leaving() {
            if begin.elapsed() > CHECKOUT {
                tracing::warn!(lock = %lock.display(), "a lock of Git stays; the directory is read all the same");
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// What to watch, of an origin on this machine.
fn files(origin: &Origin, target: &Target) -> Option<Files> {
    let absolute = |path: &std::path::Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match origin {
        Origin::Directory(root) => {
            let ignored = match target {
                Target::Directory(out) => vec![absolute(out)],
                Target::Branch(_) => Vec::new(),
            };
            Some(Files { root: absolute(root), ignored, skip_hidden: true })
        }
        Origin::Repository(local) => {
            let root = absolute(local.git.directory());
            let ignored = vec![root.join("objects"), root.join("index"), root.join("index.lock")];
            Some(Files { root, ignored, skip_hidden: false })
        }
        Origin::Remote(_) => None,
    }
}

/// The lock of the work tree that a directory is in, if it is in one.
fn index_lock(origin: &Origin) -> Option<PathBuf> {
    let Origin::Directory(root) = origin else { return None };
    let (repository, _) = Repository::around(root).ok()?;
    Some(repository.gix().git_dir().join("index.lock"))
}
