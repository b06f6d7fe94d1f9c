//! The declarations in force: from files or from an API server, replaced whole, never half.

mod objects;
mod read;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use meshwright_policies::declaration::MeshDeclaration;
use sha2::{Digest, Sha256};
use tokio::sync::watch as announce;

use crate::metrics::{MeshLabels, Metrics, ResultLabels};
use crate::watch::{self, Watch};

use objects::Objects;
pub use objects::{Object, Seen};
pub use read::ReadError;
use read::Source;

/// A declaration in force.
#[derive(Clone, Debug)]
pub struct Declared {
    /// What is declared.
    pub declaration: MeshDeclaration,
    /// When it came into force here.
    pub since: SystemTime,
}

/// All declarations at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// By name of the mesh.
    pub declared: Vec<Arc<Declared>>,
    /// Whether every file had content that could be read, once, and the API server was heard, once.
    pub synced: bool,
    /// What is refused now, and why.
    pub refused: Vec<String>,
}

/// Where declarations come from, and those in force.
#[derive(Debug)]
pub struct Store {
    paths: Vec<PathBuf>,
    known: Mutex<Known>,
    snapshot: ArcSwap<Snapshot>,
    changes: announce::Sender<u64>,
    metrics: Arc<Metrics>,
}

/// What is known of the sources.
#[derive(Debug, Default)]
struct Known {
    files: BTreeMap<PathBuf, File>,
    /// Of an API server, when one is watched.
    objects: Option<Objects>,
}

/// What is known of a file.
#[derive(Debug, Default)]
struct File {
    /// Of the content that was read last.
    digest: Option<[u8; 32]>,
    /// Of the last content that was good.
    good: Vec<Arc<Declared>>,
    /// Why the present content is refused.
    refused: Option<ReadError>,
}

impl Store {
    /// Reads the paths for the first time. What cannot be read is logged and leaves the store out of sync.
    #[must_use]
    pub fn open(paths: Vec<PathBuf>, metrics: Arc<Metrics>) -> Arc<Store> {
        let store = Store::new(paths, Known::default(), metrics);
        store.reload();
        store
    }

    /// Waits to hear what an API server holds.
    #[must_use]
    pub fn of_cluster(metrics: Arc<Metrics>) -> Arc<Store> {
        let objects = Some(Objects::default());
        Store::new(Vec::new(), Known { objects, ..Known::default() }, metrics)
    }

    fn new(paths: Vec<PathBuf>, known: Known, metrics: Arc<Metrics>) -> Arc<Store> {
        let snapshot = ArcSwap::from_pointee(Snapshot::default());
        let changes = announce::Sender::new(0);
        Arc::new(Store { paths, known: Mutex::new(known), snapshot, changes, metrics })
    }

    /// Whether its declarations are objects of an API server.
    #[must_use]
    pub fn watches_objects(&self) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).objects.is_some()
    }

    /// Takes what the API server holds, and nothing else.
    pub fn objects_are(&self, seen: Vec<Seen>) {
        self.learn(|objects| objects.are(seen));
    }

    /// Takes an object as it is now. A malformed one keeps its last good state in force.
    pub fn object_is(&self, seen: Seen) {
        self.learn(|objects| objects.is(seen));
    }

    /// Withdraws what an object declared.
    pub fn object_is_gone(&self, name: &str) {
        self.learn(|objects| objects.is_gone(name));
    }

    fn learn(&self, learn: impl FnOnce(&mut Objects) -> bool) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(objects) = &mut known.objects else { return };
        let refused = objects.refused();
        if !learn(objects) {
            return;
        }
        let result = if objects.refused() > refused { "refused" } else { "loaded" };
        self.metrics.declaration_reloads.get_or_create(&ResultLabels { result }).inc();
        self.publish(&known);
    }

    /// The objects of the API server.
    #[must_use]
    pub fn objects(&self) -> BTreeMap<String, Object> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.objects.as_ref().map(|objects| objects.by_name.clone()).unwrap_or_default()
    }

    /// Announces every change of what is in force or refused.
    #[must_use]
    pub fn changes(&self) -> announce::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The declarations in force.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Reloads whenever the files change, for as long as the watch is kept.
    #[must_use]
    pub fn watch(self: &Arc<Store>, poll: Duration) -> Watch {
        let store = Arc::clone(self);
        let directories = watch::directories(self.paths.iter().map(PathBuf::as_path));
        watch::watch(directories, poll, move || store.reload())
    }

    /// Sets the metrics that change with time alone.
    pub fn observe(&self, now: SystemTime) {
        for declared in &self.snapshot.load().declared {
            let age = now.duration_since(declared.since).unwrap_or_default();
            let mesh = declared.declaration.metadata.name.clone();
            self.metrics.age.get_or_create(&MeshLabels { mesh }).set(age.as_secs_f64());
        }
    }

    /// Reads what has changed. A file whose new content is refused keeps its declarations in force.
    pub fn reload(&self) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = false;
        for path in &self.paths {
            changed |= reload_path(path, &mut known.files, &self.metrics);
        }
        if changed || self.snapshot.load().declared.is_empty() {
            self.publish(&known);
        }
    }

    fn publish(&self, known: &Known) {
        let Known { files, objects } = known;
        let mut by_mesh = BTreeMap::new();
        for (name, object) in objects.iter().flat_map(|objects| &objects.by_name) {
            by_mesh.extend(object.good.iter().map(|good| (name.clone(), Arc::clone(good))));
        }
        for declared in files.values().flat_map(|file| &file.good) {
            by_mesh.insert(declared.declaration.metadata.name.clone(), Arc::clone(declared));
        }
        let reason = |(path, file): (&PathBuf, &File)| {
            file.refused.as_ref().map(|error| format!("`{}` {error}", path.display()))
        };
        let mut refused: Vec<String> = files.iter().filter_map(reason).collect();
        let malformed = objects.iter().flat_map(|objects| &objects.by_name);
        refused.extend(
            malformed.filter_map(|(name, object)| {
                object.refused.as_ref().map(|error| format!("`{name}` {error}"))
            }),
        );
        let never_read = files.values().any(|file| file.good.is_empty() && file.refused.is_some());
        // A malformed object alone keeps nobody from serving the others.
        let never_heard = objects.as_ref().is_some_and(|objects| !objects.synced);
        let synced = self.snapshot.load().synced || !(never_read || never_heard);
        self.metrics.declarations.set(i64::try_from(by_mesh.len()).unwrap_or(i64::MAX));
        self.metrics.refused_files.set(i64::try_from(refused.len()).unwrap_or(i64::MAX));
        self.metrics.generation.clear();
        self.metrics.age.clear();
        for (mesh, declared) in &by_mesh {
            if let Some(generation) = declared.declaration.metadata.generation {
                self.metrics.generation.get_or_create(&MeshLabels { mesh: mesh.clone() }).set(generation);
            }
        }
        self.snapshot.store(Arc::new(Snapshot {
            declared: by_mesh.into_values().collect(),
            synced,
            refused,
        }));
        self.changes.send_modify(|count| *count += 1);
    }
}

