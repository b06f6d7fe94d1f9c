//! The only place that writes to the terminal: results to standard output, everything said to people to standard error.

use std::io::{IsTerminal, Write};

use crate::source::SourceError;
use crate::source::commit::GitError;

/// Writes a result. A reader that went away (`| head`) is no error.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Says something to the person. Losing it is no reason to fail.
pub(super) fn say(text: &str) {
    let _unheard = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Says why a command could not do its work, with every cause.
pub(super) fn error(error: &anyhow::Error) {
    let mut text = format!("error: {error}\n");
    for cause in error.chain().skip(1).map(ToString::to_string) {
        // Some errors name their cause themselves.
        if !text.trim_end().ends_with(&cause) {
            text.push_str(&format!("  because: {cause}\n"));
        }
    }
    let publishing = || error.downcast_ref::<crate::publish::PublishError>().and_then(|error| error.help());
    let keeping = || error.downcast_ref::<crate::watch::RoundError>().and_then(|round| round.error.help());
    let git = || error.downcast_ref::<crate::git::GitProgramError>().and_then(|error| error.help());
    if let Some(help) = reading(error).or_else(publishing).or_else(keeping).or_else(git) {
        text.push_str(&format!("  help: {help}\n"));
    }
    say(&text);
}

/// What to try when a commit could not be read.
fn reading(error: &anyhow::Error) -> Option<&'static str> {
    match error.downcast_ref::<SourceError>() {
        Some(SourceError::Git(error)) => error.help(),
        _ => error.downcast_ref::<GitError>().and_then(GitError::help),
    }
}

/// Whether standard error takes colours: a terminal that was not told otherwise (no-color.org).
pub(super) fn color() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
        && (std::io::stderr().is_terminal()
            || std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| value != "0"))
}
