//! A root to its objects.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use meshwright_policies::node::{Node, Span, Value};
use meshwright_policies::repository::Manifest;

use super::merge::{self, Lost};
use super::replace::Replacement;
use super::select::{Matcher, effective};
use super::vars::{self, Var};
use super::{From, Kustomization, Patch, Written, generate, images, json_patch, transform};
use crate::lint::embedded;
use crate::lint::read::{Content, Files};

/// Most objects of one root, and most roots within roots: what has more is not followed.
const MOST_OBJECTS: usize = 50_000;
const MOST_DEPTH: usize = 32;

/// An object on its way through a root.
#[derive(Clone, Debug)]
pub(in crate::lint) struct Object<'a> {
    /// The file that it was first written in.
    pub(in crate::lint) path: &'a str,
    /// What was read there, as long as nothing changed it.
    pub(in crate::lint) source: Option<&'a Manifest>,
    /// The object.
    document: Cow<'a, Node>,
    /// Name and namespace before anything changed them.
    pub(super) original: (String, String),
    /// Items of lists that patches drop.
    pub(in crate::lint) lost: Vec<Lost>,
    /// Whether it was changed in a way that was not followed.
    pub(in crate::lint) unknown: bool,
}

impl<'a> Object<'a> {
    pub(super) fn new(path: &'a str, document: Cow<'a, Node>, source: Option<&'a Manifest>) -> Object<'a> {
        let mut object =
            Object { path, source, document, original: Default::default(), lost: Vec::new(), unknown: false };
        object.original = (object.name().to_owned(), object.namespace().to_owned());
        object
    }

    /// An object as it was read.
    pub(in crate::lint) fn read(path: &'a str, source: &'a Manifest) -> Object<'a> {
        Object::new(path, Cow::Borrowed(&source.document), Some(source))
    }

    /// An object that stands in no file by itself.
    pub(in crate::lint) fn made(path: &'a str, document: Node) -> Object<'a> {
        Object::new(path, Cow::Owned(document), None)
    }

    pub(in crate::lint) fn node(&self) -> &Node {
        &self.document
    }

    /// The object, to change it.
    pub(in crate::lint) fn change(&mut self) -> &mut Node {
        self.source = None;
        self.document.to_mut()
    }

    fn text(&self, keys: &[&str]) -> &str {
        let node = keys.iter().try_fold(&*self.document, |node, key| node.get(key));
        node.and_then(Node::as_str).unwrap_or_default()
    }

    pub(in crate::lint) fn kind(&self) -> &str {
        self.text(&["kind"])
    }

    pub(in crate::lint) fn name(&self) -> &str {
        self.text(&["metadata", "name"])
    }

    pub(in crate::lint) fn namespace(&self) -> &str {
        self.text(&["metadata", "namespace"])
    }

    pub(super) fn group_version(&self) -> (&str, &str) {
        let api = self.text(&["apiVersion"]);
        api.split_once('/').unwrap_or(("", api))
    }

    /// Whether kustomize has a schema for it.
    pub(super) fn is_native(&self) -> bool {
        let (group, _) = self.group_version();
        matches!(group, "" | "apps" | "batch" | "autoscaling" | "policy" | "extensions")
            || group.ends_with(".k8s.io")
                && group != "gateway.networking.k8s.io"
                && !group.contains(".x-k8s.io")
    }
}

/// What a root comes to.
#[derive(Clone, Debug, Default)]
pub(in crate::lint) struct Built<'a> {
    pub(in crate::lint) objects: Vec<Object<'a>>,
    /// Whether all of it was found and followed.
    pub(in crate::lint) complete: bool,
    /// Directories of the roots in it, its own among them.
    pub(in crate::lint) roots: BTreeSet<&'a str>,
    /// Files that it lists, through others too.
    pub(in crate::lint) files: BTreeSet<&'a str>,
    /// Variables of all roots in it, which are resolved at the end of the outermost, and fields in which they stand.
    vars: Vec<Var>,
    places: Vec<vars::Place>,
}