/// Reads the files at a path; whether anything is new.
fn reload_path(path: &Path, files: &mut BTreeMap<PathBuf, File>, metrics: &Metrics) -> bool {
    let found = match read::files(path) {
        Ok(found) => {
            if path.is_dir() {
                files.remove(path);
            }
            found
        }
        Err(error) => return refuse(path, files.entry(path.to_owned()).or_default(), error, metrics),
    };
    let gone: Vec<PathBuf> = files.keys().filter(|file| file.parent() == Some(path)).cloned().collect();
    let gone: Vec<PathBuf> = gone.into_iter().filter(|file| !found.contains_key(file)).collect();
    let mut changed = false;
    for file in gone {
        tracing::info!(file = %file.display(), "file of declarations is gone");
        files.remove(&file);
        changed = true;
    }
    for (file, source) in found {
        changed |= reload_file(&file, &source, files, metrics);
    }
    changed
}

fn reload_file(path: &Path, source: &Source, files: &mut BTreeMap<PathBuf, File>, metrics: &Metrics) -> bool {
    let bytes = match read::bytes(path) {
        Ok(bytes) => bytes,
        Err(error) => return refuse(path, files.entry(path.to_owned()).or_default(), error, metrics),
    };
    let digest: [u8; 32] = Sha256::digest(&bytes).into();
    let known = files.get(path);
    if known.is_some_and(|file| file.digest == Some(digest)) {
        return false;
    }
    let empty = match known {
        Some(file) if !file.good.is_empty() => Some(ReadError::Emptied),
        _ => source.named.then_some(ReadError::Empty),
    };
    let read = read::declarations(path, &bytes).and_then(|read| match (read.is_empty(), empty) {
        (true, Some(error)) => Err(error),
        _ => unrepeated(path, read, files),
    });
    let file = files.entry(path.to_owned()).or_default();
    let read = match read {
        Ok(read) => read,
        Err(error) => return refuse(path, file, error, metrics),
    };
    let since = SystemTime::now();
    for declaration in &read {
        let (mesh, cluster) = (&declaration.metadata.name, declaration.spec.cluster.name.as_str());
        let generation = declaration.metadata.generation;
        tracing::info!(file = %path.display(), mesh, cluster, generation, "declaration is in force");
        metrics.declaration_reloads.get_or_create(&ResultLabels { result: "loaded" }).inc();
    }
    let good = read.into_iter().map(|declaration| Arc::new(Declared { declaration, since })).collect();
    *file = File { digest: Some(digest), good, refused: None };
    true
}

/// A mesh is declared once, or no one could say which declaration holds.
fn unrepeated(
    path: &Path,
    read: Vec<MeshDeclaration>,
    files: &BTreeMap<PathBuf, File>,
) -> Result<Vec<MeshDeclaration>, ReadError> {
    for (index, declaration) in read.iter().enumerate() {
        let mesh = &declaration.metadata.name;
        let elsewhere = files
            .iter()
            .filter(|(other, _)| other.as_path() != path)
            .find(|(_, file)| file.good.iter().any(|declared| declared.declaration.metadata.name == *mesh));
        let before = read.iter().take(index).any(|earlier| earlier.metadata.name == *mesh);
        let other = elsewhere.map(|(other, _)| other.as_path()).or(before.then_some(path));
        if let Some(other) = other {
            return Err(ReadError::Repeated { mesh: mesh.clone(), other: other.display().to_string() });
        }
    }
    Ok(read)
}

/// Whether the refusal is new. The content is read again at the next occasion: another file may have been the reason.
fn refuse(path: &Path, file: &mut File, error: ReadError, metrics: &Metrics) -> bool {
    let known = file.refused.as_ref().is_some_and(|known| known.to_string() == error.to_string());
    file.digest = None;
    if !known {
        metrics.declaration_reloads.get_or_create(&ResultLabels { result: "refused" }).inc();
        let kept = file.good.len();
        tracing::error!(file = %path.display(), kept, "file of declarations {error}");
        file.refused = Some(error);
    }
    !known
}

#[cfg(test)]
mod tests;
