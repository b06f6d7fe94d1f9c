//! Findings as text: for people at a terminal, for programs, for code hosts.
//!
//! One file per format. Output depends on the findings and the sources only, never on the order in which findings were
//! made: by file path, offset, code, and then whatever tells two findings apart.

mod github;
mod human;
mod json;
mod junit;
mod markdown;
mod sarif;
mod text;

use meshwright_policies::finding::{Finding, Findings, Place, Severity};

pub(crate) use markdown::escape as markdown_escape;
pub(crate) use text::visible;

use crate::source::{SourceFile, Sources};

/// What findings are printed as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Source snippets for a terminal.
    Human,
    /// One JSON object: `findings` and `summary`.
    Json,
    /// SARIF 2.1.0 for code scanning.
    Sarif,
    /// Workflow commands of GitHub Actions: annotations on the lines of a pull request.
    Github,
    /// A comment on a pull request.
    Markdown,
    /// JUnit XML: a failed test per error.
    Junit,
}

/// How findings are printed, beyond the format.
#[derive(Clone, Debug)]
pub struct RenderOptions {
    /// Whether human output has ANSI colours.
    pub color: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// Way from the repository's root to where the user stands, `/`-separated, empty when they are the same: put
    /// before relative paths where a code host reads them (SARIF, GitHub, Markdown).
    pub repository_prefix: String,
    /// Version of the program, for SARIF.
    pub tool_version: String,
}

impl Default for RenderOptions {
    fn default() -> RenderOptions {
        RenderOptions {
            color: false,
            width: 140,
            repository_prefix: String::new(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// Prints findings. The text ends with a newline unless it is empty.
#[must_use]
pub fn render(format: Format, findings: &Findings, sources: &Sources, options: &RenderOptions) -> String {
    let report = Report::new(findings, sources, options);
    match format {
        Format::Human => human::render(&report),
        Format::Json => json::render(&report),
        Format::Sarif => sarif::render(&report),
        Format::Github => github::render(&report),
        Format::Markdown => markdown::render(&report),
        Format::Junit => junit::render(&report),
    }
}

/// `2 errors, 1 warning`; `no findings`.
#[must_use]
pub fn summary(errors: usize, warnings: usize) -> String {
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    match (errors, warnings) {
        (0, 0) => "no findings".to_owned(),
        (_, 0) => count(errors, "error"),
        (0, _) => count(warnings, "warning"),
        _ => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
    }
}

/// Everything that a format prints, in order.
struct Report<'a> {
    findings: Vec<&'a Finding>,
    sources: &'a Sources,
    options: &'a RenderOptions,
    errors: usize,
    warnings: usize,
}

impl<'a> Report<'a> {
    fn new(findings: &'a Findings, sources: &'a Sources, options: &'a RenderOptions) -> Report<'a> {
        let mut findings: Vec<&Finding> = findings.iter().collect();
        findings.sort_by_cached_key(|finding| sort_key(finding, sources));
        findings.dedup_by(|a, b| sort_key(a, sources) == sort_key(b, sources));
        let errors = findings.iter().filter(|f| f.severity == Severity::Error).count();
        let warnings = findings.len() - errors;
        Report { findings, sources, options, errors, warnings }
    }

    fn spot(&self, place: &Place) -> Option<Spot<'a>> {
        let file = self.sources.get(place.span.file)?;
        let (line, column) = file.line_column(place.span.start);
        let (end_line, end_column) = file.line_column(place.span.end.max(place.span.start));
        Some(Spot { file, line, column, end_line, end_column })
    }

    fn summary(&self) -> String {
        summary(self.errors, self.warnings)
    }

    /// A shown path as the code host knows it.
    fn repository_path(&self, path: &str) -> String {
        let prefix = self.options.repository_prefix.trim_matches('/');
        if prefix.is_empty() || path.starts_with('/') { path.to_owned() } else { format!("{prefix}/{path}") }
    }
}

/// Findings without a file come last. Everything that an output shows of a finding's identity takes part, so that two
/// clusters with the same fault stay two findings.
fn sort_key<'a>(finding: &'a Finding, sources: &'a Sources) -> impl Ord + use<'a> {
    let path = sources.get(finding.place.span.file).map(SourceFile::path);
    (
        (path.is_none(), path, finding.place.span.start, finding.rule.code, &finding.place.path),
        (&finding.message, &finding.cluster, &finding.object, &finding.found, &finding.declared),
        (finding.severity, &finding.help, &finding.related),
    )
}

/// A text with the finding's own cluster made nameless: what is equal then is the same fault.
fn without_cluster(finding: &Finding, text: &str) -> String {
    match &finding.cluster {
        Some(cluster) => text.replace(&format!("`{cluster}`"), "`<cluster>`"),
        None => text.to_owned(),
    }
}

/// A place in a file, as people count: lines and columns from 1, the end exclusive.
struct Spot<'a> {
    file: &'a SourceFile,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

/// `a.yaml:3`.
impl std::fmt::Display for Spot<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file.path(), self.line)
    }
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
