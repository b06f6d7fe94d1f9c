use super::fixture::{NETWORK, OVERLAP, VERSION, place, two_files};
use super::*;
use insta::assert_snapshot;
use meshwright_policies::node::{FieldPath, FileId, Span};
use serde_json::Value;

mod formats;
mod hostile;
mod junit;

fn print(format: Format, findings: &Findings, sources: &Sources) -> String {
    render(
        format,
        findings,
        sources,
        &RenderOptions { tool_version: "1.2.3".to_owned(), ..RenderOptions::default() },
    )
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

const ALL: [Format; 6] =
    [Format::Human, Format::Json, Format::Sarif, Format::Github, Format::Markdown, Format::Junit];
