//! `meshwright watch`: output kept as the intent says.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};

use super::keep::{From, To};
use super::log::{self, LogFormat};
use super::{Outcome, input, terminal};
use crate::git::{Manner, Stop, is_url};
use crate::watch::{Engine, Forge, Origin, Secrets, Settings, Statuses, Target, Token, run as watch};

/// Keep a directory or a branch up to date
///
/// ROOT is watched as it lies on disk, unless a revision, a repository or a URL is named. Each new commit is compiled
/// once. A commit with errors leaves what is published, and the next good one is published again. Ends on SIGTERM.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("target").required(true).args(["out", "branch"]))]
pub(super) struct Args {
    #[command(flatten)]
    from: From,

    /// Directory to keep up to date
    #[arg(short, long, value_name = "OUT")]
    out: Option<PathBuf>,

    #[command(flatten)]
    to: To,

    /// Time from one look to the next, when nothing is announced
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = duration, env = "MESHWRIGHT_INTERVAL")]
    interval: Duration,

    /// Receive push events of GitHub, GitLab or Gitea here, as `POST /events`
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,

    /// File with the secret of push events; several lines while it changes
    #[arg(long, value_name = "FILE")]
    events_secret_file: Option<PathBuf>,

    /// The secret itself
    #[arg(long, env = "MESHWRIGHT_EVENTS_SECRET", hide = true, hide_env_values = true)]
    events_secret: Option<String>,

    /// Serve `/healthz`, `/readyz` and `/metrics` here
    #[arg(long, value_name = "ADDRESS")]
    metrics_listen: Option<SocketAddr>,

    /// Report what became of each commit to this kind of code host
    #[arg(long, value_name = "HOST")]
    status: Option<Forge>,

    /// File with the token for it, read each time
    #[arg(long, value_name = "FILE", requires = "status")]
    status_token_file: Option<PathBuf>,

    /// The token itself
    #[arg(long, env = "MESHWRIGHT_STATUS_TOKEN", hide = true, hide_env_values = true)]
    status_token: Option<String>,

    /// The host's API. Default: made of the repository's URL
    #[arg(long, value_name = "URL", requires = "status")]
    status_api: Option<String>,

    /// The host's name of the project. Default: made of the repository's URL
    #[arg(long, value_name = "OWNER/NAME", requires = "status")]
    status_project: Option<String>,

    /// What the status is called
    #[arg(long, value_name = "NAME", default_value = "meshwright", requires = "status")]
    status_context: String,

    /// How long a look may still take after SIGTERM, before it is given up
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = duration)]
    stop_timeout: Duration,

    /// How long one call of `git` may take
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    git_timeout: Duration,

    /// What is logged: `error`, `warn`, `info`, `debug`, or a filter
    #[arg(long, value_name = "FILTER", default_value = "info", env = "MESHWRIGHT_LOG")]
    log: String,

    /// Format of the log
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "human", env = "MESHWRIGHT_LOG_FORMAT")]
    log_format: LogFormat,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    log::install(&args.log, args.log_format, terminal::color())
        .with_context(|| format!("`{}` is not a filter of logs", args.log))?;
    let stop = Stop::default();
    let manner = Manner { unattended: true, deadline: args.git_timeout, stop: stop.clone() };
    let (origin, _cache) = if args.from.is_directory() && args.to.branch.is_none() {
        let root = PathBuf::from(&args.from.root);
        if !root.exists() {
            bail!("there is no `{}` to watch", root.display());
        }
        (Origin::Directory(root), None)
    } else {
        args.from.repository(manner)?
    };
    let target = match (args.to.branch(&origin)?, &args.out) {
        (Some(branch), _) => Target::Branch(Box::new(branch)),
        (None, Some(out)) => {
            super::render::refuse_over_intent(out, Path::new(&args.from.root))?;
            Target::Directory(out.clone())
        }
        (None, None) => bail!("say where output goes: `-o OUT` or `--branch BRANCH`"),
    };
    let settings = Settings {
        interval: args.interval,
        events: args.events()?,
        observations: args.metrics_listen,
        statuses: args.statuses(&origin)?,
        stop_timeout: args.stop_timeout,
        today: input::today,
    };
    watch(Engine::new(origin, target, args.to.allowed()), settings, &stop)?;
    Ok(Outcome::Clean)
}

impl Args {
    fn events(&self) -> anyhow::Result<Option<(SocketAddr, Secrets)>> {
        let Some(address) = self.listen else { return Ok(None) };
        let (text, place) = match (&self.events_secret_file, &self.events_secret) {
            (Some(file), _) => {
                let place = file.display().to_string();
                let text = std::fs::read_to_string(file).with_context(|| format!("cannot read `{place}`"))?;
                (text, place)
            }
            (None, Some(text)) => (text.clone(), "MESHWRIGHT_EVENTS_SECRET".to_owned()),
            (None, None) => bail!("push events need a secret: `--events-secret-file`"),
        };
        let secrets = Secrets::parse(&text).with_context(|| format!("`{place}` cannot be used"))?;
        Ok(Some((address, secrets)))
    }

    fn statuses(&self, origin: &Origin) -> anyhow::Result<Option<Statuses>> {
        let Some(forge) = self.status else { return Ok(None) };
        let token = match (&self.status_token_file, &self.status_token) {
            (Some(file), _) => Token::File(file.clone()),
            (None, Some(text)) => Token::Text(text.trim().to_owned()),
            (None, None) => bail!("a commit status needs a token: `--status-token-file`"),
        };
        let url = match origin {
            Origin::Directory(_) => {
                bail!("a directory has no commits to report on: name a revision with `--rev`")
            }
            Origin::Remote(remote) => remote.url.clone(),
            Origin::Repository(local) => local.shown.clone(),
        };
        // A path tells no host.
        let url = if is_url(&url) { url } else { String::new() };
        let (api, project) = (self.status_api.as_deref(), self.status_project.as_deref());
        Ok(Some(Statuses::new(forge, &url, api, project, token, &self.status_context)?))
    }
}

/// `500ms`, `30s`, `2m`, `1h`; at most a day, and not nothing.
fn duration(text: &str) -> Result<Duration, String> {
    let refuse = || format!("`{text}` is not a time such as `500ms`, `30s`, `2m` or `1h`");
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(refuse)?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| refuse())?;
    let millis = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => None,
    };
    millis.filter(|millis| (1..=86_400_000).contains(millis)).map(Duration::from_millis).ok_or_else(refuse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_and_an_end() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3600)));
        for text in ["", "5", "s", "-1s", "0s", "25h", "1d", "99999999999999999999s", "18446744073709551615m"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
