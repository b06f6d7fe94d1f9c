//! Files to documents: objects, chart values and kustomizations, and what of the text is a finding or a note.

use std::collections::BTreeMap;

use meshwright_policies::chart_keys::Chart;
use meshwright_policies::finding::{Finding, Findings};
use meshwright_policies::node::{FileId, Node, Span, Value};
use meshwright_policies::repository::Manifest;
use meshwright_policies::witness;

use super::kustomize::{self, Kustomization};
use super::{embedded, values};
use crate::source::{SourceFile, Sources};
use crate::syntax::{self, Limits};
use crate::threads;

/// What was read.
pub(super) struct Files<'a> {
    pub(super) sources: &'a Sources,
    all: Vec<File<'a>>,
    by_path: BTreeMap<&'a str, usize>,
    kustomizations: BTreeMap<String, Kustomization>,
    charts: BTreeMap<String, Vec<Dependency>>,
    pub(super) findings: Findings,
    pub(super) notes: Vec<String>,
}

/// A file and what it holds.
pub(super) struct File<'a> {
    pub(super) path: &'a str,
    pub(super) id: FileId,
    /// Whether all of it was read.
    pub(super) whole: bool,
    pub(super) contents: Vec<Content>,
}

/// A document.
pub(super) enum Content {
    /// A Kubernetes object.
    Object(Box<Manifest>),
    /// What has no kind: the values of charts that it seems to be, if any, and itself.
    Plain { root: Node, values: Vec<Manifest> },
}

impl Content {
    pub(super) fn node(&self) -> &Node {
        match self {
            Content::Object(manifest) => &manifest.document,
            Content::Plain { root, .. } => root,
        }
    }
}

/// A chart that another chart brings along.
#[derive(Clone, Debug)]
pub(super) struct Dependency {
    pub(super) chart: String,
    /// The key of its values: its alias, or its name.
    pub(super) key: String,
    pub(super) version: Option<String>,
}

impl<'a> Files<'a> {
    /// Every file, in the order of the paths.
    pub(super) fn in_order(&self) -> impl Iterator<Item = &File<'a>> {
        self.by_path.values().filter_map(|index| self.all.get(*index))
    }

    /// The file of a path.
    pub(super) fn at(&self, path: &str) -> Option<&File<'a>> {
        self.all.get(*self.by_path.get(path)?)
    }

    /// A directory, as the paths of its files have it; nothing when no file is in it.
    pub(super) fn directory(&self, directory: &str) -> Option<&str> {
        if let Some(kustomization) = self.kustomizations.get(directory) {
            return Some(&kustomization.directory);
        }
        self.below(directory).next().and_then(|file| file.path.get(..directory.len()))
    }

    /// A path in the directory of a kustomization.
    pub(super) fn path_in(&self, directory: &str) -> &str {
        self.kustomizations.get(directory).map_or("", |kustomization| &kustomization.path)
    }

    /// Files in a directory, and below it when asked.
    pub(super) fn below<'s>(&'s self, directory: &'s str) -> impl Iterator<Item = &'s File<'a>> + 's {
        let all = self.by_path.range(directory..).take_while(move |(path, _)| path.starts_with(directory));
        let inside = all.filter(move |(path, _)| is_within(path, directory));
        inside.filter_map(|(_, index)| self.all.get(*index))
    }

    /// Whether any file is below a directory.
    pub(super) fn has_directory(&self, directory: &str) -> bool {
        self.below(directory).next().is_some()
            || self.kustomizations.contains_key(directory)
            || self.charts.contains_key(directory)
            || directory.is_empty()
    }

    pub(super) fn kustomizations(&self) -> impl Iterator<Item = &Kustomization> {
        self.kustomizations.values()
    }

    pub(super) fn kustomization(&self, directory: &str) -> Option<&Kustomization> {
        self.kustomizations.get(directory)
    }

    /// What the chart in a directory brings along; nothing when there is no chart.
    pub(super) fn chart(&self, directory: &str) -> Option<&[Dependency]> {
        self.charts.get(directory).map(Vec::as_slice)
    }
}

