//! Files to documents: objects, chart values and kustomizations, and what of the text is a finding or a note.

use std::collections::BTreeSet;

use meshwright_policies::chart_keys::Chart;
use meshwright_policies::finding::{Finding, Findings};
use meshwright_policies::node::{FileId, Node, Span};
use meshwright_policies::repository::{Manifest, ValuesAt};

use super::embedded;
use super::kustomize::{self, Kustomization};
use super::values;
use crate::source::{SourceFile, Sources};
use crate::syntax::{self, Limits};
use crate::threads;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) documents: Vec<Document>,
    pub(super) kustomizations: Vec<Kustomization>,
    pub(super) findings: Findings,
    pub(super) notes: Vec<String>,
    /// Whether objects that assert nothing are kept too.
    everything: bool,
}

/// A document that may assert something, and where it is.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) path: String,
    pub(super) subject: Manifest,
}

/// Findings of reading that are true of any repository, in documents that assert something. Ambiguous scalars,
/// placeholders and anchors are other people's right.
const KEPT: &[&str] = &["MW0002", "MW0005"];
/// The text cannot be read.
const BROKEN: &str = "MW0001";
/// Parts of it were left out.
const PARTIAL: &[&str] = &["MW0006", "MW0007", "MW0008"];

/// Fewer files than this are read by one thread.
const LEAST: usize = 64;

/// `everything`: objects that assert nothing are kept too.
pub(super) fn read(sources: &Sources, everything: bool) -> Read {
    let charts: BTreeSet<&str> = sources
        .iter()
        .filter_map(|(_, file)| file.path().strip_suffix("Chart.yaml"))
        .filter(|directory| directory.is_empty() || directory.ends_with('/'))
        .collect();
    let files: Vec<(FileId, &SourceFile)> = sources.iter().collect();
    let parts = threads::in_parts(&files, LEAST, |files| {
        let mut part = Part { read: Read { everything, ..Read::default() }, ..Part::default() };
        files.iter().for_each(|(id, file)| part.file(*id, file, &charts));
        part
    });
    let (mut read, mut skipped) = (Read::default(), Skipped::default());
    for part in parts {
        read.documents.extend(part.read.documents);
        read.kustomizations.extend(part.read.kustomizations);
        read.findings.extend(part.read.findings);
        skipped.templates.extend(part.skipped.templates);
        skipped.templated.extend(part.skipped.templated);
        skipped.partial.extend(part.skipped.partial);
    }
    skipped.note(&mut read.notes);
    read.unresolved();
    read
}

/// What some of the files hold.
#[derive(Default)]
struct Part<'a> {
    read: Read,
    skipped: Skipped<'a>,
}

/// Files of which nothing, or not everything, was read.
#[derive(Default)]
struct Skipped<'a> {
    templates: Vec<&'a str>,
    templated: Vec<&'a str>,
    partial: Vec<&'a str>,
}

impl Skipped<'_> {
    fn note(&self, notes: &mut Vec<String>) {
        note(
            notes,
            &self.templates,
            "templates of charts are not read: what they render is known to Helm alone",
        );
        note(notes, &self.templated, "templates that are no YAML yet are not read");
        note(
            notes,
            &self.partial,
            "anchors and what is too large are left out: nothing is concluded from them",
        );
    }
}

impl<'a> Part<'a> {
    fn file(&mut self, id: FileId, file: &'a SourceFile, charts: &BTreeSet<&str>) {
        let path = file.path();
        if is_template(path, charts) {
            self.skipped.templates.push(path);
            return;
        }
        if is_chart_file(path, charts) {
            return;
        }
        let mut own = Findings::new();
        let documents = syntax::load(id, file.text(), &Limits::default(), &mut own);
        let has = |codes: &[&str]| own.iter().any(|finding| codes.contains(&finding.rule.code));
        if has(&[BROKEN]) && looks_templated(&String::from_utf8_lossy(file.text())) {
            self.skipped.templated.push(path);
            return;
        }
        if has(PARTIAL) {
            self.skipped.partial.push(path);
        }
        for document in documents {
            self.read.document(path, file.text(), document.root, &own);
        }
        let broken = own.into_iter().filter(|finding| finding.rule.code == BROKEN);
        self.read.findings.extend(broken);
    }
}

fn note(notes: &mut Vec<String>, paths: &[&str], why: &str) {
    if let Some(first) = paths.first() {
        let files = if paths.len() == 1 { "1 file".to_owned() } else { format!("{} files", paths.len()) };
        notes.push(format!("{why} ({files}, such as `{first}`)"));
    }
}

fn looks_templated(text: &str) -> bool {
    ["{{", "<%", "{%", "((", "#@"].iter().any(|mark| text.contains(mark))
}

/// A file of a chart's `templates/` or of a chart within a chart.
fn is_template(path: &str, charts: &BTreeSet<&str>) -> bool {
    charts_around(path, charts).any(|(_, rest)| rest.starts_with("templates/"))
}

