//! Text to spanned trees: the only place that reads YAML.
//!
//! The reader is stricter than YAML where YAML lets two programs see two values in one text: such text is refused
//! with a finding that says how to write it instead. Input is hostile: everything is bounded by [`Limits`], nothing
//! recurses, nothing panics.

mod build;
mod encoding;
mod lookalike;
mod placeholder;
mod report;
mod scalar;
mod trouble;

use granit_parser::{Event, Parser};
use meshwright_policies::finding::Findings;
use meshwright_policies::node::{FieldPath, FileId, Node, Span};
use meshwright_policies::reading;

use build::{Builder, Fatal};
use report::Report;

/// Bounds of what is read from one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Nested lists and mappings.
    pub depth: usize,
    /// Bytes of the file.
    pub bytes: usize,
    /// Values and keys of all documents of the file.
    pub nodes: usize,
    /// Documents of the file.
    pub documents: usize,
    /// Bytes of one key or value.
    pub scalar_bytes: usize,
    /// Findings of one file; the rest is counted, not kept.
    pub findings: usize,
    /// Whether aliases and merge keys stand for what their anchors are at, as for Kubernetes and Helm; or are findings.
    pub aliases: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            depth: 64,
            bytes: 4 << 20,
            nodes: 200_000,
            documents: 10_000,
            scalar_bytes: 1 << 20,
            findings: 1_000,
            aliases: false,
        }
    }
}

/// One YAML document of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its value.
    pub root: Node,
    /// From the first byte of its content to the last.
    pub span: Span,
}

/// Reads every document of a file.
///
/// Everything that is wrong becomes a finding of [`reading::READING_RULES`]. A document is left out when it is empty
/// or cannot be read to its end; one with a questionable scalar is returned with the YAML 1.2 reading of that scalar,
/// so that later findings can still be made. The caller produces nothing from a file with errors.
///
/// A byte order mark of UTF-8 at the start is skipped. Spans count bytes of `text` as given.
pub fn load(file: FileId, text: &[u8], limits: &Limits, findings: &mut Findings) -> Vec<Document> {
    let mut report = Report::new(file, findings, limits.findings);
    let Some(source) = encoding::decode(text, limits, &mut report) else {
        return Vec::new();
    };
    report.skip(text.len().saturating_sub(source.len()));
    read_documents(source, limits, &mut report)
}

fn read_documents(text: &str, limits: &Limits, report: &mut Report<'_>) -> Vec<Document> {
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        flow_nesting_limit: limits.depth.saturating_add(1),
        block_nesting_limit: limits.depth.saturating_add(1),
    };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut documents = Vec::new();
    let mut builder: Option<Builder<'_>> = None;
    let mut started = 0_usize;
    let mut nodes = limits.nodes;
    while let Some(next) = parser.next() {
        let mut abandon = false;
        match next {
            Err(error) => {
                trouble::report(text, &error, limits, report);
                abandon = true;
                started = started.saturating_add(1);
            }
            Ok((Event::StreamEnd, _)) => break,
            Ok((Event::DocumentStart(..), span)) => {
                started = started.saturating_add(1);
                if started > limits.documents {
                    let at = report.place(span, FieldPath::root());
                    let message = format!("more than {} documents in one file", limits.documents);
                    report.add(reading::TOO_LARGE.at(at, message).help("split the file"));
                    break;
                }
                builder = Some(Builder::new(text, limits, nodes));
            }
            Ok((Event::DocumentEnd, _)) => {
                if let Some(done) = builder.take() {
                    nodes = done.nodes_left();
                    documents.extend(done.finish(report));
                }
            }
            Ok((event, span)) => {
                if let Some(current) = &mut builder {
                    match current.event(event, span, report) {
                        Ok(()) => {}
                        Err(Fatal::Document) => abandon = true,
                        Err(Fatal::File) => break,
                    }
                }
            }
        }
        if abandon {
            builder = None;
            if started > limits.documents || !parser.proceed_next_document().unwrap_or(false) {
                break;
            }
        }
    }
    documents
}

#[cfg(test)]
mod tests;
