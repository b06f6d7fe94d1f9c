//! Where the reader's findings go: counts them, and turns the parser's places into ours.

use meshwright_policies::finding::{Finding, Findings, Place};
use meshwright_policies::node::{FieldPath, FileId, Span};
use meshwright_policies::reading;

/// The findings of one file, bounded: a megabyte of `on, on, on` must not become a gigabyte of findings.
pub(super) struct Report<'f> {
    file: FileId,
    findings: &'f mut Findings,
    left: usize,
    skipped: usize,
}

impl<'f> Report<'f> {
    pub(super) fn new(file: FileId, findings: &'f mut Findings, limit: usize) -> Report<'f> {
        Report { file, findings, left: limit, skipped: 0 }
    }

    /// The parser does not see the first `bytes` of the file.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.skipped = bytes;
    }

    pub(super) fn add(&mut self, finding: Finding) {
        match self.left {
            0 => {}
            1 => {
                let place = Place { span: finding.place.span, path: FieldPath::root() };
                self.findings.push(finding);
                let more = "too many problems in one file: those after this one are not listed";
                self.findings.push(reading::TOO_LARGE.at(place, more));
            }
            _ => self.findings.push(finding),
        }
        self.left = self.left.saturating_sub(1);
    }

    /// Bytes of the text that the parser sees.
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        let offset = |byte: usize| u32::try_from(byte.saturating_add(self.skipped)).unwrap_or(u32::MAX);
        Span { file: self.file, start: offset(start), end: offset(end.max(start)) }
    }

    /// The place of an event of the parser.
    pub(super) fn place(&self, span: granit_parser::Span, path: FieldPath) -> Place {
        let (start, end) = bytes(span);
        Place { span: self.span(start, end), path }
    }
}

/// First byte and one past the last. Input from a string always carries byte offsets.
pub(super) fn bytes(span: granit_parser::Span) -> (usize, usize) {
    let start = span.start.byte_offset().unwrap_or_default();
    (start, span.end.byte_offset().unwrap_or(start).max(start))
}
