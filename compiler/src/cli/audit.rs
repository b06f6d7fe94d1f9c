//! `meshwright audit`: running clusters, read by kubectl.

use std::path::PathBuf;
use std::thread;

use anyhow::bail;
use meshwright_policies::declaration::MeshDeclaration;
use meshwright_policies::finding::Findings;
use meshwright_policies::intent::Date;

use super::{Outcome, input, terminal};
use crate::admit;
use crate::audit::{self, Audited, Kubectl};
use crate::diagnostic::{self, Format, RenderOptions};
use crate::source::Sources;

/// Find what contradicts the declaration in running clusters
///
/// Reads the objects of each cluster by `kubectl`, so that every way to log in works that works for you, and judges them as
/// the admission webhook does. Nothing is changed. Exit code 0: no error; 1: errors; 2: something could not be read.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Context of the kubeconfig. Repeat for several clusters. `CONTEXT=CLUSTER` when the cluster's name in a rendered tree
    /// is another
    #[arg(long, value_name = "CONTEXT", required = true)]
    context: Vec<String>,

    /// Judge by this MeshDeclaration (a file, a directory, or `-` for standard input) or by those in a rendered tree,
    /// instead of by what each cluster holds
    #[arg(long, value_name = "PATH")]
    declaration: Option<PathBuf>,

    /// The kubeconfig, if it is another than kubectl takes by itself
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// The kubectl program
    #[arg(long, value_name = "PROGRAM", default_value = "kubectl", env = "MESHWRIGHT_KUBECTL")]
    kubectl: PathBuf,

    /// How long one answer of an API server may take
    #[arg(long, value_name = "TIME", default_value = "30s")]
    request_timeout: String,

    /// Format of the findings
    #[arg(long, value_enum, default_value = "human")]
    format: Format,

    /// Judge as of this day (YYYY-MM-DD): exceptions expire
    #[arg(long, value_name = "DAY", value_parser = input::parse_date, default_value_t = input::today())]
    date: Date,
}

/// Clusters that are read at once.
const AT_ONCE: usize = 8;

struct Task {
    kubectl: Kubectl,
    given: Option<Vec<MeshDeclaration>>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let tasks =
        args.context.iter().map(|context| task(args, context)).collect::<anyhow::Result<Vec<Task>>>()?;
    let mut findings = Findings::new();
    let mut said = String::new();
    let mut failed = Vec::new();
    for tasks in tasks.chunks(AT_ONCE) {
        let audited: Vec<_> = thread::scope(|scope| {
            let start = |task: &'_ Task| {
                let (kubectl, given) = (task.kubectl.clone(), task.given.clone());
                scope.spawn(move || audit::audit(&kubectl, given, args.date))
            };
            let running: Vec<_> = tasks.iter().map(start).collect();
            running.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
        });
        for (task, audited) in tasks.iter().zip(audited) {
            let context = &task.kubectl.context;
            match audited {
                Ok(Ok(audited)) => {
                    said.push_str(&summary(context, &audited));
                    failed.extend(audited.unread.iter().map(|why| format!("`{context}`: {why}")));
                    findings.extend(audited.findings);
                }
                Ok(Err(error)) => failed.push(format!("`{context}`: {error}")),
                Err(_) => failed.push(format!("`{context}`: the audit broke off")),
            }
        }
    }
    let human = args.format == Format::Human;
    let options = RenderOptions { color: human && terminal::color(), ..RenderOptions::default() };
    let text = diagnostic::render(args.format, &findings, &Sources::new(), &options);
    if human {
        terminal::say(&text);
    } else {
        terminal::print(&text)?;
    }
    terminal::say(&said);
    if !failed.is_empty() {
        bail!("not everything could be read\n  {}", failed.join("\n  "));
    }
    Ok(if findings.has_errors() { Outcome::Findings } else { Outcome::Clean })
}

fn task(args: &Args, context: &str) -> anyhow::Result<Task> {
    let (context, cluster) = context.split_once('=').unwrap_or((context, context));
    let given = match &args.declaration {
        None => None,
        Some(path) => Some(match audit::in_rendered_tree(path, cluster) {
            Some(declaration) => admit::declarations(&[declaration])?,
            None if args.context.len() > 1 => bail!(
                "`{}` is no rendered tree, and what is declared for one cluster is not for {}: name one context",
                path.display(),
                args.context.len()
            ),
            None => admit::declarations(std::slice::from_ref(path))?,
        }),
    };
    let kubectl = Kubectl {
        program: args.kubectl.clone(),
        kubeconfig: args.kubeconfig.clone(),
        context: context.to_owned(),
        timeout: args.request_timeout.clone(),
    };
    Ok(Task { kubectl, given })
}

fn summary(context: &str, audited: &Audited) -> String {
    let counts = diagnostic::summary(audited.findings.errors(), audited.findings.warnings());
    let Audited { objects, declarations, .. } = audited;
    let plural = if *objects == 1 { "" } else { "s" };
    format!("`{context}`, {}: {objects} object{plural}, {counts}\n", declarations.join(", "))
}
