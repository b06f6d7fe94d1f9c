//! `meshwright admit`: objects judged as the webhook judges them.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use meshwright_policies::admission::{Basis, Outcome as Answered, Verdict, WithoutDeclaration};
use meshwright_policies::finding::{Findings, Place};
use meshwright_policies::intent::Date;
use serde_json::{Value, json};

use super::{Outcome, input, terminal};
use crate::admit::{self, Asked, Objects, Operation, Question, ReadError, Terms};
use crate::diagnostic::{self, Format, RenderOptions};
use crate::source::Sources;

/// Ask what the admission webhook would answer, without a cluster
///
/// Judges reviews, as an API server sends them, and objects, as if they were applied, by the MeshDeclaration of one
/// cluster. Verdict and words are the webhook's. Exit code 0: all allowed; 1: something is denied.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// File or directory with the MeshDeclaration of the cluster, such as `clusters/east/declaration`. Repeat for several
    /// meshes in one cluster
    #[arg(long, value_name = "PATH", required = true, env = "MESHWRIGHT_DECLARATION")]
    declaration: Vec<PathBuf>,

    /// Files with AdmissionReviews or objects, as YAML or JSON; `-` reads standard input
    #[arg(value_name = "FILE", default_value = "-")]
    files: Vec<PathBuf>,

    /// What is done with objects. Default: update of an object that is also in an --old file, otherwise create
    #[arg(long, value_enum)]
    operation: Option<Operation>,

    /// File with objects as they are now, for updates
    #[arg(long, value_name = "FILE")]
    old: Vec<PathBuf>,

    /// Namespace of objects that name none, as `kubectl -n`
    #[arg(long, short, value_name = "NAMESPACE")]
    namespace: Option<String>,

    /// Format of the verdicts
    #[arg(long, value_enum, default_value = "human")]
    format: Format,

    /// Judge as of this day (YYYY-MM-DD): exceptions expire
    #[arg(long, value_name = "DAY", value_parser = input::parse_date, default_value_t = input::today())]
    date: Date,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let declarations = admit::declarations(&args.declaration)?;
    let basis = Basis {
        declarations: declarations.iter().collect(),
        unreadable: false,
        without: WithoutDeclaration::Allow,
        today: args.date,
    };
    let mut sources = Sources::new();
    let mut terms =
        Terms { operation: args.operation, old: Objects::default(), namespace: args.namespace.clone() };
    for path in &args.old {
        for asked in read(path, &mut sources)? {
            let Question::Object(object) = asked.question else {
                anyhow::bail!("`{}` holds an AdmissionReview, which has its own old object", path.display());
            };
            terms.old.add(object, args.namespace.as_deref());
        }
    }
    let mut answered = Vec::new();
    for path in &args.files {
        for asked in read(path, &mut sources)? {
            let verdict = admit::answer(&asked.question, &terms, &basis)?;
            answered.push((asked, verdict));
        }
    }
    let text = match args.format {
        Format::Human => human(&answered, &sources),
        Format::Json => programs(&answered, &sources),
        format => {
            let options =
                RenderOptions { repository_prefix: input::repository_prefix(), ..RenderOptions::default() };
            diagnostic::render(format, &placed(&answered), &sources, &options)
        }
    };
    terminal::print(&text)?;
    if let Some((asked, verdict)) = answered.iter().find(|(_, verdict)| verdict.answer.is_none()) {
        anyhow::bail!("no answer to `{}`: {}", place(asked, &sources), verdict.error);
    }
    Ok(if answered.iter().any(|(_, verdict)| denies(verdict)) { Outcome::Findings } else { Outcome::Clean })
}

fn read(path: &Path, sources: &mut Sources) -> anyhow::Result<Vec<Asked>> {
    let (shown, text) = if path == Path::new("-") {
        let mut text = Vec::new();
        std::io::stdin().lock().read_to_end(&mut text).context("cannot read standard input")?;
        ("<stdin>".to_owned(), text)
    } else {
        let shown = path.to_string_lossy().replace('\\', "/");
        let text = std::fs::read(path).with_context(|| format!("cannot read `{shown}`"))?;
        (shown, text)
    };
    admit::read(&shown, text.into(), sources).map_err(|error| {
        if let ReadError::Text(findings) = &error {
            let options = RenderOptions { color: terminal::color(), ..RenderOptions::default() };
            terminal::say(&diagnostic::render(Format::Human, findings, sources, &options));
        }
        anyhow::Error::new(error).context(format!("cannot ask about `{shown}`"))
    })
}

