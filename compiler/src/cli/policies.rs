//! `meshwright policies`: every code there is.

use super::{Outcome, terminal};
use crate::rules;

/// List every policy
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How to list them
    #[arg(long, value_enum, default_value = "human")]
    format: ListFormat,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ListFormat {
    /// One line each
    Human,
    /// The whole documentation, as in docs/policies.md
    Markdown,
    /// A list of objects
    Json,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let text = match args.format {
        ListFormat::Human => rules::all()
            .iter()
            .map(|rule| {
                format!("{}  {:7}  {}: {}\n", rule.code, rule.severity.as_str(), rule.name, rule.title)
            })
            .collect(),
        ListFormat::Markdown => rules::page(),
        ListFormat::Json => {
            let list: Vec<_> = rules::all()
                .iter()
                .map(|rule| {
                    serde_json::json!({
                        "code": rule.code, "name": rule.name, "severity": rule.severity.as_str(), "title": rule.title,
                    })
                })
                .collect();
            serde_json::to_string_pretty(&list)? + "\n"
        }
    };
    terminal::print(&text)?;
    Ok(Outcome::Clean)
}
