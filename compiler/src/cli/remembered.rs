//! What a run leaves for the next one of the same output directory, so that nothing is compiled when nothing changed and no
//! file is read that is as it was written.
//!
//! It lies in the user's cache directory, `$XDG_CACHE_HOME/meshwright` or `~/.cache/meshwright`, one file per output
//! directory: what is rendered depends on intent and version alone, so nothing of this machine belongs beside it. It may be
//! deleted at any time. It is believed only by the program that wrote it, for the same bytes of the same files, on days
//! on which no policy setting begins or ceases to hold, and while the output directory is exactly what was written.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use meshwright_policies::finding::{Finding, Findings, Place, Related, Severity};
use meshwright_policies::intent::Date;
use meshwright_policies::mesh::Fleet;
use meshwright_policies::node::{FieldPath, FileId, Span, Step};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::publish::{PublishError, Stamps};
use crate::rules;
use crate::source::Found;

/// Smaller trees are compiled in the time that it takes to remember them.
const FEWEST_FILES: usize = 500;

/// What was not used for so long is removed.
const KEPT: Duration = Duration::from_secs(60 * 24 * 60 * 60);

/// What is known of an output directory.
#[derive(Debug, Default)]
pub(super) struct Memory {
    file: Option<PathBuf>,
    last: Option<Run>,
    /// Its files.
    pub(super) stamps: Stamps,
}

/// A run that left the output directory up to date.
#[derive(Debug, Serialize, Deserialize)]
struct Run {
    tool: Tool,
    input: String,
    /// The last day before, and the last day on, which the findings are these: expiry of settings.
    after: Option<Date>,
    until: Option<Date>,
    findings: Vec<Remembered>,
}

/// The program: no two have the same, whatever version they say.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Tool {
    version: String,
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

impl Tool {
    #[cfg(unix)]
    fn running() -> Option<Tool> {
        use std::os::unix::fs::MetadataExt;
        let program = fs::metadata(std::env::current_exe().ok()?).ok()?;
        Some(Tool {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            device: program.dev(),
            inode: program.ino(),
            size: program.size(),
            changed: (program.ctime(), program.ctime_nsec()),
        })
    }

    #[cfg(not(unix))]
    fn running() -> Option<Tool> {
        None
    }
}

/// The digest of everything that a compile depends on beside the program and the day.
pub(super) fn input(found: &Found, root: &Path) -> String {
    let mut hasher = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hasher.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(bytes);
    };
    add(root.to_string_lossy().as_bytes());
    // Files that are named but not read, such as links, are findings.
    for (id, file) in found.sources.iter() {
        add(file.path().as_bytes());
        add(&[u8::from(found.files.contains(&id))]);
        add(file.text());
    }
    for finding in &found.findings {
        add(finding.message.as_bytes());
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Memory {
    /// What is known of `out`; nothing when that cannot be found out.
    pub(super) fn open(out: &Path) -> Memory {
        let Some(file) = file_of(out) else { return Memory::default() };
        let read =
            |file: &Path| -> Option<(Run, Stamps)> { serde_json::from_slice(&fs::read(file).ok()?).ok() };
        match read(&file) {
            Some((run, stamps)) => Memory { file: Some(file), last: Some(run), stamps },
            None => Memory { file: Some(file), ..Memory::default() },
        }
    }

    /// The findings of the last run, if this run would find the same and has nothing to write.
    ///
    /// # Errors
    /// The output directory cannot be read.
    pub(super) fn recall(
        &mut self,
        out: &Path,
        input: &str,
        today: Date,
    ) -> Result<Option<Findings>, PublishError> {
        let Some(run) = &self.last else { return Ok(None) };
        let same = Tool::running().is_some_and(|tool| tool == run.tool)
            && run.input == input
            && run.after.is_none_or(|day| today > day)
            && run.until.is_none_or(|day| today <= day);
        if !same {
            return Ok(None);
        }
        let recalled: Option<Vec<Finding>> = run.findings.iter().map(Remembered::recall).collect();
        let Some(recalled) = recalled else { return Ok(None) };
        if !self.stamps.hold(out)? {
            return Ok(None);
        }
        let mut findings = Findings::new();
        findings.extend(recalled);
        Ok(Some(findings))
    }

    /// Remembers a run that left the output directory up to date. `findings` are those of the intent. A cache that cannot
    /// be written is none.
    pub(super) fn keep(&mut self, input: String, fleet: &Fleet, findings: &Findings, today: Date) {
        let (Some(file), Some(tool)) = (&self.file, Tool::running()) else { return };
        if self.stamps.len() < FEWEST_FILES {
            return;
        }
        let days = || fleet.settings.iter().map(|(setting, _)| setting.expires);
        let run = Run {
            tool,
            input,
            after: days().filter(|day| *day < today).max(),
            until: days().filter(|day| *day >= today).min(),
            findings: findings.iter().map(Remembered::of).collect(),
        };
        let _without_it_the_next_run_is_slower = write(file, &(run, &self.stamps));
    }
}

/// The file about an output directory.
fn file_of(out: &Path) -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    let out = match fs::canonicalize(out) {
        Ok(out) => out,
        Err(_) => std::path::absolute(out).ok()?,
    };
    let digest = Sha256::digest(out.as_os_str().as_encoded_bytes());
    let name: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Some(cache.join("meshwright").join(format!("{name}.json")))
}