/// `Chart.yaml` itself, and the defaults and profiles of Istio's own charts, vendored.
fn is_chart_file(path: &str, charts: &BTreeSet<&str>) -> bool {
    charts_around(path, charts).any(|(chart, rest)| {
        let name = chart.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let istios = Chart::named(name).is_some() || name.starts_with("istio");
        rest == "Chart.yaml" || (istios && (rest == "values.yaml" || rest.starts_with("files/")))
    })
}

/// The charts that a file is in, each with the way from it.
fn charts_around<'a>(path: &'a str, charts: &BTreeSet<&str>) -> impl Iterator<Item = (&'a str, &'a str)> {
    let ends = path.match_indices('/').map(|(at, _)| at.saturating_add(1));
    let splits = std::iter::once(0).chain(ends).filter_map(|end| path.split_at_checked(end));
    splits.filter(|(directory, _)| charts.contains(directory))
}

/// Kinds that are compared even when they assert nothing by themselves.
const KEPT_KINDS: &[&str] = &[
    "Application",
    "ApplicationSet",
    "Deployment",
    "Gateway",
    "HelmRelease",
    "Istio",
    "IstioOperator",
    "Kustomization",
    "Namespace",
    "ServiceEntry",
    "WorkloadEntry",
    "WorkloadGroup",
    "ZTunnel",
];

/// The CRD that says which release of the Gateway API is installed.
const GATEWAY_CRD: &str = "gateways.gateway.networking.k8s.io";

impl Read {
    fn document(&mut self, path: &str, text: &[u8], root: Node, reading: &Findings) {
        let string = |key: &str| root.get(key).and_then(Node::as_str).unwrap_or_default();
        let (api, kind) = (string("apiVersion").to_owned(), string("kind").to_owned());
        let file = path.rsplit('/').next().unwrap_or(path);
        if file.starts_with("kustomization.y") || api.starts_with("kustomize.config.k8s.io/") {
            self.kustomizations.push(kustomize::read(&root, path));
        } else if api.starts_with("meshwright.dev/") {
            // Intent and declarations have their own command.
        } else if kind == "List" {
            for item in root.get("items").into_iter().flat_map(Node::items) {
                self.add(path, Manifest::object(embedded::expand(item.clone(), text)), reading);
            }
        } else if !kind.is_empty() && !api.is_empty() {
            self.add(path, Manifest::object(embedded::expand(root, text)), reading);
        } else {
            for subject in values::subjects(&root, path) {
                self.add(path, subject, reading);
            }
        }
    }

    fn add(&mut self, path: &str, subject: Manifest, reading: &Findings) {
        let kept = self.everything
            || KEPT_KINDS.contains(&subject.kind.as_str())
            || subject.kind == "CustomResourceDefinition" && subject.name == GATEWAY_CRD
            || subject.kind == "Namespace" && subject.name.starts_with("istio");
        let has_values = || {
            let named = |at: &ValuesAt<'_>| at.chart.is_some();
            !subject.kind.is_empty() && subject.chart_values().iter().any(named)
        };
        let asserts = !subject.claims.list.is_empty() || !subject.unresolved.is_empty();
        if !asserts && !kept && subject.mesh_networks().is_empty() && !has_values() {
            return;
        }
        if asserts {
            let within = |finding: &&Finding| {
                KEPT.contains(&finding.rule.code) && inside(finding.place.span, subject.document.span)
            };
            self.findings.extend(reading.iter().filter(within).cloned());
        }
        self.documents.push(Document { path: path.to_owned(), subject });
    }

    /// What templates fill in is said once.
    fn unresolved(&mut self) {
        let open: Vec<&Document> =
            self.documents.iter().filter(|document| !document.subject.unresolved.is_empty()).collect();
        let count: usize = open.iter().map(|document| document.subject.unresolved.len()).sum();
        if let Some((first, path)) =
            open.first().and_then(|document| Some((document, document.subject.unresolved.first()?)))
        {
            let fields = if count == 1 { "1 field holds".to_owned() } else { format!("{count} fields hold") };
            self.notes.push(format!(
                "{fields} a placeholder that is filled in elsewhere: nothing is concluded from it (`{path}` in `{}`)",
                first.path
            ));
        }
        let elsewhere: Vec<&str> = self
            .documents
            .iter()
            .filter(|document| takes_values_from_elsewhere(&document.subject))
            .map(|document| document.path.as_str())
            .collect();
        note(&mut self.notes, &elsewhere, "values from ConfigMaps, Secrets and files are not read");
    }
}

fn takes_values_from_elsewhere(subject: &Manifest) -> bool {
    let paths = ["spec.valuesFrom", "spec.source.helm.valueFiles", "spec.source.helm.fileParameters"];
    paths.iter().any(|path| subject.document.at(&(*path).into()).is_some())
}

fn inside(inner: Span, outer: Span) -> bool {
    inner.file == outer.file && inner.start >= outer.start && inner.end <= outer.end
}

/// Objects of a patch, read from its text.
pub(super) fn patch(text: &str, span: Span) -> Option<Node> {
    let read = syntax::load(FileId::NONE, text.as_bytes(), &Limits::default(), &mut Findings::new());
    let mut root = read.into_iter().next()?.root;
    embedded::place(&mut root, &mut |_| span);
    Some(root)
}
