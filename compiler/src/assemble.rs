//! Rendered objects to files: one object per file, a `kustomization.yaml` per root.
//!
//! The bytes depend on the objects alone, not on where in the intent they come from or on when and by which version they
//! were rendered: one commit must not touch the files of clusters that it does not change.

mod identity;
mod names;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;

use meshwright_policies::assembly::OBJECT_RENDERED_TWICE;
use meshwright_policies::finding::{self, Finding};
use meshwright_policies::mesh::Fleet;
use meshwright_policies::names::ClusterName;
use serde_json::json;

use crate::artefact::{Objects, Output, Rendered, Root};
use crate::artefacts::carried;
use crate::decorate::{Agents, decorate};
use crate::destination::{Destination, destinations};
use crate::object::Object;
use crate::publish::{Content, PathError, RelativePath, Tree, TreeError};
use crate::stage::Stage;
use crate::threads::processors;
use crate::yaml::append_yaml;

use identity::Place;
pub(crate) use names::{digest, label_sized};

const HEADER: &str = "# Rendered by meshwright from the declared intent: change the intent, not this file.\n";

/// What GitHub and GitLab fold in a diff. Bytes are kept as they are on every system: the manifest holds their digests.
const GIT_ATTRIBUTES: &str = "\
# Rendered by meshwright from the declared intent: change the intent, not this file.
.meshwright/** -text linguist-generated=true
argocd/** -text linguist-generated=true
clusters/** -text linguist-generated=true
crds/** -text linguist-generated=true
PLAN.md -text linguist-generated=true
";

/// Fewer objects than this are not worth a second thread.
const OBJECTS_PER_THREAD: usize = 256;

/// Where a rendered object comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Name of the artefact that made it.
    pub artefact: &'static str,
    /// The root that it is in.
    pub root: Root,
}

impl Origin {
    fn of(root: &Root, rendered: &Rendered) -> Origin {
        Origin { artefact: rendered.artefact, root: root.clone() }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` in `{}/`", self.artefact, self.root.directory())
    }
}

/// Why rendered objects do not make a tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssembleError {
    /// One object of one API server comes from two places.
    #[error("`{object}`{} is rendered twice for one API server: by {first}, and by {second}", of_group(.group))]
    RenderedTwice {
        /// `Kind/namespace/name` or `Kind/name`.
        object: String,
        /// Its API group; empty for the core group.
        group: String,
        /// The one place.
        first: Origin,
        /// The other.
        second: Origin,
        /// The cluster's document, or the mesh's where the API server is none of a declared cluster.
        place: finding::Place,
    },
    /// A file has a name that is not portable.
    #[error(transparent)]
    Path(#[from] PathError),
    /// Two files collide.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

fn of_group(group: &str) -> String {
    if group.is_empty() { String::new() } else { format!(" of {group}") }
}

impl AssembleError {
    /// The error as a finding.
    #[must_use]
    pub fn finding(&self) -> Finding {
        let finding = |place: finding::Place| OBJECT_RENDERED_TWICE.at(place, self.to_string());
        match self {
            AssembleError::RenderedTwice { object, first, second, place, .. } => {
                let mut finding = finding(place.clone());
                finding.cluster = second.root.cluster().map(ToString::to_string);
                finding.object(object.clone()).help(
                    if second.artefact == carried::NAME || first.artefact == carried::NAME {
                        "take it out of the manifests: the intent renders it, with what it declares"
                    } else {
                        "rename one of the two in the intent, so that each object has one owner"
                    },
                )
            }
            AssembleError::Path(_) | AssembleError::Tree(_) => finding(finding::Place::unknown())
                .help("rename one of the two in the intent, so that each object has one file"),
        }
    }
}

/// The files of everything that was rendered for `fleet`.
///
/// # Errors
/// Every object that is rendered twice, or every file that cannot be part of a tree.
pub fn assemble(fleet: &Fleet, output: Output) -> Result<Tree, Vec<AssembleError>> {
    let assembly = assemble_beside(fleet, output, None)?;
    let mut tree = Tree::new();
    let files = assembly.into_files();
    let errors: Vec<AssembleError> = files
        .filter_map(|(path, content)| tree.insert_content(path, content).err())
        .map(Into::into)
        .collect();
    if errors.is_empty() { Ok(tree) } else { Err(errors) }
}

/// A file with its content, which may be shared.
pub(crate) type File = (RelativePath, Arc<Content>);

/// What an output was made into, root by root.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    /// The roots.
    pub(crate) roots: BTreeMap<Root, WrittenRoot>,
    /// The files of no root, by path.
    pub(crate) others: Vec<File>,
}

/// A root and its files.
#[derive(Debug, Default)]
pub(crate) struct WrittenRoot {
    place: Place,
    agents: Agents,
    /// What the files were made of; empty unless it was to be kept.
    pub(crate) objects: Vec<Arc<Rendered>>,
    /// The file of each object in `files`.
    places: Vec<usize>,
    /// The files.
    pub(crate) files: Vec<File>,
}

impl Assembly {
    /// Every file, root by root.
    pub(crate) fn files(&self) -> impl Iterator<Item = &File> {
        self.roots.values().flat_map(|root| &root.files).chain(&self.others)
    }

    fn into_files(self) -> impl Iterator<Item = File> {
        self.roots.into_values().flat_map(|root| root.files).chain(self.others)
    }
}

/// [`assemble`] before it becomes a tree. With an earlier assembly, the files of objects that did not change are taken from
/// there, and the objects are kept for the next time.
pub(crate) fn assemble_beside(
    fleet: &Fleet,
    output: Output,
    earlier: Option<&Assembly>,
) -> Result<Assembly, Vec<AssembleError>> {
    let destinations = destinations(fleet);
    let (objects, files) = output.into_parts();
    let twice = identity::rendered_twice(fleet, &objects, &destinations, earlier);
    if !twice.is_empty() {
        return Err(twice);
    }
    let attributes = (".gitattributes".to_owned(), GIT_ATTRIBUTES.as_bytes().to_vec());
    // An empty tree stays empty: it is refused when it is written.
    let attributes = (!objects.is_empty() || !files.is_empty()).then_some(attributes);
    let (roots, mut errors) = write_roots(objects, &destinations, earlier);
    let mut others = Vec::new();
    for (path, bytes) in files.into_iter().chain(attributes) {
        match RelativePath::new(path) {
            Ok(path) => {
                let known = |earlier: &Assembly| {
                    let old =
                        earlier.others.iter().find(|(known, old)| *known == path && old.bytes() == bytes);
                    old.map(|(_, content)| Arc::clone(content))
                };
                let content = earlier.and_then(known).unwrap_or_else(|| Arc::new(Content::new(bytes)));
                others.push((path, content));
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(Assembly { roots, others })
    } else {
        Err(errors.into_iter().map(AssembleError::from).collect())
    }
}

/// Writes the roots on as many threads as help. The result does not depend on how many there are.
fn write_roots(
    objects: Objects,
    destinations: &BTreeMap<ClusterName, Destination<'_>>,
    earlier: Option<&Assembly>,
) -> (BTreeMap<Root, WrittenRoot>, Vec<PathError>) {
    let count: usize = objects.values().map(Vec::len).sum();
    let threads = processors().min(count / OBJECTS_PER_THREAD).max(1);
    let share = count.div_ceil(threads).max(1);
    let mut parts: Vec<Vec<(Root, Vec<Arc<Rendered>>)>> = Vec::new();
    let mut room = 0_usize;
    for (root, rendered) in objects {
        if room == 0 {
            parts.push(Vec::new());
            room = share;
        }
        room = room.saturating_sub(rendered.len().max(1));
        if let Some(part) = parts.last_mut() {
            part.push((root, rendered));
        }
    }
    let write = |part: Vec<(Root, Vec<Arc<Rendered>>)>| {
        let mut errors = Vec::new();
        let one = |(root, rendered): (Root, Vec<Arc<Rendered>>)| {
            let agents = Agents::of(&root, destinations);
            let mut written = match earlier {
                None => write_root(&root, rendered, agents, &mut errors),
                Some(earlier) => earlier.roots.get(&root).unwrap_or(&WrittenRoot::default()).rewrite(
                    &root,
                    rendered,
                    agents,
                    &mut errors,
                ),
            };
            written.place = Place::of(&root, destinations);
            (root, written)
        };
        let roots: Vec<(Root, WrittenRoot)> = part.into_iter().map(one).collect();
        (roots, errors)
    };
    let first = if parts.is_empty() { Vec::new() } else { parts.remove(0) };
    thread::scope(|scope| {
        let others: Vec<_> = parts.into_iter().map(|part| scope.spawn(move || write(part))).collect();
        let (mut roots, mut errors) = write(first);
        for other in others {
            let (more, found) = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            roots.extend(more);
            errors.extend(found);
        }
        (roots.into_iter().collect(), errors)
    })
}

/// Writes a root that was never written.
fn write_root(
    root: &Root,
    rendered: Vec<Arc<Rendered>>,
    agents: Agents,
    errors: &mut Vec<PathError>,
) -> WrittenRoot {
    let layout = Layout::of(root, &rendered);
    let (mut files, mut places) = (layout.kustomizations(errors), vec![0; rendered.len()]);
    for ((path, one), place) in layout.paths.into_iter().zip(rendered).zip(&mut places) {
        *place = files.len();
        let object = decorate(Arc::unwrap_or_clone(one), root, agents);
        push(&mut files, path, Content::new(yaml_file(|text| object.append_yaml(text))), errors);
    }
    WrittenRoot { agents, places, files, ..WrittenRoot::default() }
}

fn push(files: &mut Vec<File>, path: String, content: Content, errors: &mut Vec<PathError>) {
    match RelativePath::new(path) {
        Ok(path) => files.push((path, Arc::new(content))),
        Err(error) => errors.push(error),
    }
}

impl WrittenRoot {
    /// Whether it was made of these objects.
    fn holds(&self, objects: &[Arc<Rendered>]) -> bool {
        self.objects.len() == objects.len()
            && self.objects.iter().zip(objects).all(|(one, other)| one.is_same(other))
    }

    /// Writes the root again, as far as it changed.
    fn rewrite(
        &self,
        root: &Root,
        rendered: Vec<Arc<Rendered>>,
        agents: Agents,
        errors: &mut Vec<PathError>,
    ) -> WrittenRoot {
        if agents == self.agents && self.holds(&rendered) {
            let (places, files) = (self.places.clone(), self.files.clone());
            return WrittenRoot { agents, objects: rendered, places, files, ..WrittenRoot::default() };
        }
        let known = if agents == self.agents { matches(&self.objects, &rendered) } else { Vec::new() };
        let layout = Layout::of(root, &rendered);
        let mut files = layout.kustomizations(errors);
        for (path, content) in &mut files {
            let old = self.files.iter().find(|(old, _)| old == path).map(|(_, old)| old);
            if let Some(old) = old.filter(|old| old.bytes() == content.bytes()) {
                *content = Arc::clone(old);
            }
        }
        let mut places = vec![0; rendered.len()];
        for (at, (path, one)) in layout.paths.into_iter().zip(&rendered).enumerate() {
            if let Some(place) = places.get_mut(at) {
                *place = files.len();
            }
            let old = known.get(at).copied().flatten().and_then(|old| self.files.get(*self.places.get(old)?));
            match (old, RelativePath::new(path)) {
                (_, Err(error)) => errors.push(error),
                (Some((_, content)), Ok(path)) => files.push((path, Arc::clone(content))),
                (None, Ok(path)) => {
                    let object = decorate(Rendered::clone(one), root, agents);
                    let bytes = yaml_file(|text| object.append_yaml(text));
                    files.push((path, Arc::new(Content::new(bytes))));
                }
            }
        }
        WrittenRoot { agents, objects: rendered, places, files, ..WrittenRoot::default() }
    }
}

/// For each object the index of the same one among earlier ones. Objects are mostly where they were.
pub(crate) fn matches(earlier: &[Arc<Rendered>], now: &[Arc<Rendered>]) -> Vec<Option<usize>> {
    let mut by_identity: Option<BTreeMap<_, usize>> = None;
    let identity = |one: &Rendered| {
        let object = &one.object;
        let of = |text: &str| text.to_owned();
        (of(object.api_version()), of(object.kind()), object.namespace_name().map(of), of(object.name()))
    };
    let one = |(at, rendered): (usize, &Arc<Rendered>)| {
        if earlier.get(at).is_some_and(|old| old.is_same(rendered)) {
            return Some(at);
        }
        let index = by_identity
            .get_or_insert_with(|| earlier.iter().enumerate().map(|(at, old)| (identity(old), at)).collect());
        let at = *index.get(&identity(rendered))?;
        earlier.get(at).filter(|old| old.is_same(rendered)).map(|_| at)
    };
    now.iter().enumerate().map(one).collect()
}

/// Where the objects of a root lie.
struct Layout {
    /// The file of each object.
    paths: Vec<String>,
    /// Each directory with the entries of its `kustomization.yaml`.
    directories: Vec<(String, Vec<String>)>,
}

impl Layout {
    fn of(root: &Root, rendered: &[Arc<Rendered>]) -> Layout {
        let directory = root.directory();
        let mut stages: BTreeMap<Option<Stage>, Vec<usize>> = BTreeMap::new();
        for (at, one) in rendered.iter().enumerate() {
            let stage = matches!(root, Root::Mesh(_)).then(|| Stage::of(one));
            stages.entry(stage).or_default().push(at);
        }
        let mut layout = Layout { paths: vec![String::new(); rendered.len()], directories: Vec::new() };
        let parts: Vec<String> = stages.keys().flatten().map(|stage| stage.directory().to_owned()).collect();
        if !parts.is_empty() {
            layout.directories.push((directory.clone(), parts));
        }
        for (stage, members) in stages {
            let directory = match stage {
                Some(stage) => format!("{directory}/{}", stage.directory()),
                None => directory.clone(),
            };
            let objects: Vec<&Object> =
                members.iter().filter_map(|at| rendered.get(*at)).map(|one| &one.object).collect();
            let mut names = names::file_names(&objects);
            for (at, name) in members.into_iter().zip(&names) {
                if let Some(path) = layout.paths.get_mut(at) {
                    *path = format!("{directory}/{name}");
                }
            }
            if root.is_kustomize() {
                names.sort_unstable();
                layout.directories.push((directory, names));
            }
        }
        layout
    }

    fn kustomizations(&self, errors: &mut Vec<PathError>) -> Vec<File> {
        let mut files = Vec::new();
        for (directory, resources) in &self.directories {
            let json = json!({
                "apiVersion": "kustomize.config.k8s.io/v1beta1",
                "kind": "Kustomization",
                "resources": resources,
            });
            let content = Content::new(yaml_file(|text| append_yaml(text, &json)));
            push(&mut files, format!("{directory}/kustomization.yaml"), content, errors);
        }
        files
    }
}

fn yaml_file(write: impl FnOnce(&mut String)) -> Vec<u8> {
    let mut text = String::with_capacity(1024);
    text.push_str(HEADER);
    write(&mut text);
    text.into_bytes()
}
