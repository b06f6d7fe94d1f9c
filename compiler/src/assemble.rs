//! Rendered objects to files: one object per file, a `kustomization.yaml` per root.
//!
//! The bytes depend on the objects alone, not on where in the intent they come from or on when and by which version they
//! were rendered: one commit must not touch the files of clusters that it does not change.

mod identity;
mod names;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::thread;

use meshwright_policies::assembly::OBJECT_RENDERED_TWICE;
use meshwright_policies::finding::{Finding, Place};
use meshwright_policies::mesh::Fleet;
use meshwright_policies::names::ClusterName;
use serde_json::{Value, json};

use crate::artefact::{Output, Rendered, Root};
use crate::artefacts::carried;
use crate::decorate::{Agents, decorate};
use crate::destination::{Destination, destinations};
use crate::object::Object;
use crate::publish::{PathError, RelativePath, Tree, TreeError};
use crate::stage::Stage;
use crate::threads::processors;
use crate::yaml::append_yaml;

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
        place: Place,
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
        let finding = |place: Place| OBJECT_RENDERED_TWICE.at(place, self.to_string());
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
            AssembleError::Path(_) | AssembleError::Tree(_) => finding(Place::unknown())
                .help("rename one of the two in the intent, so that each object has one file"),
        }
    }
}

/// The files of everything that was rendered for `fleet`.
///
/// # Errors
/// Every object that is rendered twice, or every file that cannot be part of a tree.
pub fn assemble(fleet: &Fleet, output: Output) -> Result<Tree, Vec<AssembleError>> {
    let destinations = destinations(fleet);
    let (objects, files) = output.into_parts();
    let twice = identity::rendered_twice(fleet, &objects, &destinations);
    if !twice.is_empty() {
        return Err(twice);
    }
    let mut tree = Tree::new();
    let mut errors = Vec::new();
    let attributes = (".gitattributes".to_owned(), GIT_ATTRIBUTES.as_bytes().to_vec());
    // An empty tree stays empty: it is refused when it is written.
    let attributes = (!objects.is_empty() || !files.is_empty()).then_some(attributes);
    let files = files.into_iter().chain(attributes).map(checked);
    for (path, bytes) in write_roots(objects, &destinations).into_iter().chain(files) {
        match path {
            Ok(path) => errors.extend(tree.insert(path, bytes).err().map(AssembleError::from)),
            Err(error) => errors.push(error.into()),
        }
    }
    if errors.is_empty() { Ok(tree) } else { Err(errors) }
}

type Files = Vec<(String, Vec<u8>)>;
type CheckedFile = (Result<RelativePath, PathError>, Vec<u8>);

fn checked((path, bytes): (String, Vec<u8>)) -> CheckedFile {
    (RelativePath::new(path), bytes)
}

/// Writes the roots on as many threads as help. The result is in the order of the roots, however many there are.
fn write_roots(
    objects: BTreeMap<Root, Vec<Rendered>>,
    destinations: &BTreeMap<ClusterName, Destination<'_>>,
) -> Vec<CheckedFile> {
    let count: usize = objects.values().map(Vec::len).sum();
    let threads = processors().min(count / OBJECTS_PER_THREAD).max(1);
    let share = count.div_ceil(threads).max(1);
    let mut parts: Vec<Vec<(Root, Vec<Rendered>)>> = Vec::new();
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
    let write = |part: Vec<(Root, Vec<Rendered>)>| {
        let mut files = Files::new();
        for (root, rendered) in part {
            write_root(&root, rendered, Agents::of(&root, destinations), &mut files);
        }
        files.into_iter().map(checked).collect::<Vec<_>>()
    };
    let first = if parts.is_empty() { Vec::new() } else { parts.remove(0) };
    thread::scope(|scope| {
        let others: Vec<_> = parts.into_iter().map(|part| scope.spawn(move || write(part))).collect();
        let mut files = write(first);
        for other in others {
            match other.join() {
                Ok(more) => files.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        files
    })
}

fn write_root(root: &Root, rendered: Vec<Rendered>, agents: Agents, files: &mut Files) {
    let directory = root.directory();
    let mut stages: BTreeMap<Option<Stage>, Vec<Object>> = BTreeMap::new();
    for one in rendered {
        let stage = matches!(root, Root::Mesh(_)).then(|| Stage::of(&one));
        stages.entry(stage).or_default().push(decorate(one, root, agents));
    }
    let parts: Vec<&str> = stages.keys().flatten().map(|stage| stage.directory()).collect();
    if !parts.is_empty() {
        files.push(kustomization(&directory, parts));
    }
    for (stage, objects) in stages {
        match stage {
            Some(stage) => {
                write_directory(&format!("{directory}/{}", stage.directory()), objects, true, files)
            }
            None => write_directory(&directory, objects, root.is_kustomize(), files),
        }
    }
}

fn write_directory(directory: &str, objects: Vec<Object>, kustomize: bool, files: &mut Files) {
    let names = names::file_names(&objects);
    if kustomize {
        let mut sorted: Vec<&str> = names.iter().map(String::as_str).collect();
        sorted.sort_unstable();
        files.push(kustomization(directory, sorted));
    }
    files.reserve(names.len());
    for (name, object) in names.into_iter().zip(objects) {
        files.push((format!("{directory}/{name}"), yaml_file(&object.into_json())));
    }
}

fn kustomization(directory: &str, resources: Vec<&str>) -> (String, Vec<u8>) {
    let json = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": resources,
    });
    (format!("{directory}/kustomization.yaml"), yaml_file(&json))
}

fn yaml_file(json: &Value) -> Vec<u8> {
    let mut text = String::with_capacity(1024);
    text.push_str(HEADER);
    append_yaml(&mut text, json);
    text.into_bytes()
}
