//! One round: what the intent is now, what it renders, what is published, and bringing the one to the other.

use std::time::Duration;

use gix::ObjectId;
use meshwright_policies::finding::Findings;
use meshwright_policies::intent::Date;

use super::origin::{Head, Origin, OriginError};
use super::target::{Line, Published, Target, TargetError, Written};
use crate::branch::Source;
use crate::incremental::{Compilation, Compiler};
use crate::publish::{Options, Tree};
use crate::source::commit::CommitInfo;

/// First pause after a lost race; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Longest pause after a lost race.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What is allowed.
#[derive(Clone, Copy, Debug)]
pub struct Allowed {
    /// What the guard against empty and shrunken output lets pass.
    pub options: Options,
    /// Whether to publish a commit that does not descend from the published one.
    pub forced_update: bool,
    /// How often a round starts again when others were faster.
    pub attempts: u32,
}

impl Default for Allowed {
    fn default() -> Allowed {
        Allowed { options: Options::default(), forced_update: false, attempts: 10 }
    }
}

/// Keeps a target as its origin says.
#[derive(Debug)]
pub struct Engine {
    origin: Origin,
    target: Target,
    allowed: Allowed,
    compiler: Compiler,
    work: Option<Work>,
}

/// What was compiled last, and of what.
#[derive(Debug)]
struct Work {
    commit: Option<ObjectId>,
    today: Date,
    compiled: Compilation,
}

/// How a round ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Output was written.
    Published(Box<Written>),
    /// Output was as it should be.
    UpToDate,
    /// The intent has errors; what was published stays.
    Findings,
}

/// A commit of the intent that is not published by itself, though a later one is.
#[derive(Debug)]
pub struct PassedOver {
    /// The commit.
    pub commit: CommitInfo,
    /// Why.
    pub obstacle: Obstacle,
}

/// Why a commit is passed over.
#[derive(Debug)]
pub enum Obstacle {
    /// The intent has errors by itself.
    Intent {
        /// How many.
        errors: usize,
    },
    /// What is published may not become what it renders: findings with errors.
    Change(Findings),
    /// Its output is refused.
    Refused(TargetError),
}

/// A round that came to an end.
#[derive(Debug)]
pub struct Round {
    /// The commit that was judged; none of a directory.
    pub commit: Option<CommitInfo>,
    /// Commits before it that are not published, oldest first.
    pub passed_over: Vec<PassedOver>,
    /// How it ended.
    pub outcome: Outcome,
    /// What there is to say about the intent.
    pub findings: Findings,
    /// Whether the intent was compiled, and not remembered from the round before.
    pub compiled: bool,
    /// How often another writer was faster.
    pub lost: u32,
}

/// How an attempt ended.
struct Ended {
    outcome: Outcome,
    findings: Findings,
    passed_over: Vec<PassedOver>,
}

impl Ended {
    /// Errors are in the way.
    fn on(findings: Findings) -> Ended {
        Ended { outcome: Outcome::Findings, findings, passed_over: Vec::new() }
    }
}

/// A round that failed.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct RoundError {
    /// The commit, if it came so far.
    pub commit: Option<CommitInfo>,
    /// How often another writer was faster.
    pub lost: u32,
    /// Why.
    #[source]
    pub error: Failure,
}

/// Why a round failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The intent cannot be had.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// The output cannot be written.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// History was rewritten, or another publisher is ahead.
    #[error("commit {head} does not descend from {published}, which is published")]
    Rewound {
        /// The head.
        head: ObjectId,
        /// The source of what is published.
        published: ObjectId,
    },
    /// History that is needed is not here.
    #[error(
        "whether {head} descends from {published}, which is published, cannot be told: the repository is shallow"
    )]
    Unknown {
        /// The head.
        head: ObjectId,
        /// The source of what is published.
        published: ObjectId,
    },
}

impl Failure {
    /// Whether a person has to look: trying again changes nothing.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Failure::Origin(_) => false,
            Failure::Target(error) => error.is_refusal(),
            Failure::Rewound { .. } | Failure::Unknown { .. } => true,
        }
    }

    /// The nearest thing to do about it, where one is known.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Failure::Origin(error) => error.help(),
            Failure::Target(error) => error.help(),
            Failure::Rewound { .. } => Some(
                "if history was rewritten on purpose, publish once with `--allow-forced-update`; if another publisher \
                 is ahead, fetch first",
            ),
            Failure::Unknown { .. } => Some(
                "fetch more history (`git fetch --unshallow`, `fetch-depth: 0`), or say `--allow-forced-update`",
            ),
        }
    }
}

