//! What a change means: two resolved fleets and two rendered trees, compared in words.
//!
//! One file per topic adds to `Changes`; the same change in many clusters becomes one [`Change`]. What no topic has words
//! for is still said: the rendered files are compared too.

mod clusters;
mod control_planes;
mod files;
mod gateways;
mod human;
mod json;
mod keys;
mod markdown;
mod meshes;
mod networks;
mod reach;
mod surroundings;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use meshwright_policies::mesh::{Cluster, Fleet, Mesh};
use meshwright_policies::names::ClusterName;

pub use files::FileChange;

use crate::publish::Tree;

/// One side of a comparison: a fleet without errors, and what is rendered of it.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The fleet.
    pub fleet: &'a Fleet,
    /// Its files.
    pub tree: &'a Tree,
}

/// What a change does to a running mesh, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Impact {
    /// Traffic between clusters that works now stops, for good or until everything has followed.
    Partitions,
    /// Something that runs is deleted.
    Destroys,
    /// Something restarts or moves.
    Disrupts,
    /// Anything else.
    Changes,
}

impl Impact {
    /// As JSON says it: `partitioning`, `destructive`, `disruptive`, `other`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Impact::Partitions => "partitioning",
            Impact::Destroys => "destructive",
            Impact::Disrupts => "disruptive",
            Impact::Changes => "other",
        }
    }
}

/// One change, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it does.
    pub impact: Impact,
    /// The mesh.
    pub mesh: String,
    /// What changes, for programs: `cluster-removed`, `istio-version`.
    pub kind: &'static str,
    /// What changes, for people: one line, user input in backticks, without the clusters it is true of.
    pub text: String,
    /// The clusters it is true of, by name; none when it is about the mesh.
    pub clusters: Vec<String>,
}

/// All differences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// Changes in words, worst first.
    pub changes: Vec<Change>,
    /// Rendered files that differ, by path.
    pub files: Vec<FileChange>,
}

/// What a diff is printed as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum DiffFormat {
    /// Text for a terminal.
    Human,
    /// A comment on a pull request, which starts with a marker by which it is found again.
    Markdown,
    /// One JSON object.
    Json,
}

/// What the two sides are called: `main (1a2b3c4d5e)`, `working tree`.
#[derive(Clone, Debug)]
pub struct Labels {
    /// The older side.
    pub base: String,
    /// The newer side.
    pub head: String,
}

impl Diff {
    /// Compares two sides.
    #[must_use]
    pub fn between(base: Side<'_>, head: Side<'_>) -> Diff {
        let mut changes = Changes::default();
        let fleets = Fleets::new(base.fleet, head.fleet);
        meshes::compare(&fleets, &mut changes);
        clusters::compare(&fleets, &mut changes);
        networks::compare(&fleets, &mut changes);
        reach::compare(&fleets, &mut changes);
        control_planes::compare(&fleets, &mut changes);
        gateways::compare(&fleets, &mut changes);
        surroundings::compare(&fleets, &mut changes);
        let files = files::compare(base.tree, head.tree);
        Diff { changes: changes.into_list(), files }
    }

    /// Whether there is no difference at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.files.is_empty()
    }

    /// How many changes have an impact.
    #[must_use]
    pub fn count(&self, impact: Impact) -> usize {
        self.changes.iter().filter(|change| change.impact == impact).count()
    }

    /// As text that ends with a newline.
    #[must_use]
    pub fn render(&self, format: DiffFormat, labels: &Labels) -> String {
        match format {
            DiffFormat::Human => human::render(self, labels),
            DiffFormat::Markdown => markdown::render(self, labels),
            DiffFormat::Json => json::render(self, labels),
        }
    }

    /// `3 changes (1 partitioning, 2 destructive) in 12 rendered files`.
    fn summary(&self) -> String {
        if self.is_empty() {
            return "no differences".to_owned();
        }
        let marked: Vec<String> = [Impact::Partitions, Impact::Destroys, Impact::Disrupts]
            .into_iter()
            .filter_map(|impact| match self.count(impact) {
                0 => None,
                n => Some(format!("{n} {}", impact.as_str())),
            })
            .collect();
        let marked = if marked.is_empty() { String::new() } else { format!(" ({})", marked.join(", ")) };
        let files = count(self.files.len(), "rendered file");
        format!("{}{marked} in {files}", count(self.changes.len(), "change"))
    }
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// A text that cannot drive the terminal that shows it.
fn shown(text: &str) -> String {
    crate::diagnostic::visible(text, usize::MAX)
}

