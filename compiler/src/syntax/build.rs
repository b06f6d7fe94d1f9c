//! Events of one document to a spanned tree, without recursion.

use std::collections::BTreeMap;

use granit_parser::{Event, ScalarStyle, StructureStyle};
use meshwright_policies::finding::Place;
use meshwright_policies::node::{Entry, FieldPath, Node, Span, Value};
use meshwright_policies::reading;

use super::report::{Report, bytes};
use super::scalar::{self, Scalar};
use super::{Document, Limits};

/// Below this many keys a scan is faster than an index.
const INDEX_FROM: usize = 16;

/// The key that takes in the keys of other mappings.
const MERGE: &str = "<<";

/// Reading cannot go on.
pub(super) enum Fatal {
    /// In this document.
    Document,
    /// In this file.
    File,
}

/// A document being read.
pub(super) struct Builder<'t> {
    text: &'t str,
    limits: &'t Limits,
    nodes_left: usize,
    frames: Vec<Frame>,
    root: Option<Node>,
    /// Anchors by the parser's number.
    anchors: BTreeMap<usize, Anchor>,
    /// The anchor of the next value, where aliases are followed.
    pending: Option<usize>,
    /// Values with an anchor.
    anchored: BTreeMap<usize, Node>,
}

struct Anchor {
    name: String,
    span: Span,
    used: bool,
}

/// A collection being read.
struct Frame {
    content: Content,
    start: usize,
    /// End of the last thing in it.
    end: usize,
    /// Written with brackets.
    brackets: bool,
    /// Its anchor, where aliases are followed.
    anchor: Option<usize>,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<Entry>, index: BTreeMap<String, usize>, key: Key },
}

/// What a mapping expects next.
enum Key {
    /// A key.
    Wanted,
    /// The value of this key.
    Read { key: String, span: Span },
    /// The value of a key that cannot be kept; reported already.
    Dropped { key: String },
    /// The value of `<<`; reported with the value.
    Merge { span: Span },
}

