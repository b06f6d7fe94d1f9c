//! `meshwright check`: intent judged, nothing rendered.

use super::Outcome;
use super::input::Input;

/// Judge the intent and render nothing
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    input: Input,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let mut compiled = args.input.compile()?;
    if !compiled.findings.has_errors() {
        // What cannot be rendered soundly is wrong too, and people should hear it before they render.
        let built = crate::build::build_with_warnings(&compiled.fleet);
        compiled.findings.extend(built.map_or_else(|findings| findings, |(_, warnings)| warnings));
    }
    args.input.report(&compiled)
}