fn denies(verdict: &Verdict) -> bool {
    verdict.decision == "denied"
}

/// `denied: CREATE Namespace/istio-system (ns.yaml:1)`, then what an API server would pass on.
fn human(answered: &[(Asked, Verdict)], sources: &Sources) -> String {
    let mut text = String::new();
    for (asked, verdict) in answered {
        let place = place(asked, sources);
        let Some(answer) = &verdict.answer else { continue };
        let what = match verdict.object.as_str() {
            "" => "a review".to_owned(),
            object => format!("{} {object}", verdict.operation),
        };
        text.push_str(&format!("{}: {what} ({place}): {}\n", verdict.decision, verdict.reason));
        if let Answered::Denied { message, .. } = &answer.outcome {
            indented(message, &mut text);
        }
        for warning in &answer.warnings {
            indented(&format!("warning: {warning}"), &mut text);
        }
    }
    let (allowed, denied) = counts(answered);
    text.push_str(&format!("{allowed} allowed, {denied} denied\n"));
    text
}

fn counts(answered: &[(Asked, Verdict)]) -> (usize, usize) {
    let denied = answered.iter().filter(|(_, verdict)| denies(verdict)).count();
    let allowed = answered.iter().filter(|(_, verdict)| verdict.decision == "allowed").count();
    (allowed, denied)
}

fn indented(message: &str, text: &mut String) {
    for line in message.lines() {
        text.push_str(&format!("  {line}\n"));
    }
}

fn place(asked: &Asked, sources: &Sources) -> String {
    let (file, line) = file_and_line(asked, sources);
    line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}"))
}

fn file_and_line<'a>(asked: &Asked, sources: &'a Sources) -> (&'a str, Option<usize>) {
    let file = sources.get(asked.written.file);
    let line = asked.written.tree.as_ref().and_then(|tree| sources.line_column(tree.span));
    (file.map_or("", |file| file.path()), line.map(|(line, _)| line))
}

/// `verdicts`, each with the `response` that is served, and `summary`.
fn programs(answered: &[(Asked, Verdict)], sources: &Sources) -> String {
    let verdicts: Vec<Value> = answered.iter().map(|(asked, verdict)| one(asked, verdict, sources)).collect();
    let (allowed, denied) = counts(answered);
    format!("{:#}\n", json!({"verdicts": verdicts, "summary": {"allowed": allowed, "denied": denied}}))
}

fn one(asked: &Asked, verdict: &Verdict, sources: &Sources) -> Value {
    let (file, line) = file_and_line(asked, sources);
    let document = verdict.body().and_then(|body| serde_json::from_slice::<Value>(&body).ok());
    let response = document.and_then(|mut document| Some(document.get_mut("response")?.take()));
    let error = Some(verdict.error.as_str()).filter(|error| !error.is_empty());
    json!({
        "file": file,
        "line": line,
        "operation": verdict.operation,
        "object": verdict.object,
        "decision": verdict.decision,
        "reason": verdict.reason,
        "mesh": verdict.mesh,
        "cluster": verdict.cluster,
        "codes": verdict.rules,
        "error": error,
        "response": response,
    })
}

/// All findings, where they stand in the files.
fn placed(answered: &[(Asked, Verdict)]) -> Findings {
    let mut findings = Findings::new();
    for (asked, verdict) in answered {
        findings.extend(verdict.findings.iter().map(|finding| {
            let mut finding = finding.clone();
            let path = admit::path_in_file(asked, &verdict.operation, &finding.place.path);
            if let Some(tree) = &asked.written.tree {
                finding.place = Place { span: tree.nearest_span(&path), path };
            }
            finding
        }));
    }
    findings.sort();
    findings
}
