//! `meshwright publish`: a commit of the intent to a branch of output.

use meshwright_policies::finding::Severity;

use super::keep::{From, To};
use super::{Outcome, input, terminal};
use crate::diagnostic::{self, Format, RenderOptions, visible};
use crate::git::Manner;
use crate::source::commit::short;
use crate::watch::{self, Engine, Obstacle, PassedOver, Target};

/// Most characters of a commit's subject that are shown.
const SUBJECT: usize = 100;

/// Render a commit and push the result to a branch
///
/// One commit for one commit of the intent, pushed only if the branch is still what it was read as. Nothing is checked
/// out. `watch` does the same for every commit to come.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    from: From,

    #[command(flatten)]
    to: To,

    /// Format of the findings
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let (origin, _cache) = args.from.repository(Manner::default())?;
    let Some(branch) = args.to.branch(&origin)? else {
        anyhow::bail!(
            "name the branch to publish to with `--branch`; `meshwright render` writes a directory"
        );
    };
    let mut engine = Engine::new(origin, Target::Branch(Box::new(branch)), args.to.allowed());
    let round = engine.round(input::today(), |wait| {
        std::thread::sleep(wait);
        true
    });
    let round = round.map_err(|error| anyhow::Error::new(*error))?;
    if let Some(compiled) = engine.compiled() {
        let human = args.format == Format::Human;
        let options = RenderOptions { color: human && terminal::color(), ..RenderOptions::default() };
        let text = diagnostic::render(args.format, &round.findings, &compiled.sources, &options);
        match args.format {
            Format::Human => terminal::say(&text),
            _ => terminal::print(&text)?,
        }
    }
    for passed in &round.passed_over {
        terminal::say(&passed_over(passed, &args.from)?);
    }
    let target = engine.target().shown();
    match &round.outcome {
        watch::Outcome::Findings => return Ok(Outcome::Findings),
        watch::Outcome::UpToDate => terminal::say(&format!("{target} is up to date\n")),
        watch::Outcome::Published(written) => {
            for path in &written.differences.drifted {
                terminal::say(&format!("{path}: was changed by hand since it was published\n"));
            }
            let differences = &written.differences;
            let commit = written.commit.map(|id| id.to_string()).unwrap_or_default();
            terminal::say(&format!(
                "{target}: commit {commit}, {} files created, {} updated, {} removed\n",
                differences.created.len(),
                differences.updated.len(),
                differences.removed.len()
            ));
        }
    }
    Ok(Outcome::Clean)
}

/// A line about a commit that is not published by itself: why, and how to see all of it.
fn passed_over(passed: &PassedOver, from: &From) -> anyhow::Result<String> {
    let id = short(passed.commit.id);
    let subject = visible(&passed.commit.subject, SUBJECT);
    let why = match &passed.obstacle {
        Obstacle::Intent { errors: 1 } => format!("1 error, which {} shows", from.check(&id)?),
        Obstacle::Intent { errors } => format!("{errors} errors, which {} shows", from.check(&id)?),
        Obstacle::Change(findings) => {
            let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
            let errors: Vec<String> =
                errors.map(|finding| format!("{} ({})", finding.message, finding.rule.code)).collect();
            format!("what is published may not become it: {}", errors.join("; "))
        }
        Obstacle::Refused(error) => error.to_string(),
    };
    Ok(format!("passed over {id} ({subject}): {}\n", visible(&why, usize::MAX)))
}
