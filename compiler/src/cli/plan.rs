//! `meshwright plan`: the planning form, with what people have to do themselves.

use super::input::Input;
use super::{Outcome, terminal};

/// Print the planning form: clusters, networks, firewall ports, addresses, steps by hand
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    input: Input,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let compiled = match args.input.sound()? {
        Ok(compiled) => compiled,
        Err(outcome) => return Ok(outcome),
    };
    terminal::print(&crate::plan::plan(&compiled.fleet))?;
    Ok(Outcome::Clean)
}
