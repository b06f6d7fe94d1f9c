//! Watching files through their directories.
//!
//! A mounted Secret or ConfigMap changes by renaming the link `..data` beside its files (Kubernetes:
//! `pkg/volume/util/atomic_writer.go`), and an editor replaces a file by renaming another over it; a watch on the file
//! itself would end there. Behind the announced changes stands a slow poll, for file systems that announce nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How long changes are collected: a directory is rarely changed by one event.
const SETTLE: Duration = Duration::from_millis(100);

/// A running watch; it ends when this is dropped.
#[derive(Debug)]
pub struct Watch {
    task: JoinHandle<()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The directories in which the paths change: of a file its parent, of a directory itself.
#[must_use]
pub fn directories<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Vec<PathBuf> {
    let mut found = BTreeSet::new();
    for path in paths {
        if path.is_dir() {
            found.insert(path.to_owned());
        } else {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            found.insert(parent.unwrap_or(Path::new(".")).to_owned());
        }
    }
    found.into_iter().collect()
}

/// Calls `changed` after changes in the directories, and every `poll`; it must find out by itself what is new. It may
/// block: it runs where that is allowed. Has to be called within a Tokio runtime.
pub fn watch(directories: Vec<PathBuf>, poll: Duration, changed: impl Fn() + Send + Sync + 'static) -> Watch {
    let changed = std::sync::Arc::new(changed);
    let task = tokio::spawn(async move {
        let (sender, mut events) = mpsc::channel(1);
        let _watcher = announced(&directories, sender);
        let mut announced = true;
        loop {
            let event = async { if announced { events.recv().await } else { std::future::pending().await } };
            tokio::select! {
                event = event => {
                    announced = event.is_some();
                    tokio::time::sleep(SETTLE).await;
                    while events.try_recv().is_ok() {}
                }
                () = tokio::time::sleep(poll.max(SETTLE)) => {}
            }
            let changed = std::sync::Arc::clone(&changed);
            if let Err(error) = tokio::task::spawn_blocking(move || changed()).await {
                tracing::error!(%error, "reading watched files failed");
            }
        }
    });
    Watch { task }
}

/// The announcements; `None` leaves the poll alone.
fn announced(directories: &[PathBuf], sender: mpsc::Sender<()>) -> Option<RecommendedWatcher> {
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading a file is an event too; it must not cause the next reading. A lost event (`Rescan`) and an error may
        // hide a change, so they count.
        let reading = |kind: &EventKind| matches!(kind, EventKind::Access(access) if *access != AccessKind::Close(AccessMode::Write));
        if !event.is_ok_and(|event| reading(&event.kind)) {
            // A full channel already holds the news.
            let _full = sender.try_send(());
        }
    });
    let mut watcher = match watcher {
        Ok(watcher) => watcher,
        Err(error) => {
            tracing::warn!(%error, "changes of files are found by polling alone");
            return None;
        }
    };
    for directory in directories {
        if let Err(error) = watcher.watch(directory, RecursiveMode::NonRecursive) {
            let directory = directory.display();
            tracing::warn!(%error, %directory, "changes in a directory are found by polling alone");
        }
    }
    Some(watcher)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_file_is_watched_through_its_parent() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.yaml");
        let paths = [file.as_path(), directory.path()];
        assert_eq!(directories(paths), [directory.path()]);
        assert_eq!(directories([Path::new("a.yaml")]), [Path::new(".")]);
    }

    #[tokio::test]
    async fn a_link_swap_is_announced_every_time_and_reading_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path().to_owned();
        let count = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&count);
        let file = at.join("a");
        std::fs::write(&file, "0").unwrap();
        let reads = file.clone();
        let _watch = watch(vec![at.clone()], Duration::from_secs(3600), move || {
            let _ = std::fs::read(&reads);
            seen.fetch_add(1, Ordering::SeqCst);
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        for swap in 1..=3 {
            let before = count.load(Ordering::SeqCst);
            std::os::unix::fs::symlink(format!("v{swap}"), at.join("..tmp")).unwrap();
            std::fs::rename(at.join("..tmp"), at.join("..data")).unwrap();
            for _ in 0..100 {
                if count.load(Ordering::SeqCst) > before {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            assert!(count.load(Ordering::SeqCst) > before, "swap {swap} went unseen");
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        let settled = count.load(Ordering::SeqCst);
        assert!(settled <= 6, "{settled} readings for 3 swaps");
    }
}