fn write(file: &Path, content: &impl Serialize) -> std::io::Result<()> {
    let Some(directory) = file.parent() else { return Ok(()) };
    fs::create_dir_all(directory)?;
    let now = SystemTime::now();
    for entry in fs::read_dir(directory)?.flatten() {
        let unused = entry.metadata().and_then(|meta| meta.modified()).ok();
        if unused.and_then(|time| now.duration_since(time).ok()).is_some_and(|unused| unused > KEPT) {
            let _stays = fs::remove_file(entry.path());
        }
    }
    let draft = file.with_extension(format!("{}.draft", std::process::id()));
    let text = serde_json::to_vec(content)?;
    fs::File::create(&draft)?.write_all(&text)?;
    fs::rename(&draft, file)
}

/// A finding in a file.
#[derive(Debug, Serialize, Deserialize)]
struct Remembered {
    code: String,
    warning: bool,
    message: String,
    place: RememberedPlace,
    related: Vec<(RememberedPlace, String)>,
    help: Option<String>,
    found: Option<String>,
    declared: Option<String>,
    cluster: Option<String>,
    concerns: Vec<String>,
    object: Option<String>,
}

/// File, start, end, and the steps to the field.
#[derive(Debug, Serialize, Deserialize)]
struct RememberedPlace(u32, u32, u32, Vec<RememberedStep>);

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum RememberedStep {
    Key(String),
    Index(usize),
}

impl Remembered {
    fn of(finding: &Finding) -> Remembered {
        let Finding {
            rule,
            severity,
            message,
            place,
            related,
            help,
            found,
            declared,
            cluster,
            concerns,
            object,
        } = finding;
        Remembered {
            code: rule.code.to_owned(),
            warning: *severity == Severity::Warning,
            message: message.clone(),
            place: RememberedPlace::of(place),
            related: related.iter().map(|one| (RememberedPlace::of(&one.place), one.label.clone())).collect(),
            help: help.clone(),
            found: found.clone(),
            declared: declared.clone(),
            cluster: cluster.clone(),
            concerns: concerns.clone(),
            object: object.clone(),
        }
    }

    fn recall(&self) -> Option<Finding> {
        let related =
            self.related.iter().map(|(place, label)| Related { place: place.recall(), label: label.clone() });
        Some(Finding {
            rule: rules::named(&self.code)?,
            severity: if self.warning { Severity::Warning } else { Severity::Error },
            message: self.message.clone(),
            place: self.place.recall(),
            related: related.collect(),
            help: self.help.clone(),
            found: self.found.clone(),
            declared: self.declared.clone(),
            cluster: self.cluster.clone(),
            concerns: self.concerns.clone(),
            object: self.object.clone(),
        })
    }
}

impl RememberedPlace {
    fn of(place: &Place) -> RememberedPlace {
        let steps = place.path.0.iter().map(|step| match step {
            Step::Key(key) => RememberedStep::Key(key.clone()),
            Step::Index(index) => RememberedStep::Index(*index),
        });
        RememberedPlace(place.span.file.0, place.span.start, place.span.end, steps.collect())
    }

    fn recall(&self) -> Place {
        let RememberedPlace(file, start, end, steps) = self;
        let steps = steps.iter().map(|step| match step {
            RememberedStep::Key(key) => Step::Key(key.clone()),
            RememberedStep::Index(index) => Step::Index(*index),
        });
        Place {
            span: Span { file: FileId(*file), start: *start, end: *end },
            path: FieldPath(steps.collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_recalled_as_it_was() {
        let rule = rules::named("MW2004").unwrap();
        let place = |file: u32, path: &str| Place {
            span: Span { file: FileId(file), start: 3, end: 9 },
            path: FieldPath::parse(path),
        };
        let mut finding = rule
            .at(place(1, "spec.podCIDRs[0]"), "a message")
            .related(place(2, "metadata.labels[\"a/b\"]"), "there")
            .help("help")
            .found("x")
            .declared("y", place(u32::MAX, ""), "declared")
            .cluster("c")
            .object("Kind/ns/name");
        finding.severity = Severity::Warning;
        finding.concerns = vec!["a".to_owned()];
        let text = serde_json::to_string(&Remembered::of(&finding)).unwrap();
        let recalled = serde_json::from_str::<Remembered>(&text).unwrap().recall().unwrap();
        assert_eq!(format!("{recalled:?}"), format!("{finding:?}"));
    }
}