impl<'t> Builder<'t> {
    pub(super) fn new(text: &'t str, limits: &'t Limits, nodes_left: usize) -> Builder<'t> {
        Builder {
            text,
            limits,
            nodes_left,
            frames: Vec::new(),
            root: None,
            anchors: BTreeMap::new(),
            pending: None,
            anchored: BTreeMap::new(),
        }
    }

    pub(super) fn nodes_left(&self) -> usize {
        self.nodes_left
    }

    /// The document, unless it is empty.
    pub(super) fn finish(self, report: &mut Report<'_>) -> Option<Document> {
        for anchor in self.anchors.values().filter(|anchor| !anchor.used && !self.limits.aliases) {
            let place = Place { span: anchor.span, path: FieldPath::root() };
            let message = format!("anchor `&{}` is not accepted", anchor.name);
            report.add(reading::ALIAS.at(place, message).help("remove it: nothing refers to it"));
        }
        let root = self.root?;
        let empty = root.value == Value::Null && root.span.start == root.span.end;
        (!empty).then_some(Document { span: root.span, root })
    }

    /// Takes the next event of the document.
    pub(super) fn event(
        &mut self,
        event: Event<'_>,
        span: granit_parser::Span,
        report: &mut Report<'_>,
    ) -> Result<(), Fatal> {
        match event {
            Event::Scalar(value, style, anchor, tag) => {
                self.pending = Some(anchor).filter(|id| *id != 0 && self.limits.aliases);
                self.count(span, report)?;
                self.merge_value(report);
                let text = self.written(span, style);
                // The parser says `~` where nothing is written.
                let value = if text.2.is_empty() && style == ScalarStyle::Plain { "".into() } else { value };
                let scalar = Scalar { value, style, tag: tag.as_deref(), written: text.2 };
                if scalar.value.len() > self.limits.scalar_bytes {
                    return Err(self.too_large(
                        span,
                        format!("a value has more than {} bytes", self.limits.scalar_bytes),
                        report,
                    ));
                }
                self.scalar(&scalar, text.0, text.1, span, report);
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.pending = Some(anchor).filter(|id| *id != 0 && self.limits.aliases);
                self.open(Content::Sequence(Vec::new()), style, span, report)?;
                self.collection_tag(tag.as_deref(), "seq", span, report);
            }
            Event::MappingStart(style, anchor, tag) => {
                self.pending = Some(anchor).filter(|id| *id != 0 && self.limits.aliases);
                let content =
                    Content::Mapping { entries: Vec::new(), index: BTreeMap::new(), key: Key::Wanted };
                self.open(content, style, span, report)?;
                self.collection_tag(tag.as_deref(), "map", span, report);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span, report),
            Event::Anchor(id, name) => {
                let (start, end) = bytes(span);
                let span = report.span(start, end);
                self.anchors.insert(id, Anchor { name: name.into_owned(), span, used: false });
            }
            Event::Alias(id) => {
                self.count(span, report)?;
                match self.anchored.get(&id).filter(|_| !self.expects_key()).cloned() {
                    Some(node) => self.followed(node, span, report)?,
                    None => self.alias(Some(id), span, report),
                }
            }
            Event::UnresolvedAlias(_) => {
                self.count(span, report)?;
                self.alias(None, span, report);
            }
            _ => {}
        }
        Ok(())
    }

    /// The field that is being read.
    fn path(&self) -> FieldPath {
        let mut path = FieldPath::root();
        for frame in &self.frames {
            path = match &frame.content {
                Content::Sequence(items) => path.index(items.len()),
                Content::Mapping { key: Key::Read { key, .. } | Key::Dropped { key }, .. } => path.key(key),
                Content::Mapping { key: Key::Merge { .. }, .. } => path.key("<<"),
                Content::Mapping { key: Key::Wanted, .. } => path,
            };
        }
        path
    }

    fn expects_key(&self) -> bool {
        matches!(self.frames.last(), Some(Frame { content: Content::Mapping { key: Key::Wanted, .. }, .. }))
    }

    fn count(&mut self, span: granit_parser::Span, report: &mut Report<'_>) -> Result<(), Fatal> {
        match self.nodes_left.checked_sub(1) {
            Some(left) => {
                self.nodes_left = left;
                Ok(())
            }
            None => {
                let message = format!("more than {} keys and values in one file", self.limits.nodes);
                self.too_large(span, message, report);
                Err(Fatal::File)
            }
        }
    }

    fn too_large(&self, span: granit_parser::Span, message: String, report: &mut Report<'_>) -> Fatal {
        let (start, _) = bytes(span);
        let place = Place { span: report.span(start, start), path: self.path() };
        report.add(reading::TOO_LARGE.at(place, message));
        Fatal::Document
    }

    /// First byte, end and text of a scalar as written, without the line breaks after a block scalar.
    fn written(&self, span: granit_parser::Span, style: ScalarStyle) -> (usize, usize, &'t str) {
        let (start, end) = bytes(span);
        let mut text = self.text.get(start..end).unwrap_or_default();
        if !matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted) {
            text = text.trim_end_matches([' ', '\t', '\r', '\n']);
        }
        (start, start.saturating_add(text.len()), text)
    }

    fn scalar(
        &mut self,
        scalar: &Scalar<'_>,
        start: usize,
        end: usize,
        event: granit_parser::Span,
        report: &mut Report<'_>,
    ) {
        let anchor = self.pending.take();
        let span = report.span(start, end);
        let tag = event.tag_span().map_or(span, |tag| {
            let (start, end) = bytes(tag);
            report.span(start, end)
        });
        if !self.expects_key() {
            let path = self.path();
            let value = scalar::read_value(scalar, span, tag, &path, report);
            let node = Node { value, span };
            if let Some(id) = anchor {
                self.anchored.insert(id, node.clone());
            }
            self.place(node, end);
            return;
        }
        let path = self.path().key(&scalar.value);
        let text = scalar.value.to_string();
        let is_merge = text == MERGE && scalar.style == ScalarStyle::Plain;
        if is_merge && !self.limits.aliases {
            self.set_key(Key::Merge { span }, end);
            return;
        }
        if !is_merge {
            scalar::check_key(scalar, span, tag, &path, report);
        }
        let first = self.find_key(&text);
        match first {
            None => self.set_key(Key::Read { key: text, span }, end),
            Some(first) => {
                let message = format!("key `{text}` is already there");
                let first = Place { span: first, path: path.clone() };
                report.add(
                    reading::DUPLICATE_KEY
                        .at(Place { span, path }, message)
                        .related(first, format!("`{text}` is first given here"))
                        .help("remove one of the two"),
                );
                self.set_key(Key::Dropped { key: text }, end);
            }
        }
    }

    fn set_key(&mut self, next: Key, at: usize) {
        if let Some(Frame { content: Content::Mapping { key, .. }, end, .. }) = self.frames.last_mut() {
            *key = next;
            *end = at;
        }
    }

    /// Where the mapping being read has this key.
    fn find_key(&mut self, wanted: &str) -> Option<Span> {
        let Some(Frame { content: Content::Mapping { entries, index, .. }, .. }) = self.frames.last_mut()
        else {
            return None;
        };
        if entries.len() < INDEX_FROM {
            return entries.iter().find(|entry| entry.key == wanted).map(|entry| entry.key_span);
        }
        for (at, entry) in entries.iter().enumerate().skip(index.len()) {
            index.insert(entry.key.clone(), at);
        }
        index.get(wanted).and_then(|at| entries.get(*at)).map(|entry| entry.key_span)
    }

    /// Puts a finished value where it belongs.
    fn place(&mut self, node: Node, at: usize) {
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(node);
            return;
        };
        frame.end = frame.end.max(at);
        match &mut frame.content {
            Content::Sequence(items) => items.push(node),
            Content::Mapping { entries, key, .. } => {
                let next = match key {
                    // A list or mapping as a key: reported when it was opened.
                    Key::Wanted => Key::Dropped { key: "?".to_owned() },
                    _ => Key::Wanted,
                };
                if let Key::Read { key, span } = std::mem::replace(key, next) {
                    entries.push(Entry { key, key_span: span, node });
                }
            }
        }
    }

    fn open(
        &mut self,
        content: Content,
        style: StructureStyle,
        span: granit_parser::Span,
        report: &mut Report<'_>,
    ) -> Result<(), Fatal> {
        self.count(span, report)?;
        self.merge_value(report);
        if self.frames.len() >= self.limits.depth {
            let message = format!("lists and mappings are nested more than {} deep", self.limits.depth);
            return Err(self.too_large(span, message, report));
        }
        let (start, end) = bytes(span);
        if self.expects_key() {
            self.complex_key(start, report);
        }
        let brackets = style == StructureStyle::Flow
            && self.text.as_bytes().get(start).is_some_and(|byte| matches!(byte, b'{' | b'['));
        let anchor = self.pending.take();
        self.frames.push(Frame { content, start, end: if brackets { end } else { start }, brackets, anchor });
        Ok(())
    }

    /// `{{ x }}` without quotes is a mapping whose key is a mapping: say what was meant.
    fn complex_key(&self, start: usize, report: &mut Report<'_>) {
        let place = Place { span: report.span(start, start), path: self.path() };
        let around = self.text.get(start.saturating_sub(1)..).unwrap_or_default();
        if around.starts_with("{{") {
            let length = around.find("}}").map_or(2, |end| end.saturating_add(2));
            let before = start.saturating_sub(1);
            let text = around.get(..length).unwrap_or_default();
            let place = Place { span: report.span(before, before.saturating_add(length)), ..place };
            let message = format!("placeholder `{text}` was never replaced");
            report.add(reading::UNRESOLVED_PLACEHOLDER.at(place, message).help("write the value"));
        } else {
            let message = "a list or mapping cannot be a key";
            report.add(reading::KEY_NOT_STRING.at(place, message).help("use a string as the key"));
        }
    }

    fn close(&mut self, span: granit_parser::Span, report: &Report<'_>) {
        let Some(frame) = self.frames.pop() else { return };
        let (_, written) = bytes(span);
        let end = if frame.brackets { written.max(frame.end) } else { frame.end };
        let value = match frame.content {
            Content::Sequence(items) => Value::Sequence(items),
            Content::Mapping { entries, .. } if self.limits.aliases => Value::Mapping(merged(entries)),
            Content::Mapping { entries, .. } => Value::Mapping(entries),
        };
        let node = Node { value, span: report.span(frame.start, end) };
        if let Some(id) = frame.anchor {
            self.anchored.insert(id, node.clone());
        }
        self.place(node, end);
    }

    /// Puts what an anchor is at in the place of an alias. It keeps its own place, where a person changes it.
    fn followed(
        &mut self,
        node: Node,
        span: granit_parser::Span,
        report: &mut Report<'_>,
    ) -> Result<(), Fatal> {
        let (nodes, depth) = extent(&node);
        if self.frames.len().saturating_add(depth) > self.limits.depth {
            let message = format!("lists and mappings are nested more than {} deep", self.limits.depth);
            return Err(self.too_large(span, message, report));
        }
        let Some(left) = self.nodes_left.checked_sub(nodes) else {
            let message = format!("more than {} keys and values in one file", self.limits.nodes);
            self.too_large(span, message, report);
            return Err(Fatal::File);
        };
        self.nodes_left = left;
        let (_, end) = bytes(span);
        self.place(node, end);
        Ok(())
    }

    fn collection_tag(
        &self,
        tag: Option<&granit_parser::Tag>,
        natural: &str,
        span: granit_parser::Span,
        report: &mut Report<'_>,
    ) {
        if let Some(tag) = tag
            && !tag.is_yaml_core_schema_tag(natural)
        {
            let place = report.place(span.tag_span().unwrap_or(span), self.path());
            report.add(scalar::refused_tag(tag, place));
        }
    }

    /// A merge key whose value is not an alias.
    fn merge_value(&mut self, report: &mut Report<'_>) {
        let Some(Frame { content: Content::Mapping { key: Key::Merge { span }, .. }, .. }) =
            self.frames.last()
        else {
            return;
        };
        let place = Place { span: *span, path: self.path() };
        report.add(
            reading::ALIAS
                .at(place, "merge key `<<` is not accepted")
                .help("write the keys where they are meant"),
        );
        if let Some(Frame { content: Content::Mapping { key, .. }, .. }) = self.frames.last_mut() {
            *key = Key::Dropped { key: "<<".to_owned() };
        }
    }

    fn alias(&mut self, id: Option<usize>, span: granit_parser::Span, report: &mut Report<'_>) {
        let (start, end) = bytes(span);
        let text = self.text.get(start..end).unwrap_or_default();
        let merge = matches!(
            self.frames.last(),
            Some(Frame { content: Content::Mapping { key: Key::Merge { .. }, .. }, .. })
        );
        let message = match (merge, id) {
            (true, _) => format!("merge key `<<: {text}` is not accepted"),
            (false, Some(_)) => format!("alias `{text}` is not accepted"),
            (false, None) => format!(
                "alias `{text}` is not accepted, and nothing has the anchor `&{}`",
                text.trim_start_matches('*')
            ),
        };
        let mut finding = reading::ALIAS.at(report.place(span, self.path()), message);
        finding = if text.starts_with("**") || id.is_none() {
            finding.help(format!("write the value itself, or quote it if the text is meant: `\"{text}\"`"))
        } else {
            finding.help("write the value itself")
        };
        if let Some(anchor) = id.and_then(|id| self.anchors.get_mut(&id)) {
            anchor.used = true;
            let place = Place { span: anchor.span, path: FieldPath::root() };
            finding = finding.related(place, format!("`&{}` is here", anchor.name));
        }
        report.add(finding);
        let node = Node { value: Value::Null, span: report.span(start, end) };
        self.place(node, end);
    }
}