impl Engine {
    /// An engine that has not compiled anything yet.
    #[must_use]
    pub fn new(origin: Origin, target: Target, allowed: Allowed) -> Engine {
        Engine { origin, target, allowed, compiler: Compiler::new(), work: None }
    }

    /// Where the intent comes from.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Where output goes.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// What was compiled last.
    #[must_use]
    pub fn compiled(&self) -> Option<&Compilation> {
        self.work.as_ref().map(|work| &work.compiled)
    }

    /// How many files and clusters are rendered, once they are.
    #[must_use]
    pub fn size(&self) -> Option<(usize, usize)> {
        let compiled = self.compiled()?;
        Some((compiled.tree.as_ref()?.len(), compiled.fleet.clusters().count()))
    }

    /// Reads, compiles if need be, and writes if need be; as of `today`. A lost race starts it again, after a pause that
    /// `pause` makes; what that returns says whether to go on.
    ///
    /// # Errors
    /// [`Failure`]. What was published is as before, or as another writer left it.
    pub fn round(
        &mut self,
        today: Date,
        mut pause: impl FnMut(Duration) -> bool,
    ) -> Result<Round, Box<RoundError>> {
        let (mut lost, mut compiled) = (0, false);
        loop {
            let mut commit = None;
            match self.attempt(today, &mut commit, &mut compiled) {
                Ok(Ended { outcome, findings, passed_over }) => {
                    return Ok(Round { commit, passed_over, outcome, findings, compiled, lost });
                }
                Err(error) => {
                    let again = match &error {
                        Failure::Target(error) => error.is_lost(),
                        _ => false,
                    };
                    lost += u32::from(again);
                    let wait = FIRST_PAUSE.saturating_mul(1 << lost.min(8)).min(LONGEST_PAUSE);
                    if !again || lost >= self.allowed.attempts || !pause(wait) {
                        return Err(Box::new(RoundError { commit, lost, error }));
                    }
                }
            }
        }
    }

    fn attempt(
        &mut self,
        today: Date,
        commit: &mut Option<CommitInfo>,
        compiled: &mut bool,
    ) -> Result<Ended, Failure> {
        let mut head = self.origin.head()?;
        *commit = head.commit().cloned();
        *compiled |= self.compile(&head, today)?;
        if self.tree().is_none() {
            return Ok(Ended::on(self.findings()));
        }
        let published = self.target.published()?;
        if self.is_behind(&head, &published)? {
            // Another publisher may have been ahead of the head that was read before the output was.
            head = self.origin.head()?;
            *commit = head.commit().cloned();
            *compiled |= self.compile(&head, today)?;
            self.refuse_behind(&head, &published)?;
        }
        let findings = self.judged(&published);
        let Some(tree) = self.tree().filter(|_| !findings.has_errors()) else {
            return Ok(Ended::on(findings));
        };
        // Many small steps must not come to what one step may not do.
        self.target.guard(&published, tree, &self.allowed.options)?;
        let (line, passed_over) = match self.target.is_at(&published, tree) {
            true => (Line::new(published), Vec::new()),
            false => self.line(&head, published, today)?,
        };
        let Some(tree) = self.tree() else { return Ok(Ended::on(findings)) };
        let repository = self.origin.shown();
        let source = head.commit().map(|commit| self.source(&repository, commit));
        let written = self.target.write(line, tree, source, &self.allowed.options)?;
        let outcome = written.map_or(Outcome::UpToDate, |written| Outcome::Published(Box::new(written)));
        Ok(Ended { outcome, findings, passed_over })
    }

