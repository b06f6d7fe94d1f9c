//! Findings for people at a terminal: what is wrong, the lines it stands in, what to do, and the sum at the end.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use meshwright_policies::finding::{Finding, Place, Severity};
use meshwright_policies::node::FieldPath;

use super::text::{visible, visible_char, visible_lines};
use super::{Report, Spot, json, without_cluster};
use crate::source::SourceFile;

/// Longest message and label in characters: a value that was pasted by mistake must not fill the screen.
const LONGEST_MESSAGE: usize = 1_000;
const LONGEST_LABEL: usize = 200;
/// Characters of a line that are kept before and after what is pointed at. More before it than that, and the line is
/// not shown, only named: a cut beginning would make its columns wrong.
const LONGEST_BEFORE: usize = 2_000;
const LONGEST_AFTER: usize = 120;
/// Most lines between two places that still share one snippet.
const FURTHEST_APART: usize = 200;
/// The code of secrets that were found in the intent.
const SECRET_IN_INTENT: &str = "MW7001";
/// Most related places drawn.
const MOST_RELATED: usize = 10;

pub(super) fn render(report: &Report<'_>) -> String {
    let renderer = if report.options.color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(report.options.width.clamp(40, 400));
    let mut out = String::new();
    for same in together(report) {
        out.push_str(&renderer.render(&[group(report, &same)]));
        out.push_str("\n\n");
    }
    out.push_str(&report.summary());
    out.push('\n');
    out
}

/// Findings that differ in their cluster only, in the order of the first of each: a fault that stands once in the
/// intent is shown once, however many clusters it reaches.
fn together<'a>(report: &Report<'a>) -> Vec<Vec<&'a Finding>> {
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    let mut index = BTreeMap::new();
    for finding in &report.findings {
        let key = (
            finding.rule.code,
            finding.severity,
            finding.place.span,
            without_cluster(finding, &finding.message),
            without_cluster(finding, finding.help.as_deref().unwrap_or_default()),
            &finding.object,
        );
        match index.get(&key).and_then(|i: &usize| groups.get_mut(*i)) {
            Some(group) if finding.cluster.is_some() && finding.place.span.is_written() => {
                group.push(finding)
            }
            _ => {
                index.insert(key, groups.len());
                groups.push(vec![finding]);
            }
        }
    }
    groups
}

fn group<'a>(report: &Report<'a>, same: &[&'a Finding]) -> Group<'a> {
    let [finding, ..] = same else { return Group::with_title(Level::NOTE.primary_title("nothing")) };
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(visible(&finding.message, LONGEST_MESSAGE)).id(finding.rule.code);
    let mut group = Group::with_title(title);
    let mut marks = Vec::new();
    marks.extend(Mark::new(report, &finding.place, String::new(), AnnotationKind::Primary));
    for related in finding.related.iter().take(MOST_RELATED) {
        marks.extend(Mark::new(report, &related.place, related.label.clone(), AnnotationKind::Context));
    }
    let only_related = marks.first().is_some_and(|mark| mark.kind == AnnotationKind::Context);
    if holds_secret(finding) {
        // The lines would print the secret once more, into logs that live longer than the file.
        let at = report.spot(&finding.place).map(|spot| Level::NOTE.message(format!("at {spot}, not shown")));
        group = group.elements(at);
    } else {
        for excerpt in excerpts(marks) {
            group = excerpt.draw(group, only_related);
        }
    }
    for note in notes(report, finding, same) {
        group = group.element(Level::NOTE.message(note));
    }
    if let Some(help) = &finding.help {
        group = group.element(Level::HELP.message(visible_lines(help, LONGEST_MESSAGE)));
    }
    group
}

/// Whether the lines of a finding are a secret themselves.
fn holds_secret(finding: &Finding) -> bool {
    finding.rule.code == SECRET_IN_INTENT
}

/// What the snippet cannot say.
fn notes(report: &Report<'_>, finding: &Finding, same: &[&Finding]) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(declared) = &finding.declared {
        // What is to be nothing at all is declared by no value.
        let value =
            Some(declared).filter(|value| !value.is_empty()).map(|value| visible(value, LONGEST_LABEL));
        let said = value.map_or_else(|| "declared".to_owned(), |value| format!("declared `{value}`"));
        let label = finding.related.first().map(|related| visible(&related.label, LONGEST_LABEL));
        let mut note = match (json::declared_at(report, finding), label) {
            (Some(spot), _) => format!("{said} at {}", visible(&spot.to_string(), LONGEST_MESSAGE)),
            (None, Some(label)) if declared.is_empty() => label,
            (None, Some(label)) => format!("{said}: {label}"),
            (None, None) => said,
        };
        if let Some(found) = &finding.found {
            note.push_str(&format!(", found `{}`", visible(found, LONGEST_LABEL)));
        }
        notes.push(note);
    }
    let mut subject = Vec::new();
    if report.spot(&finding.place).is_none() && !finding.place.path.0.is_empty() {
        subject.push(format!("field `{}`", shown_path(&finding.place.path)));
    }
    if let Some(object) = &finding.object {
        subject.push(format!("object `{}`", visible(object, LONGEST_LABEL)));
    }
    if let Some(cluster) = &finding.cluster {
        let others = match same.len() {
            0 | 1 => String::new(),
            _ => format!(", and the same of {}", others(same)),
        };
        subject.push(format!("cluster `{}`{others}", visible(cluster, LONGEST_LABEL)));
    }
    if !subject.is_empty() {
        notes.push(subject.join(", "));
    }
    if let Some(more) = finding.related.len().checked_sub(MOST_RELATED).filter(|more| *more > 0) {
        notes.push(format!("and {more} more places"));
    }
    notes
}