/// How many keys and values a value has, and how deep it is nested, itself counted.
fn extent(node: &Node) -> (usize, usize) {
    let inner: (usize, usize) = match &node.value {
        Value::Sequence(items) => items.iter().map(extent).fold((0, 0), added),
        Value::Mapping(entries) => {
            let (nodes, depth) = entries.iter().map(|entry| extent(&entry.node)).fold((0, 0), added);
            (nodes.saturating_add(entries.len()), depth)
        }
        _ => return (1, 0),
    };
    (inner.0.saturating_add(1), inner.1.saturating_add(1))
}

fn added(a: (usize, usize), b: (usize, usize)) -> (usize, usize) {
    (a.0.saturating_add(b.0), a.1.max(b.1))
}

/// The entries with those that `<<` takes in: what is written wins, and then the first (yaml.org/type/merge.html).
fn merged(entries: Vec<Entry>) -> Vec<Entry> {
    if !entries.iter().any(|entry| entry.key == MERGE) {
        return entries;
    }
    let (merges, mut entries): (Vec<Entry>, Vec<Entry>) =
        entries.into_iter().partition(|entry| entry.key == MERGE);
    for merge in merges {
        let maps = match merge.node.value {
            Value::Sequence(maps) => maps,
            _ => vec![merge.node],
        };
        for map in maps {
            let Value::Mapping(more) = map.value else { continue };
            for entry in more {
                if !entries.iter().any(|own| own.key == entry.key) {
                    entries.push(entry);
                }
            }
        }
    }
    entries
}