    /// Makes the commits of the intent that came before the head and after what is published: a branch has one for each.
    /// They are pushed with the head's, so no cluster sees a step between, and each is judged against what is published. One
    /// that may not be published is passed over.
    fn line(
        &mut self,
        head: &Head,
        published: Published,
        today: Date,
    ) -> Result<(Line, Vec<PassedOver>), Failure> {
        let (mut line, mut passed_over) = (Line::new(published), Vec::new());
        let source = line.published.source().filter(|_| matches!(self.target, Target::Branch(_)));
        let earlier = match source {
            Some(source) => self.origin.between(source, head)?,
            None => Vec::new(),
        };
        for at in &earlier {
            self.compile(at, today)?;
            let Some(commit) = at.commit() else { continue };
            if let Some(obstacle) = self.make(&mut line, commit)? {
                passed_over.push(PassedOver { commit: commit.clone(), obstacle });
            }
        }
        if !earlier.is_empty() {
            self.compile(head, today)?;
        }
        Ok((line, passed_over))
    }

    /// Makes the commit for what was compiled last, unless something is in its way.
    fn make(&self, line: &mut Line, commit: &CommitInfo) -> Result<Option<Obstacle>, Failure> {
        let findings = self.judged(&line.published);
        let Some(tree) = self.tree() else {
            return Ok(Some(Obstacle::Intent { errors: findings.errors() }));
        };
        if findings.has_errors() {
            return Ok(Some(Obstacle::Change(findings)));
        }
        let repository = self.origin.shown();
        match self.target.make(line, tree, self.source(&repository, commit), &self.allowed.options) {
            Ok(()) => Ok(None),
            Err(error) if error.is_refusal() => Ok(Some(Obstacle::Refused(error))),
            Err(error) => Err(error.into()),
        }
    }

    /// What was rendered last.
    fn tree(&self) -> Option<&Tree> {
        self.compiled()?.tree.as_deref()
    }

    fn source<'a>(&'a self, repository: &'a str, commit: &'a CommitInfo) -> Source<'a> {
        Source { repository, path: self.origin.root(), commit }
    }

    /// What there is to say of what was compiled last, if it were to follow what is published.
    fn judged(&self, published: &Published) -> Findings {
        let mut findings = self.findings();
        let Some((compiled, tree)) = self.compiled().and_then(|all| Some((all, all.tree.as_deref()?))) else {
            return findings;
        };
        // What is rendered as before has not changed, and need not be parsed to know it.
        let previous = |path: &str| {
            self.target.read(published, path).filter(|old| tree.get(path) != Some(old.as_slice()))
        };
        crate::history::check(&compiled.fleet, previous, &mut findings);
        let exists = |path: &str| self.target.holds(published, path);
        crate::bootstrap::check(&compiled.fleet, exists, &mut findings);
        if matches!(self.target, Target::Branch(_)) {
            crate::branch::check_delivery(&compiled.fleet, &mut findings);
        }
        findings.sort();
        findings
    }

    fn findings(&self) -> Findings {
        self.compiled().map(|compiled| compiled.findings.clone()).unwrap_or_default()
    }

    /// Compiles the head, unless it is what was compiled last. Of a head that cannot be read, nothing is forgotten.
    fn compile(&mut self, head: &Head, today: Date) -> Result<bool, Failure> {
        let commit = head.commit().map(|commit| commit.id);
        if commit.is_some()
            && self.work.as_ref().is_some_and(|work| (work.commit, work.today) == (commit, today))
        {
            return Ok(false);
        }
        let found = self.origin.read(head)?;
        // The compiler changes the tree in place if nobody else holds it.
        self.work = None;
        let compiled = self.compiler.compile(found, self.origin.prefix(), today);
        self.work = Some(Work { commit, today, compiled });
        Ok(true)
    }

    /// Whether the published output is not of the head or of an ancestor of it, as far as is known.
    fn is_behind(&self, head: &Head, published: &Published) -> Result<bool, Failure> {
        let (Some(head), Some(source)) = (head.commit(), published.source()) else { return Ok(false) };
        Ok(!self.allowed.forced_update && self.origin.descends(source, head.id)? != Some(true))
    }

    fn refuse_behind(&self, head: &Head, published: &Published) -> Result<(), Failure> {
        let (Some(commit), Some(published)) = (head.commit(), published.source()) else { return Ok(()) };
        match self.origin.descends(published, commit.id)? {
            Some(true) => Ok(()),
            Some(false) => Err(Failure::Rewound { head: commit.id, published }),
            None => Err(Failure::Unknown { head: commit.id, published }),
        }
    }
}