/// The first few of many names.
fn some(names: &[String], most: usize) -> String {
    let mut text = names.iter().take(most).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > most {
        text.push_str(", ...");
    }
    text
}

impl Change {
    /// The whole sentence, with at most `most` clusters by name.
    fn sentence(&self, most: usize) -> String {
        match self.clusters.as_slice() {
            [] => self.text.clone(),
            [one] => format!("`{one}`: {}", self.text),
            many => format!("{}, in {} clusters: {}", self.text, many.len(), some(many, most)),
        }
    }
}

/// The two fleets, cluster by cluster. A cluster is itself by its name, whatever its mesh.
struct Fleets<'a> {
    base: &'a Fleet,
    head: &'a Fleet,
    clusters: BTreeMap<&'a ClusterName, Pair<'a>>,
}

/// A cluster of either side, with its mesh.
type In<'a> = (&'a Mesh, &'a Cluster);

/// A cluster on both sides.
#[derive(Clone, Copy, Default)]
struct Pair<'a> {
    base: Option<In<'a>>,
    head: Option<In<'a>>,
}

impl<'a> Fleets<'a> {
    fn new(base: &'a Fleet, head: &'a Fleet) -> Fleets<'a> {
        let mut clusters: BTreeMap<&ClusterName, Pair<'_>> = BTreeMap::new();
        base.clusters().for_each(|(mesh, c)| clusters.entry(&c.name).or_default().base = Some((mesh, c)));
        head.clusters().for_each(|(mesh, c)| clusters.entry(&c.name).or_default().head = Some((mesh, c)));
        Fleets { base, head, clusters }
    }

    /// Clusters that are on both sides: before and after.
    fn kept(&self) -> impl Iterator<Item = (In<'a>, In<'a>)> {
        self.clusters.values().filter_map(|pair| Some((pair.base?, pair.head?)))
    }

    /// Meshes that are on both sides: before and after.
    fn meshes(&self) -> impl Iterator<Item = (&'a Mesh, &'a Mesh)> {
        self.base.meshes.values().filter_map(|mesh| Some((mesh, self.head.meshes.get(&mesh.name)?)))
    }
}

/// Changes while they are collected: equal ones of many clusters are one.
#[derive(Default)]
struct Changes(BTreeMap<(Impact, String, &'static str, String), BTreeSet<String>>);

impl Changes {
    /// A change of a mesh.
    fn mesh(&mut self, mesh: &Mesh, impact: Impact, kind: &'static str, text: impl Into<String>) {
        self.0.entry((impact, mesh.name.to_string(), kind, text.into())).or_default();
    }

    /// A change of a cluster.
    fn cluster(&mut self, of: In<'_>, impact: Impact, kind: &'static str, text: impl Into<String>) {
        let key = (impact, of.0.name.to_string(), kind, text.into());
        self.0.entry(key).or_default().insert(of.1.name.to_string());
    }

    fn into_list(self) -> Vec<Change> {
        let change =
            |((impact, mesh, kind, text), clusters): (
                (Impact, String, &'static str, String),
                BTreeSet<_>,
            )| { Change { impact, mesh, kind, text, clusters: clusters.into_iter().collect() } };
        self.0.into_iter().map(change).collect()
    }
}

/// "`what` changes from `a` to `b`", if it does.
fn moved(what: &str, from: &impl ToString, to: &impl ToString) -> Option<String> {
    let (from, to) = (from.to_string(), to.to_string());
    (from != to).then(|| match (from.as_str(), to.as_str()) {
        ("", _) => format!("{what} is now `{to}`"),
        (_, "") => format!("{what} is no longer `{from}`"),
        _ => format!("{what} changes from `{from}` to `{to}`"),
    })
}

/// A value that need not be there, for [`moved`].
fn text<T: ToString>(value: Option<&T>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

/// Values, for [`moved`].
fn list<T: ToString>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
