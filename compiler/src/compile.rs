//! The whole way: sources -> fleet and findings -> rendered output.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread;

use meshwright_policies::finding::{Findings, Place};
use meshwright_policies::intent::Date;
use meshwright_policies::mesh::{Cluster, Fleet, Mesh};
use meshwright_policies::node::{FileId, Node, Span};
use meshwright_policies::{policy, references, settings};

use crate::artefact::Output;
use crate::artefacts::ARTEFACTS;
use crate::intent::{self, Intent};
use crate::memory::Memory;
use crate::outline::outline;
use crate::syntax::{self, Limits};
use crate::{carry, provisioning, resolve, rules, threads};

/// Fewer files are read by one thread.
const FILES_FOR_THREADS: usize = 64;

/// Fewer clusters are rendered by one thread.
const CLUSTERS_FOR_THREADS: usize = 16;

/// What a set of intent files means.
#[derive(Debug)]
pub struct Loaded {
    /// The resolved meshes, as far as they could be.
    pub fleet: Fleet,
    /// Everything that is wrong with the files and with what they say.
    pub findings: Findings,
}

/// One file of the intent.
#[derive(Clone, Copy, Debug)]
pub struct SourceText<'a> {
    /// Its ID, in the order of paths.
    pub id: FileId,
    /// Its path below the intent root.
    pub path: &'a str,
    /// Its bytes.
    pub text: &'a [u8],
}

/// Reads, resolves and judges, as of `today`.
#[must_use]
pub fn load<'a>(files: impl IntoIterator<Item = SourceText<'a>>, today: Date) -> Loaded {
    let files: Vec<SourceText<'a>> = files.into_iter().collect();
    let paths: BTreeMap<FileId, String> = files.iter().map(|file| (file.id, file.path.to_owned())).collect();
    let read = threads::in_parts(&files, FILES_FOR_THREADS, |part| {
        part.iter().map(|file| read_file(*file)).collect::<Vec<_>>()
    });
    judge(read.into_iter().flatten(), paths, today)
}

/// Resolves and judges what was read of all files, in their order. `paths` are those of the files.
pub(crate) fn judge(
    read: impl IntoIterator<Item = (Intent, Findings)>,
    paths: BTreeMap<FileId, String>,
    today: Date,
) -> Loaded {
    let mut findings = Findings::new();
    let mut intent = Intent::default();
    for (part, found) in read {
        intent.append(part);
        findings.extend(found);
    }
    if intent.meshes.is_empty() && !findings.has_errors() {
        let message = "no document of kind Mesh was found";
        findings.push(
            references::NO_INTENT.at(Place::unknown(), message).help("run `meshwright init` to start one"),
        );
    }
    let others = std::mem::take(&mut intent.others);
    let mut fleet = resolve::resolve(intent, &mut findings);
    fleet.provisioned =
        others.iter().filter_map(|other| provisioning::read(other, stem(other, &paths))).collect();
    carry::attach(&mut fleet, others, &paths, &mut findings);
    fleet.files = paths;
    findings.extend(policy::check(&fleet));
    settings::apply(&fleet, &rules::adjustable(), today, &mut findings);
    findings.sort();
    Loaded { fleet, findings }
}

/// The name of a document's file without directories and extension.
fn stem<'a>(document: &Node, paths: &'a BTreeMap<FileId, String>) -> &'a str {
    let path = paths.get(&document.span.file).map_or("", String::as_str);
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split('.').next().unwrap_or(name)
}

/// Reads the documents of one file. Of a value whose text is questionable, what it would mean is not judged too: one
/// mistake is one finding.
pub(crate) fn read_file(file: SourceText<'_>) -> (Intent, Findings) {
    let mut intent = Intent::default();
    let mut findings = Findings::new();
    let documents = syntax::load(file.id, file.text, &Limits::default(), &mut findings);
    let questionable: BTreeSet<Span> = findings.iter().map(|finding| finding.place.span).collect();
    let mut judged = Findings::new();
    for document in documents {
        intent::read(document.root, &mut intent, &mut judged);
    }
    judged.retain_mut(|finding| !questionable.contains(&finding.place.span));
    findings.extend(judged);
    (intent, findings)
}

/// [`load`] of one text with several documents, on the first day of 2026.
#[must_use]
pub fn load_text(text: &str) -> Loaded {
    let file = SourceText { id: FileId(0), path: "intent.yaml", text: text.as_bytes() };
    load([file], Date { year: 2026, month: 1, day: 1 })
}

/// Renders a fleet that has no error.
#[must_use]
pub fn render(fleet: &Fleet) -> Output {
    render_again(fleet, &mut Memory::none())
}

/// [`render`] that takes what it can from the last time.
#[must_use]
pub(crate) fn render_again(fleet: &Fleet, memory: &mut Memory) -> Output {
    thread::scope(|scope| {
        let pages =
            scope.spawn(|| ARTEFACTS.iter().filter_map(|artefact| artefact.page(fleet)).collect::<Vec<_>>());
        let mut out = render_objects(fleet, memory);
        let pages = pages.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        pages.into_iter().for_each(|(path, text)| out.file(path, text));
        out
    })
}

fn render_objects(fleet: &Fleet, memory: &mut Memory) -> Output {
    memory.begin(fleet);
    let mut out = Output::default();
    for mesh in fleet.meshes.values() {
        render_clusters(mesh, memory, &mut out);
    }
    // Delivery looks at what there is to deliver.
    for artefact in ARTEFACTS {
        out.begin(artefact.name());
        artefact.render_fleet(fleet, memory, &mut out);
        fleet.meshes.values().for_each(|mesh| artefact.render_mesh(mesh, &mut out));
    }
    out
}

/// All that the output for a cluster depends on.
struct OfCluster {
    outline: Arc<Mesh>,
    cluster: Arc<Cluster>,
}

/// What keeps it.
const CLUSTER: &str = "cluster";

fn render_clusters(mesh: &Mesh, memory: &mut Memory, out: &mut Output) {
    let outline = memory.shared("outline", mesh.name.as_str(), outline(mesh));
    let clusters: Vec<&Cluster> = mesh.clusters.values().collect();
    let kept = &*memory;
    let parts = threads::in_parts(&clusters, CLUSTERS_FOR_THREADS, |part| {
        let one = |cluster: &&Cluster| {
            let last = kept.last::<OfCluster>(CLUSTER, cluster.name.as_str()).filter(|(last, _)| {
                let same = |now| Arc::ptr_eq(&last.cluster, now);
                Arc::ptr_eq(&last.outline, &outline) && kept.cluster(&cluster.name).is_some_and(same)
            });
            match last {
                Some((_, output)) => (output.clone(), true),
                None => (render_cluster(&outline, cluster), false),
            }
        };
        part.iter().map(one).collect::<Vec<_>>()
    });
    for (cluster, (output, known)) in clusters.into_iter().zip(parts.into_iter().flatten()) {
        let name = cluster.name.as_str();
        if known {
            memory.keep_on(CLUSTER, name);
        } else if let Some(cluster) = memory.cluster(&cluster.name) {
            let input = OfCluster { outline: Arc::clone(&outline), cluster: Arc::clone(cluster) };
            memory.keep(CLUSTER, name, input, &output);
        }
        out.append(output);
    }
}

fn render_cluster(outline: &Mesh, cluster: &Cluster) -> Output {
    let mut out = Output::default();
    for artefact in ARTEFACTS {
        out.begin(artefact.name());
        artefact.render_cluster(outline, cluster, &mut out);
    }
    out
}