/// Whether a path is a directory or in it.
pub(super) fn is_within(path: &str, directory: &str) -> bool {
    directory.is_empty()
        || path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The directory of a file.
pub(super) fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// Findings of reading that are true of any repository, in documents that assert something. Ambiguous scalars,
/// placeholders and anchors are other people's right.
const KEPT: &[&str] = &["MW0002", "MW0005"];
/// The text cannot be read.
const BROKEN: &str = "MW0001";
/// A value is to be filled in.
const PLACEHOLDER: &str = "MW0004";
/// Parts of it were left out.
const PARTIAL: &[&str] = &["MW0006", "MW0007", "MW0008"];

/// Fewer files than this are read by one thread.
const LEAST: usize = 64;

/// Directories with a `Chart.yaml`, with their last slash, and whether it brings other charts along.
type Charts<'a> = BTreeMap<&'a str, bool>;

/// Whether a `Chart.yaml` has dependencies; most charts have none, and their text tells.
fn wraps(chart: &[u8]) -> bool {
    String::from_utf8_lossy(chart).lines().any(|line| line.starts_with("dependencies:"))
}

pub(super) fn read(sources: &Sources) -> Files<'_> {
    let charts: Charts<'_> = sources
        .iter()
        .filter_map(|(_, file)| Some((file.path().strip_suffix("Chart.yaml")?, wraps(file.text()))))
        .filter(|(directory, _)| directory.is_empty() || directory.ends_with('/'))
        .collect();
    let files: Vec<(FileId, &SourceFile)> = sources.iter().collect();
    let parts = threads::in_parts(&files, LEAST, |files| {
        let mut part = Part { sources: Some(sources), ..Part::default() };
        files.iter().for_each(|(id, file)| part.file(*id, file, &charts));
        part
    });
    let mut read = Files {
        sources,
        all: Vec::with_capacity(files.len()),
        by_path: BTreeMap::new(),
        kustomizations: BTreeMap::new(),
        charts: BTreeMap::new(),
        findings: Findings::new(),
        notes: Vec::new(),
    };
    let mut skipped = Skipped::default();
    for part in parts {
        read.all.extend(part.files);
        read.kustomizations.extend(part.kustomizations.into_iter().map(|k| (k.directory.clone(), k)));
        read.charts.extend(part.charts);
        read.findings.extend(part.findings);
        skipped.templates.extend(part.skipped.templates);
        skipped.templated.extend(part.skipped.templated);
        skipped.unquoted.extend(part.skipped.unquoted);
        skipped.partial.extend(part.skipped.partial);
    }
    read.by_path = read.all.iter().enumerate().map(|(index, file)| (file.path, index)).collect();
    skipped.note(&mut read.notes);
    read
}

/// What some of the files hold.
#[derive(Default)]
struct Part<'a> {
    sources: Option<&'a Sources>,
    files: Vec<File<'a>>,
    kustomizations: Vec<Kustomization>,
    charts: Vec<(String, Vec<Dependency>)>,
    findings: Findings,
    skipped: Skipped<'a>,
}

/// Files of which nothing, or not everything, was read.
#[derive(Default)]
struct Skipped<'a> {
    templates: Vec<&'a str>,
    templated: Vec<&'a str>,
    unquoted: Vec<&'a str>,
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
        note(notes, &self.unquoted, "placeholders are filled in elsewhere: nothing is concluded from them");
        note(
            notes,
            &self.partial,
            "what is too large or has keys that are no text is left out: nothing is concluded from it",
        );
    }
}

