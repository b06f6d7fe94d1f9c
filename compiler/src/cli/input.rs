//! What all commands that read intent share: the root, the format, today.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use meshwright_policies::finding::Findings;
use meshwright_policies::intent::Date;

use super::{Outcome, terminal};
use crate::compiled::shown_prefix;
pub(super) use crate::compiled::{Compiled, compile_found};
use crate::diagnostic::{self, Format, RenderOptions};
use crate::source::Sources;
use crate::source::commit::Repository;
use crate::source::discover::{DiscoverOptions, Found, discover};
use crate::syntax::Limits;

/// The intent to read, and how to say what is wrong with it.
#[derive(Debug, clap::Args)]
pub(super) struct Input {
    /// Directory (or file) that holds the intent; `-` reads standard input
    #[arg(default_value = ".")]
    pub(super) root: PathBuf,

    /// Read ROOT as this commit holds it (branch, tag, `HEAD~1`), not as it lies on disk
    #[arg(long, value_name = "REV")]
    pub(super) rev: Option<String>,

    /// Git repository of REV; ROOT is then a path inside it. Default: the repository that holds ROOT
    #[arg(long, value_name = "PATH", requires = "rev")]
    pub(super) repo: Option<PathBuf>,

    /// Format of the findings
    #[arg(long, value_enum, default_value = "human")]
    pub(super) format: Format,

    /// Judge as of this day (YYYY-MM-DD): policy settings expire
    #[arg(long, value_name = "DAY", value_parser = parse_date, default_value_t = today())]
    pub(super) date: Date,
}

impl Input {
    /// Finds the files, and the root that their paths are below.
    pub(super) fn find(&self) -> anyhow::Result<(Found, PathBuf)> {
        match &self.rev {
            Some(_) if self.root == Path::new("-") => {
                bail!("standard input has no revision: leave out `--rev`")
            }
            Some(rev) => {
                let (repository, inside) = repository(self.repo.as_deref(), &self.root)?;
                let revision = repository.revision(rev)?;
                let found = repository.discover(&revision, &inside, DiscoverOptions::default())?;
                Ok((found, inside.into()))
            }
            None if self.root == Path::new("-") => Ok((standard_input()?, self.root.clone())),
            None => Ok((discover(&self.root, DiscoverOptions::default())?, self.root.clone())),
        }
    }

    /// Reads, resolves and judges.
    pub(super) fn compile(&self) -> anyhow::Result<Compiled> {
        let (found, root) = self.find()?;
        Ok(compile_found(found, &root, self.date))
    }

    /// Prints findings: for people to standard error, for programs to standard output.
    pub(super) fn report(&self, compiled: &Compiled) -> anyhow::Result<Outcome> {
        self.report_findings(&compiled.findings, &compiled.sources)
    }

    /// [`Input::report`] of findings by themselves.
    pub(super) fn report_findings(&self, findings: &Findings, sources: &Sources) -> anyhow::Result<Outcome> {
        let text = self.text(findings, sources);
        if self.format == Format::Human {
            terminal::say(&text);
        } else {
            terminal::print(&text)?;
        }
        Ok(if findings.has_errors() { Outcome::Findings } else { Outcome::Clean })
    }

    /// Findings in the format that was asked for.
    fn text(&self, findings: &Findings, sources: &Sources) -> String {
        let human = self.format == Format::Human;
        let options = RenderOptions {
            color: human && terminal::color(),
            // Paths in a commit start at the repository's root already.
            repository_prefix: if self.rev.is_some() { String::new() } else { repository_prefix() },
            ..RenderOptions::default()
        };
        diagnostic::render(self.format, findings, sources, &options)
    }

    /// The intent, if it has no error; otherwise its findings are printed. Warnings beside it go to standard error in any format,
    /// since standard output is for what was asked.
    pub(super) fn sound(&self) -> anyhow::Result<Result<Compiled, Outcome>> {
        let compiled = self.compile()?;
        if compiled.findings.has_errors() {
            return Ok(Err(self.report(&compiled)?));
        }
        terminal::say(&self.text(&compiled.findings, &compiled.sources));
        Ok(Ok(compiled))
    }
}

/// Standard input as a file.
pub(super) fn standard_input() -> anyhow::Result<Found> {
    let mut text = Vec::new();
    let limit = Limits::default().bytes as u64 + 1;
    std::io::stdin().lock().take(limit).read_to_end(&mut text).context("cannot read standard input")?;
    let (sources, id) = Sources::from_text("<stdin>", text);
    Ok(Found { sources, files: vec![id], ..Found::default() })
}

/// The repository that a revision is looked up in, and the way from its root to the intent.
pub(super) fn repository(repo: Option<&Path>, root: &Path) -> anyhow::Result<(Repository, String)> {
    Ok(match repo {
        Some(repo) => (Repository::open(repo)?, shown_prefix(root).trim_end_matches('/').to_owned()),
        None => Repository::around(root)?,
    })
}

/// Way from the root of the Git repository to the current directory, for formats that a code host reads.
pub(super) fn repository_prefix() -> String {
    let Ok(here) = std::env::current_dir() else { return String::new() };
    let root = here.ancestors().find(|dir| dir.join(".git").exists());
    root.and_then(|root| here.strip_prefix(root).ok())
        .map(|path| path.to_string_lossy().replace('\\', "/"))
        .unwrap_or_default()
}

pub(super) fn parse_date(text: &str) -> Result<Date, String> {
    Date::try_from(text.to_owned())
}

/// Today in UTC.
pub(super) fn today() -> Date {
    let seconds =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    Date::of_unix(seconds)
}
