//! `meshwright graph`: a picture of the meshes.

use super::input::Input;
use super::{Outcome, terminal};
use crate::graph::{self, GraphFormat};

/// Print the topology as a picture
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    input: Input,

    /// The kind of picture
    #[arg(long = "as", value_enum, default_value = "mermaid")]
    picture: GraphFormat,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let compiled = match args.input.sound()? {
        Ok(compiled) => compiled,
        Err(outcome) => return Ok(outcome),
    };
    terminal::print(&graph::graph(&compiled.fleet, args.picture))?;
    Ok(Outcome::Clean)
}