/// The clusters of all findings but the first.
fn others(same: &[&Finding]) -> String {
    let names = same.iter().skip(1).filter_map(|f| f.cluster.as_deref());
    let mut text: Vec<String> =
        names.take(MOST_RELATED).map(|n| format!("`{}`", visible(n, LONGEST_LABEL))).collect();
    if let Some(more) = same.len().checked_sub(MOST_RELATED + 1).filter(|more| *more > 0) {
        text.push(format!("{more} more clusters"));
    }
    text.join(", ")
}

fn shown_path(path: &FieldPath) -> String {
    visible(&path.to_string(), LONGEST_LABEL)
}

/// One place to draw: bytes of one line.
struct Mark<'a> {
    file: &'a SourceFile,
    line: usize,
    column: usize,
    /// Bytes within the line. A value of many lines is shown by its first: what is under it says nothing about it.
    bytes: Range<usize>,
    label: String,
    kind: AnnotationKind,
}

impl<'a> Mark<'a> {
    fn new(report: &Report<'a>, place: &Place, label: String, kind: AnnotationKind) -> Option<Mark<'a>> {
        let Spot { file, line, column, .. } = report.spot(place)?;
        let range = file.line_range(line)?;
        let start = file.clamp(place.span.start).clamp(range.start, range.end);
        let end = file.clamp(place.span.end).clamp(start, range.end);
        let bytes = start - range.start..end - range.start;
        Some(Mark { file, line, column, bytes, label, kind })
    }

    /// Whether the line can be shown without cutting its beginning.
    fn is_drawable(&self) -> bool {
        self.bytes.start <= LONGEST_BEFORE && !self.file.text().is_empty()
    }
}

/// Marks of one file that are drawn together.
struct Excerpt<'a> {
    marks: Vec<Mark<'a>>,
}

/// Marks in their order, those of one file together when they are near each other.
fn excerpts(marks: Vec<Mark<'_>>) -> Vec<Excerpt<'_>> {
    let mut excerpts: Vec<Excerpt<'_>> = Vec::new();
    for mark in marks {
        let near = |other: &Mark<'_>| {
            std::ptr::eq(other.file, mark.file) && other.line.abs_diff(mark.line) <= FURTHEST_APART
        };
        let home = excerpts
            .iter_mut()
            .find(|e| mark.is_drawable() && e.marks.iter().all(|other| other.is_drawable() && near(other)));
        match home {
            Some(excerpt) => excerpt.marks.push(mark),
            None => excerpts.push(Excerpt { marks: vec![mark] }),
        }
    }
    excerpts
}

impl<'a> Excerpt<'a> {
    fn draw(self, group: Group<'a>, promote: bool) -> Group<'a> {
        let Some(first) = self.marks.first() else { return group };
        let path = visible(first.file.path(), LONGEST_MESSAGE);
        if !first.is_drawable() {
            let origin = Origin::path(path).line(first.line).char_column(first.column);
            let group = group.element(origin);
            return match first.label.as_str() {
                "" => group,
                label => group.element(Level::NOTE.message(visible(label, LONGEST_LABEL))),
            };
        }
        let from = self.marks.iter().map(|m| m.line).min().unwrap_or(first.line);
        let to = self.marks.iter().map(|m| m.line).max().unwrap_or(first.line);
        let mut source = String::new();
        let mut annotations = Vec::new();
        for number in from..=to {
            let offset = source.len();
            let line = Line::new(first.file.line(number).unwrap_or_default(), self.longest(number));
            for mark in self.marks.iter().filter(|mark| mark.line == number) {
                let span = offset + line.shown(mark.bytes.start)..offset + line.shown(mark.bytes.end);
                let kind = if promote { AnnotationKind::Primary } else { mark.kind };
                annotations.push(annotation(kind, span, &mark.label));
            }
            source.push_str(&line.text);
            source.push('\n');
        }
        group.element(Snippet::source(source).path(path).line_start(from).annotations(annotations))
    }

    /// How much of a line is kept, in characters.
    fn longest(&self, number: usize) -> usize {
        let ends = self.marks.iter().filter(|mark| mark.line == number).map(|mark| mark.bytes.start);
        ends.max().unwrap_or(0) + LONGEST_AFTER
    }
}

fn annotation<'a>(kind: AnnotationKind, span: Range<usize>, label: &str) -> Annotation<'a> {
    let annotation = kind.span(span);
    if label.is_empty() { annotation } else { annotation.label(Cow::Owned(visible(label, LONGEST_LABEL))) }
}

/// A line made harmless, and the way from its bytes to those of the text shown.
struct Line {
    text: String,
    /// Pairs of byte offsets, original and shown, in order; one per character.
    offsets: Vec<(usize, usize)>,
}

impl Line {
    fn new(bytes: &[u8], longest: usize) -> Line {
        let mut line = Line { text: String::new(), offsets: Vec::new() };
        let mut at = 0;
        for chunk in bytes.utf8_chunks() {
            let invalid =
                (!chunk.invalid().is_empty()).then_some((char::REPLACEMENT_CHARACTER, chunk.invalid().len()));
            for (character, length) in
                chunk.valid().chars().map(|c| (visible_char(c), c.len_utf8())).chain(invalid)
            {
                line.offsets.push((at, line.text.len()));
                if line.offsets.len() > longest {
                    line.text.push('…');
                    return line;
                }
                line.text.push(character);
                at += length;
            }
        }
        line.offsets.push((at, line.text.len()));
        line
    }

    /// Where a byte of the line is in the text shown: at its character, or at the cut.
    fn shown(&self, byte: usize) -> usize {
        let index = self.offsets.partition_point(|(original, _)| *original < byte);
        self.offsets.get(index).or(self.offsets.last()).map_or(0, |(_, shown)| *shown)
    }
}