/// Builds roots, each directory once.
pub(in crate::lint) struct Builder<'a> {
    files: &'a Files<'a>,
    built: RefCell<BTreeMap<&'a str, Rc<Built<'a>>>>,
    /// What was not followed while building: the key, and the kustomization that has it.
    unfollowed: RefCell<BTreeSet<(&'static str, String)>>,
    /// Whether the root that is built lacks something already, which may be what could not be followed.
    is_partial: Cell<bool>,
}

impl<'a> Builder<'a> {
    pub(in crate::lint) fn new(files: &'a Files<'a>) -> Builder<'a> {
        Builder {
            files,
            built: RefCell::default(),
            unfollowed: RefCell::default(),
            is_partial: Cell::new(false),
        }
    }

    /// Keys of kustomizations that could not be followed in what was built, with the files.
    pub(in crate::lint) fn unfollowed(&self) -> BTreeSet<(&'static str, String)> {
        self.unfollowed.borrow().clone()
    }

    /// Whether something was followed. Otherwise a note will say where not.
    fn follow(&self, key: &'static str, from: &Kustomization, was_followed: bool) -> bool {
        if !was_followed && !self.is_partial.get() {
            self.unfollowed.borrow_mut().insert((key, from.path.clone()));
        }
        was_followed
    }

    /// The root in a directory; nothing when there is none.
    pub(in crate::lint) fn build(&self, directory: &str) -> Option<Rc<Built<'a>>> {
        let built = self.build_within(directory, &mut Vec::new())?;
        let has_local = built.objects.iter().any(is_local);
        if built.vars.is_empty() && !has_local {
            return Some(built);
        }
        let mut resolved = (*built).clone();
        let known = vars::resolve(&built.vars, &built.places, &mut resolved.objects);
        resolved.complete &= match self.files.kustomization(directory) {
            Some(from) => self.follow("vars", from, known),
            None => known,
        };
        resolved.objects.retain(|object| !is_local(object));
        Some(Rc::new(resolved))
    }

    fn build_within(&self, directory: &str, around: &mut Vec<&'a str>) -> Option<Rc<Built<'a>>> {
        if let Some(built) = self.built.borrow().get(directory) {
            return Some(Rc::clone(built));
        }
        let kustomization = self.files.kustomization(directory)?;
        let directory = kustomization.directory.as_str();
        if around.contains(&directory) || around.len() > MOST_DEPTH {
            return Some(Rc::default());
        }
        around.push(directory);
        let mut built = Built { complete: true, ..Built::default() };
        self.accumulate(kustomization, around, &mut built);
        around.pop();
        let built = Rc::new(built);
        self.built.borrow_mut().insert(directory, Rc::clone(&built));
        Some(built)
    }

    /// Adds what a kustomization lists, and changes what is there then. A component changes what is there already.
    fn accumulate(&self, from: &'a Kustomization, around: &mut Vec<&'a str>, built: &mut Built<'a>) {
        built.roots.insert(&from.directory);
        built.complete &= !from.outside && from.opaque.is_empty();
        for resource in &from.resources {
            self.resource(resource, around, built);
        }
        generate::run(self, from, &mut built.objects);
        for component in &from.components {
            match self.files.kustomization(component) {
                Some(component) if around.contains(&component.directory.as_str()) => built.complete = false,
                Some(component) => {
                    around.push(&component.directory);
                    self.accumulate(component, around, built);
                    around.pop();
                }
                None => built.complete = false,
            }
        }
        self.is_partial.set(!built.complete);
        built.complete &= self.change(from, &mut built.objects);
        self.is_partial.set(false);
        built.vars.extend(from.vars.iter().cloned());
        match self.places(from) {
            Some(places) => built.places.extend(places),
            None => built.complete &= self.follow("configurations", from, false),
        }
        for path in from.other_files() {
            built.files.extend(self.files.at(path).map(|file| file.path));
        }
    }

    /// Makes the changes of a kustomization; whether all of them were followed.
    pub(in crate::lint) fn change(&self, from: &Kustomization, objects: &mut Vec<Object<'a>>) -> bool {
        let mut complete = true;
        for patch in &from.patches {
            complete &= self.follow("patches", from, self.patch(patch, objects));
        }
        transform::namespace(from, objects);
        transform::names(from, objects);
        transform::labels(from, objects);
        transform::annotations(from, objects);
        for patch in &from.late_patches {
            complete &= self.follow("patchesJson6902", from, self.patch(patch, objects));
        }
        images::run(&from.images, objects);
        for written in &from.replacements {
            complete &= self.follow("replacements", from, self.replace(written, objects));
        }
        complete
    }

    /// Whether a replacement was followed. One that cannot be read may touch anything.
    fn replace(&self, written: &Written, objects: &mut [Object<'a>]) -> bool {
        let nodes: Vec<&Node> = match written {
            Written::Here(node) => vec![node],
            Written::File(path) => {
                let file = self.files.at(path).filter(|file| file.whole);
                let roots = file.into_iter().flat_map(|file| &file.contents).map(Content::node);
                roots
                    .flat_map(|root| match &root.value {
                        Value::Sequence(items) => items.iter().collect(),
                        _ => vec![root],
                    })
                    .collect()
            }
        };
        let mut complete = !nodes.is_empty();
        for node in nodes {
            match Replacement::of(node) {
                Some(replacement) => complete &= replacement.run(objects),
                None => {
                    objects.iter_mut().for_each(|object| object.unknown = true);
                    complete = false;
                }
            }
        }
        complete
    }

    /// Fields of variables that a kustomization configures; nothing where its files say more than that.
    fn places(&self, from: &Kustomization) -> Option<Vec<vars::Place>> {
        let mut places = Vec::new();
        for path in &from.configurations {
            let file = self.files.at(path).filter(|file| file.whole)?;
            for content in &file.contents {
                places.extend(vars::Place::configured(content.node())?);
            }
        }
        Some(places)
    }

    fn resource(&self, path: &str, around: &mut Vec<&'a str>, built: &mut Built<'a>) {
        if let Some(file) = self.files.at(path) {
            built.files.insert(file.path);
            built.complete &= file.whole;
            let objects = file.contents.iter().filter_map(|content| match content {
                Content::Object(manifest) => Some(Object::read(file.path, manifest)),
                Content::Plain { .. } => None,
            });
            built.objects.extend(objects);
        } else if let Some(inner) = self.build_within(path, around) {
            built.complete &= inner.complete;
            built.roots.extend(&inner.roots);
            built.files.extend(&inner.files);
            built.vars.extend(inner.vars.iter().cloned());
            built.places.extend(inner.places.iter().cloned());
            built.objects.extend(inner.objects.iter().cloned());
        } else {
            built.complete = false;
        }
        if built.objects.len() > MOST_OBJECTS {
            built.objects.truncate(MOST_OBJECTS);
            built.complete = false;
        }
    }

    fn patch(&self, patch: &Patch, objects: &mut Vec<Object<'a>>) -> bool {
        let matcher = match &patch.target {
            None => None,
            Some(target) => match target.matcher() {
                Some(matcher) => Some(matcher),
                None => return false,
            },
        };
        let documents: Option<Vec<Cow<'_, Node>>> = match &patch.from {
            From::Text(text) => {
                let read = embedded::load(text, self.files.sources);
                read.map(|documents| documents.into_iter().map(Cow::Owned).collect())
            }
            From::File(path) => self
                .files
                .at(path)
                .filter(|file| file.whole)
                .map(|file| file.contents.iter().map(|content| Cow::Borrowed(content.node())).collect()),
        };
        let Some(documents) = documents else {
            // Whatever it changes is not known any more.
            match &matcher {
                Some(matcher) => forget(objects, matcher),
                None => objects.iter_mut().for_each(|object| object.unknown = true),
            }
            return false;
        };
        let mut complete = true;
        for document in &documents {
            complete &= apply(document, matcher.as_ref(), patch.renames, objects);
        }
        complete
    }

    /// The text of a file that was read, whole.
    pub(super) fn text_of(&self, path: &str) -> Option<(String, Span)> {
        let file = self.files.at(path)?;
        let text = self.files.sources.get(file.id)?.text();
        let end = u32::try_from(text.len()).ok()?;
        Some((String::from_utf8_lossy(text).into_owned(), Span { file: file.id, start: 0, end }))
    }

    /// A path in a directory, to say where a generated object is from.
    pub(super) fn path_of(&self, directory: &str) -> &'a str {
        self.files.path_in(directory)
    }
}

