//! Announced changes of files: hints that it is worth to look, never what is believed.

use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::Wake;

/// What is watched.
#[derive(Clone, Debug)]
pub(super) struct Files {
    /// A directory or file, which may be replaced by another one of its name.
    pub(super) root: PathBuf,
    /// What is written here is no news.
    pub(super) ignored: Vec<PathBuf>,
    /// Whether names with a leading dot are no news.
    pub(super) skip_hidden: bool,
}

/// A running watch.
#[derive(Debug)]
pub(super) struct Watched {
    files: Files,
    wake: SyncSender<Wake>,
    watcher: Option<RecommendedWatcher>,
    /// Device and number of the root while it was watched.
    identity: Option<(u64, u64)>,
}

impl Files {
    /// Whether an event is news. An event without paths says that others were lost.
    fn is_news(&self, event: &Event) -> bool {
        if let EventKind::Access(access) = event.kind
            && access != AccessKind::Close(AccessMode::Write)
        {
            return false;
        }
        event.need_rescan() || event.paths.is_empty() || event.paths.iter().any(|path| self.concerns(path))
    }

    fn concerns(&self, path: &Path) -> bool {
        let Ok(inside) = path.strip_prefix(&self.root) else { return false };
        if self.ignored.iter().any(|ignored| path.starts_with(ignored)) {
            return false;
        }
        let hidden = |part: std::path::Component<'_>| part.as_os_str().to_string_lossy().starts_with('.');
        !(self.skip_hidden && inside.components().any(hidden))
    }
}

impl Watched {
    pub(super) fn new(files: Files, wake: SyncSender<Wake>) -> Watched {
        let mut watched = Watched { files, wake, watcher: None, identity: None };
        watched.renew();
        watched
    }

    /// Whether changes are announced. If not, only looking helps.
    pub(super) fn is_running(&self) -> bool {
        self.watcher.is_some()
    }

    /// Starts again if the root is another one than was watched: a checkout, or an editor, replaced it.
    pub(super) fn renew(&mut self) {
        let identity = identity(&self.files.root);
        if self.watcher.is_some() && identity == self.identity {
            return;
        }
        self.identity = identity;
        self.watcher = match self.start() {
            Ok(watcher) => Some(watcher),
            Err(error) => {
                let root = self.files.root.display();
                tracing::warn!(%error, %root, "changes are not announced, and found by looking alone");
                None
            }
        };
    }

    fn start(&self) -> notify::Result<RecommendedWatcher> {
        let (files, wake) = (self.files.clone(), self.wake.clone());
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // An error may hide a change. A full channel already holds the news.
            if event.is_err() || event.is_ok_and(|event| files.is_news(&event)) {
                let _full = wake.try_send(Wake::Files);
            }
        })?;
        watcher.watch(&self.files.root, RecursiveMode::Recursive)?;
        // The root's own name is in the directory around it.
        if let Some(around) = self.files.root.parent() {
            watcher.watch(around, RecursiveMode::NonRecursive)?;
        }
        Ok(watcher)
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|_| (0, 0))
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, Flag, ModifyKind, RenameMode};

    use super::*;

    fn news(kind: EventKind, path: &str) -> bool {
        let files = Files {
            root: PathBuf::from("/r/intent"),
            ignored: vec![PathBuf::from("/r/intent/rendered")],
            skip_hidden: true,
        };
        files.is_news(&Event::new(kind).add_path(PathBuf::from(path)))
    }

    #[test]
    fn what_is_written_counts_and_what_is_read_does_not() {
        let create = EventKind::Create(CreateKind::File);
        assert!(news(create, "/r/intent/a.yaml") && news(create, "/r/intent"));
        assert!(news(EventKind::Modify(ModifyKind::Name(RenameMode::To)), "/r/intent/clusters"));
        assert!(news(EventKind::Access(AccessKind::Close(AccessMode::Write)), "/r/intent/a.yaml"));
        assert!(!news(EventKind::Access(AccessKind::Read), "/r/intent/a.yaml"));
        assert!(!news(create, "/r/intent/rendered/a.yaml"), "our own output");
        assert!(!news(create, "/r/intent/.git/index") && !news(create, "/r/intent/.a.yaml.swp"));
        assert!(!news(create, "/r/other"));
    }

    #[test]
    fn lost_events_count() {
        let files = Files { root: PathBuf::from("/r"), ignored: Vec::new(), skip_hidden: true };
        assert!(files.is_news(&Event::new(EventKind::Other).set_flag(Flag::Rescan)));
    }
}
