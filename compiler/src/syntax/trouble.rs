//! The parser's errors in words that say what to do.

use granit_parser::{ErrorKind, ScanError};
use meshwright_policies::finding::Place;
use meshwright_policies::node::FieldPath;
use meshwright_policies::reading;

use super::Limits;
use super::report::Report;

/// Reports an error of the parser.
pub(super) fn report(text: &str, error: &ScanError, limits: &Limits, report: &mut Report<'_>) {
    let at = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
    let place = Place { span: report.span(at, at), path: FieldPath::root() };
    if *error.kind() == ErrorKind::RecursionLimitExceeded {
        let message = format!("lists and mappings are nested more than {} deep", limits.depth);
        report.add(reading::TOO_LARGE.at(place, message));
        return;
    }
    report.add(reading::SYNTAX_ERROR.at(place, error.kind().to_string()));
}