impl<'a> Part<'a> {
    fn file(&mut self, id: FileId, file: &'a SourceFile, charts: &Charts<'_>) {
        let path = file.path();
        if is_template(path, charts) {
            self.skipped.templates.push(path);
            return;
        }
        let is_json = path.ends_with(".json");
        if is_json && !may_be_manifest(file.text()) {
            return;
        }
        let mut own = Findings::new();
        let documents = load(id, file.text(), &mut own);
        if path == "Chart.yaml" || path.ends_with("/Chart.yaml") {
            let dependencies = documents.first().map(|document| dependencies(&document.root));
            self.charts.push((directory(path).to_owned(), dependencies.unwrap_or_default()));
            return;
        }
        let has = |codes: &[&str]| own.iter().any(|finding| codes.contains(&finding.rule.code));
        // Many programs keep their own dialects of JSON, with comments.
        if is_json && has(&[BROKEN]) {
            return;
        }
        let mut read = File { path, id, whole: true, contents: Vec::new() };
        let is_templated = || {
            let text = String::from_utf8_lossy(file.text());
            looks_templated(&text) || own.iter().any(|finding| is_filled_in(finding, &text))
        };
        if has(&[BROKEN]) && is_templated() {
            self.skipped.templated.push(path);
            read.whole = false;
            self.files.push(read);
            return;
        }
        read.whole = !has(&[BROKEN]) && !has(PARTIAL);
        if has(PARTIAL) {
            self.skipped.partial.push(path);
        }
        if own.iter().any(|finding| is_unquoted(finding, &documents)) {
            self.skipped.unquoted.push(path);
        }
        for document in documents {
            self.document(path, document.root, &own, charts, &mut read.contents);
        }
        self.files.push(read);
        self.findings.extend(own.into_iter().filter(|finding| finding.rule.code == BROKEN));
    }

    fn document(
        &mut self,
        path: &'a str,
        root: Node,
        reading: &Findings,
        charts: &Charts<'_>,
        contents: &mut Vec<Content>,
    ) {
        let text = |key: &str| root.get(key).and_then(Node::as_str).unwrap_or_default();
        let (api, kind) = (text("apiVersion").to_owned(), text("kind").to_owned());
        let file = path.rsplit('/').next().unwrap_or(path);
        if file.starts_with("kustomization.y") || api.starts_with("kustomize.config.k8s.io/") {
            self.kustomizations.push(kustomize::read(&root, path));
        } else if api.starts_with("meshwright.dev/") && !witness::is_declaration(&root) {
            // Intent has its own command.
        } else if kind == "List" {
            for item in root.get("items").into_iter().flat_map(Node::items) {
                self.object(item.clone(), reading, contents);
            }
        } else if !kind.is_empty() && !api.is_empty() {
            self.object(root, reading, contents);
        } else {
            let values = if is_default(path, charts) { Vec::new() } else { values::subjects(&root, path) };
            for manifest in &values {
                self.kept(manifest, reading);
            }
            contents.push(Content::Plain { root, values });
        }
    }

    fn object(&mut self, root: Node, reading: &Findings, contents: &mut Vec<Content>) {
        let manifest = match self.sources {
            Some(sources) => object(root, sources),
            None => Manifest::object(root),
        };
        self.kept(&manifest, reading);
        contents.push(Content::Object(Box::new(manifest)));
    }

    fn kept(&mut self, manifest: &Manifest, reading: &Findings) {
        if manifest.claims.list.is_empty() && manifest.unresolved.is_empty() {
            return;
        }
        let within = |finding: &&Finding| {
            KEPT.contains(&finding.rule.code) && inside(finding.place.span, manifest.document.span)
        };
        self.findings.extend(reading.iter().filter(within).cloned());
    }
}

/// `dependencies` of a `Chart.yaml`.
fn dependencies(root: &Node) -> Vec<Dependency> {
    let items = root.get("dependencies").into_iter().flat_map(Node::items);
    let dependency = |item: &Node| {
        let text = |key: &str| item.get(key).and_then(Node::as_str).map(str::to_owned);
        let chart = text("name")?;
        Some(Dependency {
            key: text("alias").unwrap_or_else(|| chart.clone()),
            chart,
            version: text("version"),
        })
    };
    items.filter_map(dependency).collect()
}

