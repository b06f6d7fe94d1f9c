//! The command line: what was typed becomes a call, what comes back becomes text and an exit code.
//!
//! One file per command. Exit codes: 0 clean, 1 findings of severity error (or `--check` and not up to date, or
//! differences), 2 usage or I/O.

mod admit;
mod audit;
mod check;
mod diff;
mod explain;
mod graph;
mod import;
mod init;
mod input;
mod keep;
mod lint;
mod log;
mod plan;
mod policies;
mod publish;
mod remembered;
mod render;
mod schema;
mod terminal;
mod watch;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// Keeps a fleet of Istio clusters telling one story.
///
/// Declare a mesh once, compile it into one directory per cluster that Flux or Argo CD applies, and have the same
/// policies judge it in the editor, before a commit, in a pull request and at admission.
#[derive(Debug, Parser)]
#[command(name = "meshwright", version, max_term_width = 100, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Args),
    Render(render::Args),
    Publish(publish::Args),
    Watch(Box<watch::Args>),
    Diff(diff::Args),
    Lint(lint::Args),
    Import(import::Args),
    Admit(admit::Args),
    Audit(audit::Args),
    Plan(plan::Args),
    Graph(graph::Args),
    Explain(explain::Args),
    Policies(policies::Args),
    Schema(schema::Args),
    Init(init::Args),
    /// Print a shell's completion script
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// What a command came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Nothing is wrong.
    Clean,
    /// Findings of severity error, an output that is not up to date, or differences.
    Findings,
}

/// The definition of the command line, for whoever checks or describes one.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the program with the process's arguments.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Check(args) => check::run(&args),
        Command::Render(args) => render::run(&args),
        Command::Publish(args) => publish::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Lint(args) => lint::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Admit(args) => admit::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Graph(args) => graph::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Policies(args) => policies::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut command(), "meshwright", &mut text);
            terminal::print(&String::from_utf8_lossy(&text)).map(|()| Outcome::Clean)
        }
    };
    match outcome {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Err(error) => {
            terminal::error(&error);
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