/// Whether an object is for other objects of the root only, and never leaves it (`api/resource/factory.go`,
/// `DropLocalNodes`).
fn is_local(object: &Object<'_>) -> bool {
    let keys = ["metadata", "annotations", "config.kubernetes.io/local-config"];
    !matches!(object.text(&keys), "" | "false")
}

fn forget(objects: &mut [Object<'_>], matcher: &Matcher) {
    for object in objects.iter_mut().filter(|object| matcher.matches(object)) {
        object.unknown = true;
    }
}

fn apply(patch: &Node, matcher: Option<&Matcher>, renames: bool, objects: &mut Vec<Object<'_>>) -> bool {
    let chosen: Vec<bool> = objects
        .iter()
        .map(|object| matcher.map_or_else(|| is_for(patch, object), |matcher| matcher.matches(object)))
        .collect();
    // A patch for nothing stops kustomize, and with it everything of the root.
    let mut complete = matcher.is_some() || chosen.contains(&true);
    let mut chosen = chosen.into_iter();
    objects.retain_mut(|object| {
        if !chosen.next().unwrap_or(false) {
            return true;
        }
        match &patch.value {
            Value::Sequence(_) => match json_patch::apply(object.node(), patch) {
                Some(document) => {
                    list_losses(object, patch);
                    *object.change() = document;
                }
                None => {
                    object.unknown = true;
                    complete = false;
                }
            },
            Value::Mapping(_) => {
                let mut lost = Vec::new();
                let merged = merge::merge(object.node(), patch, object.is_native(), &mut lost);
                let Some(mut document) = merged else { return false };
                if !renames {
                    keep_identity(object.node(), &mut document);
                }
                object.lost.append(&mut lost);
                *object.change() = document;
            }
            _ => complete = false,
        }
        true
    });
    complete
}

/// Replacing a list by a JSON patch drops what it does not repeat, as a merge does.
fn list_losses(object: &mut Object<'_>, patch: &Node) {
    if object.is_native() {
        return;
    }
    for operation in patch.items() {
        let text = |key: &str| operation.get(key).and_then(Node::as_str).unwrap_or_default();
        if !matches!(text("op"), "add" | "replace") {
            continue;
        }
        let path = meshwright_policies::node::FieldPath::from_pointer(text("path"), object.node());
        let old = object.node().at(&path).map(|node| &node.value);
        let new = operation.get("value").map(|node| &node.value);
        if let (Some(Value::Sequence(old)), Some(Value::Sequence(new))) = (old, new) {
            let mut lost = Vec::new();
            merge::losses(&path, old, new, &mut lost);
            object.lost.append(&mut lost);
        }
    }
}

/// A merge changes neither name, namespace nor kind of what it is for (`api/resource/resource.go`, `ApplySmPatch`).
fn keep_identity(before: &Node, after: &mut Node) {
    for path in [["kind"].as_slice(), &["apiVersion"], &["metadata", "name"], &["metadata", "namespace"]] {
        let old = path.iter().try_fold(before, |node, key| node.get(key)).cloned();
        match old {
            Some(old) => transform::set(after, path, old),
            None => transform::unset(after, path),
        }
    }
}

/// Whether a patch without a target is for an object: it names its kind, name and namespace.
fn is_for(patch: &Node, object: &Object<'_>) -> bool {
    let text = |keys: &[&str]| {
        keys.iter().try_fold(patch, |node, key| node.get(key)).and_then(Node::as_str).unwrap_or_default()
    };
    let namespace = effective(text(&["metadata", "namespace"]));
    let (name, group) = (text(&["metadata", "name"]), object.group_version().0);
    let wanted = text(&["apiVersion"]).split_once('/').map_or("", |(group, _)| group);
    text(&["kind"]) == object.kind()
        && wanted == group
        && (name == object.name() || name == object.original.0)
        && ([object.namespace(), &object.original.1].iter().any(|own| effective(own) == namespace)
            || transform::is_cluster_scoped(object.kind()))
}