/// Documents as Kubernetes and Helm read them: anchors are followed, and a quoted value may go on at the indentation of its key,
/// as the libraries of both allow.
fn load(id: FileId, text: &[u8], findings: &mut Findings) -> Vec<syntax::Document> {
    let limits = Limits { aliases: true, ..Limits::default() };
    let mut own = Findings::new();
    let documents = syntax::load(id, text, &limits, &mut own);
    let is_broken = |findings: &Findings| findings.iter().any(|finding| finding.rule.code == BROKEN);
    if is_broken(&own)
        && let Some(joined) = quoted_on_one_line(text)
    {
        let mut again = Findings::new();
        let documents = syntax::load(id, &joined, &limits, &mut again);
        if !is_broken(&again) {
            findings.extend(again);
            return documents;
        }
    }
    findings.extend(own);
    documents
}

/// The text with blanks for the line breaks in quoted values, so that everything stays at its place; nothing where no quoted
/// value goes on over lines.
fn quoted_on_one_line(text: &[u8]) -> Option<Vec<u8>> {
    let mut joined = text.to_vec();
    let mut is_changed = false;
    let mut at = 0;
    while let Some(length) = text.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'\n')) {
        let end = at.saturating_add(length);
        let line = text.get(at..end).unwrap_or_default();
        at = end.saturating_add(1);
        let Some((quote, open)) = opening_quote(line) else { continue };
        let after = end.saturating_sub(line.len()).saturating_add(open).saturating_add(1);
        let Some(close) = closing_quote(text, after, quote).filter(|close| *close > end) else { continue };
        for byte in joined.get_mut(after..close).unwrap_or_default() {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
                is_changed = true;
            }
        }
        let rest = text.get(close..).unwrap_or_default();
        at = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(text.len(), |next| close.saturating_add(next).saturating_add(1));
    }
    is_changed.then_some(joined)
}

/// The quote that begins the value on a line, and where.
fn opening_quote(line: &[u8]) -> Option<(u8, usize)> {
    let value =
        line.windows(2).position(|pair| pair == b": ").map(|at| at.saturating_add(2)).or_else(|| {
            let item = line.iter().position(|byte| *byte != b' ')?;
            line.get(item..)?.starts_with(b"- ").then(|| item.saturating_add(2))
        })?;
    let blanks = line.get(value..)?.iter().position(|byte| *byte != b' ')?;
    let at = value.saturating_add(blanks);
    let quote = *line.get(at)?;
    matches!(quote, b'\'' | b'"').then_some((quote, at))
}

/// Where a quoted value that begins at a place ends.
fn closing_quote(text: &[u8], from: usize, quote: u8) -> Option<usize> {
    let mut at = from;
    loop {
        let byte = *text.get(at)?;
        let next = text.get(at.saturating_add(1)).copied();
        at = match byte {
            b'\\' if quote == b'"' => at.saturating_add(2),
            b'\'' if quote == b'\'' && next == Some(b'\'') => at.saturating_add(2),
            byte if byte == quote => return Some(at),
            _ => at.saturating_add(1),
        };
    }
}

/// What an object asserts, with the YAML in it.
pub(super) fn object(root: Node, sources: &Sources) -> Manifest {
    Manifest::object(embedded::expand(root, sources))
}

pub(super) fn note(notes: &mut Vec<String>, paths: &[&str], why: &str) {
    if let Some(first) = paths.first() {
        let files = if paths.len() == 1 { "1 file".to_owned() } else { format!("{} files", paths.len()) };
        notes.push(format!("{why} ({files}, such as `{first}`)"));
    }
}

/// Whether a placeholder became a mapping, since it has no quotes: `{{ x }}`.
fn is_unquoted(finding: &Finding, documents: &[syntax::Document]) -> bool {
    let place = &finding.place;
    let of = |document: &&syntax::Document| inside(place.span, document.root.span);
    finding.rule.code == PLACEHOLDER
        && documents
            .iter()
            .filter(of)
            .filter_map(|document| document.root.at(&place.path))
            .any(|node| matches!(node.value, Value::Mapping(_)))
}

/// Whether what cannot be read is on a line that something fills in: `{clusterName: ${cluster}}`.
fn is_filled_in(finding: &Finding, text: &str) -> bool {
    let at = usize::try_from(finding.place.span.start).unwrap_or(usize::MAX);
    let start = text.get(..at).unwrap_or(text).rfind('\n').map_or(0, |end| end.saturating_add(1));
    let line = text.get(start..).and_then(|rest| rest.split('\n').next()).unwrap_or_default();
    finding.rule.code == BROKEN && line.contains("${")
}

/// Whether JSON may be an object, or parameters that a generator reads: most of it is other programs', and some of it large.
fn may_be_manifest(text: &[u8]) -> bool {
    const LARGEST_PLAIN: usize = 64 << 10;
    let has = |key: &[u8]| text.windows(key.len()).any(|window| window == key);
    text.len() <= LARGEST_PLAIN || has(br#""apiVersion""#) && has(br#""kind""#)
}

fn looks_templated(text: &str) -> bool {
    ["{{", "<%", "{%", "((", "#@"].iter().any(|mark| text.contains(mark))
}

/// A file of a chart's `templates/` or of a chart within a chart.
fn is_template(path: &str, charts: &Charts<'_>) -> bool {
    charts_around(path, charts).any(|(_, rest)| rest.starts_with("templates/"))
}

/// The defaults and profiles of Istio's own charts, vendored. A chart that brings others along is somebody's wrapper of them,
/// whatever it is called.
fn is_default(path: &str, charts: &Charts<'_>) -> bool {
    charts_around(path, charts).filter(|(chart, _)| charts.get(chart) == Some(&false)).any(|(chart, rest)| {
        let name = chart.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let istios = Chart::named(name).is_some() || name.starts_with("istio");
        istios && (rest == "values.yaml" || rest.starts_with("files/"))
    })
}

/// The charts that a file is in, each with the way from it.
fn charts_around<'a>(path: &'a str, charts: &Charts<'_>) -> impl Iterator<Item = (&'a str, &'a str)> {
    let ends = path.match_indices('/').map(|(at, _)| at.saturating_add(1));
    let splits = std::iter::once(0).chain(ends).filter_map(|end| path.split_at_checked(end));
    splits.filter(|(directory, _)| charts.contains_key(directory))
}

fn inside(inner: Span, outer: Span) -> bool {
    inner.file == outer.file && inner.start >= outer.start && inner.end <= outer.end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_values_go_on_at_the_indentation_of_their_key() {
        let text = "a:\n  b: 'one\n  two: it''s\n\n  three'\n  c: \"x\\\"\n  y\"\n  d: 'e'\n  - 'f\n  g'\n";
        let joined = String::from_utf8(quoted_on_one_line(text.as_bytes()).unwrap()).unwrap();
        assert_eq!(
            joined,
            "a:\n  b: 'one   two: it''s    three'\n  c: \"x\\\"   y\"\n  d: 'e'\n  - 'f   g'\n"
        );
        for text in ["a: 'b'\nc: d\n", "a: 'never closed\nb: c\n", "a: it's\nb: isn't\n"] {
            assert_eq!(quoted_on_one_line(text.as_bytes()), None, "{text}");
        }
        let text = "a:\n  b: 'one\n  two'\n  c: d\n";
        let mut findings = Findings::new();
        let documents = load(FileId(0), text.as_bytes(), &mut findings);
        assert!(findings.iter().next().is_none());
        let node = documents[0].root.at(&"a.c".into()).unwrap();
        assert_eq!(&text[node.span.start as usize..node.span.end as usize], "d");
        let mut findings = Findings::new();
        load(FileId(0), b"a: 'one\n\tb: c\n", &mut findings);
        assert_eq!(findings.iter().next().unwrap().rule.code, BROKEN);
    }

    #[test]
    fn what_a_template_fills_in_is_no_broken_manifest() {
        let is_template = |text: &str| {
            let mut findings = Findings::new();
            load(FileId(0), text.as_bytes(), &mut findings);
            findings.iter().any(|finding| is_filled_in(finding, text))
        };
        assert!(is_template("a: ${b}\nc: {d: ${e}}\n"));
        assert!(!is_template("a: ${b}\nc: {d: e\n"));
    }
}
