//! Telling the code host what became of a commit: a commit status on GitHub, GitLab or Gitea.
//!
//! - GitHub: `POST /repos/{owner}/{repo}/statuses/{sha}` (docs.github.com, REST, "Commit statuses"), description of at
//!   most 140 characters; Gitea and Forgejo: the same (`/api/v1`).
//! - GitLab: `POST /projects/{path, encoded}/statuses/{sha}` (docs.gitlab.com, "Commits API"), 255 characters.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

/// How long a host may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How often a status is sent before it is given up.
const ATTEMPTS: u32 = 3;

/// Characters of a description.
const DESCRIPTION: usize = 140;

/// A kind of code host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Forge {
    /// GitHub, and GitHub Enterprise Server.
    Github,
    /// GitLab.
    Gitlab,
    /// Gitea and Forgejo.
    Gitea,
}

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is published, or changes nothing.
    Success,
    /// It has errors.
    Failure,
    /// It could not be judged or published.
    Error,
}

/// Where statuses go.
#[derive(Debug)]
pub struct Statuses {
    agent: Agent,
    forge: Forge,
    api: String,
    project: String,
    token: Token,
    context: String,
}

/// A token, read again each time: it may be replaced while the program runs.
#[derive(Clone)]
pub enum Token {
    /// From a file.
    File(PathBuf),
    /// As it was given.
    Text(String),
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Token::File(path) => f.debug_tuple("File").field(path).finish(),
            Token::Text(_) => f.write_str("Text(..)"),
        }
    }
}

/// Why statuses cannot be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatusError {
    /// Neither a host nor a project can be made of the URL.
    #[error("`{url}` does not name a project of a code host: say `--status-api` and `--status-project`")]
    Unclear {
        /// The URL, without user information.
        url: String,
    },
    /// A token must not travel in the clear.
    #[error("`{api}` is not https: the token would be readable on the way")]
    Plain {
        /// The address of the API.
        api: String,
    },
    /// The token cannot be read.
    #[error("the token in `{path}` cannot be read: {source}")]
    Token {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// No TLS.
    #[error("TLS cannot be set up: {why}")]
    Tls {
        /// Why.
        why: String,
    },
    /// The host does not take it.
    #[error("{api} answers {status}: {said}")]
    Refused {
        /// The address of the API.
        api: String,
        /// The HTTP status.
        status: u16,
        /// What it says.
        said: String,
    },
    /// The host cannot be reached.
    #[error("{api} cannot be reached: {why}")]
    Unreachable {
        /// The address of the API.
        api: String,
        /// Why.
        why: String,
    },
}

impl Statuses {
    /// Statuses for commits of the repository at `url`; `api` and `project` where the URL does not tell them.
    ///
    /// # Errors
    /// The URL does not tell, or the API is reached in the clear.
    pub fn new(
        forge: Forge,
        url: &str,
        api: Option<&str>,
        project: Option<&str>,
        token: Token,
        context: &str,
    ) -> Result<Statuses, StatusError> {
        let place = place(url);
        let unclear = || StatusError::Unclear { url: crate::git::redacted(url) };
        let api = match (api, &place) {
            (Some(api), _) => api.trim_end_matches('/').to_owned(),
            (None, Some((host, _))) => forge.api(host),
            (None, None) => return Err(unclear()),
        };
        let project = project.map(str::to_owned).or(place.map(|(_, project)| project)).ok_or_else(unclear)?;
        if !api.starts_with("https://") && !is_loopback(&api) {
            return Err(StatusError::Plain { api });
        }
        Ok(Statuses { agent: agent()?, forge, api, project, token, context: context.to_owned() })
    }

    /// Sends a status, and again if the host does not answer.
    ///
    /// # Errors
    /// The host refuses, or cannot be reached.
    pub fn send(&self, commit: &str, state: State, description: &str) -> Result<(), StatusError> {
        let (url, body) = self.request(commit, state, description);
        let token = self.token.read()?;
        let (header, value) = match self.forge {
            Forge::Github => ("authorization", format!("Bearer {token}")),
            Forge::Gitlab => ("private-token", token),
            Forge::Gitea => ("authorization", format!("token {token}")),
        };
        let body = body.to_string();
        let mut last = None;
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                std::thread::sleep(Duration::from_millis(500 << attempt));
            }
            let request =
                self.agent.post(&url).header(header, &value).header("content-type", "application/json");
            let request = request.header("accept", "application/json");
            let error = match request.send(&body) {
                Ok(mut answer) => {
                    let status = answer.status();
                    if status.is_success() {
                        return Ok(());
                    }
                    let said =
                        answer.body_mut().with_config().limit(4096).read_to_string().unwrap_or_default();
                    let said = crate::diagnostic::visible(said.trim(), 300);
                    let error = StatusError::Refused { api: self.api.clone(), status: status.as_u16(), said };
                    if status.is_client_error() && status.as_u16() != 429 {
                        return Err(error);
                    }
                    error
                }
                Err(error) => StatusError::Unreachable { api: self.api.clone(), why: error.to_string() },
            };
            last = Some(error);
        }
        Err(last.unwrap_or_else(|| StatusError::Unreachable { api: self.api.clone(), why: String::new() }))
    }

    fn request(&self, commit: &str, state: State, description: &str) -> (String, Value) {
        let description = crate::diagnostic::visible(description, DESCRIPTION - 1);
        match self.forge {
            Forge::Github | Forge::Gitea => {
                let state = match state {
                    State::Success => "success",
                    State::Failure => "failure",
                    State::Error => "error",
                };
                let project: Vec<String> = self.project.split('/').map(encoded).collect();
                (
                    format!("{}/repos/{}/statuses/{commit}", self.api, project.join("/")),
                    json!({"state": state, "context": self.context, "description": description}),
                )
            }
            Forge::Gitlab => {
                let state = if state == State::Success { "success" } else { "failed" };
                (
                    format!("{}/projects/{}/statuses/{commit}", self.api, encoded(&self.project)),
                    json!({"state": state, "name": self.context, "description": description}),
                )
            }
        }
    }
}

impl Forge {
    fn api(self, host: &str) -> String {
        match self {
            Forge::Github if host == "github.com" => "https://api.github.com".to_owned(),
            Forge::Github => format!("https://{host}/api/v3"),
            Forge::Gitlab => format!("https://{host}/api/v4"),
            Forge::Gitea => format!("https://{host}/api/v1"),
        }
    }
}

impl Token {
    fn read(&self) -> Result<String, StatusError> {
        match self {
            Token::Text(text) => Ok(text.clone()),
            Token::File(path) => match std::fs::read_to_string(path) {
                Ok(text) => Ok(text.trim().to_owned()),
                Err(source) => Err(StatusError::Token { path: path.display().to_string(), source }),
            },
        }
    }
}

/// An agent with the TLS of the rest of the program, and the certificates that the system trusts (or
/// `SSL_CERT_FILE`). Answers of any status are answers.
fn agent() -> Result<Agent, StatusError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(provider)
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        // A redirect would take the token along.
        .max_redirects(0)
        .user_agent(concat!("meshwright/", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(config.into())
}

/// Host and project of a repository's URL: `https://host[:port]/group/project.git`, `git@host:group/project`.
fn place(url: &str) -> Option<(String, String)> {
    let (authority, path) = match url.split_once("://") {
        Some(("http" | "https", rest)) => rest.split_once('/')?,
        Some(("ssh" | "git+ssh", rest)) => {
            let (authority, path) = rest.split_once('/')?;
            // The port is ssh's, and not the API's.
            let host =
                authority.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
            (host.map_or(authority, |(host, _)| host), path)
        }
        Some(_) => return None,
        None => url.split_once(':')?,
    };
    let host = authority.rsplit('@').next()?;
    let path = path.split(['?', '#']).next()?.trim_matches('/');
    let project = path.strip_suffix(".git").unwrap_or(path);
    (!host.is_empty() && project.contains('/')).then(|| (host.to_owned(), project.to_owned()))
}

fn is_loopback(api: &str) -> bool {
    let Some(rest) = api.strip_prefix("http://") else { return false };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    // Before an `@` stands a user, and after it the host.
    !authority.contains('@') && matches!(host, "127.0.0.1" | "localhost" | "[::1]")
}

/// Everything but unreserved characters is escaped (RFC 3986, section 2.3).
fn encoded(text: &str) -> String {
    let mut shown = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                shown.push(char::from(byte))
            }
            _ => shown.push_str(&format!("%{byte:02X}")),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(forge: Forge, url: &str, state: State) -> String {
        let token = Token::Text("secret".to_owned());
        match Statuses::new(forge, url, None, None, token, "meshwright") {
            Ok(statuses) => {
                let (url, body) = statuses.request("abc", state, &"x".repeat(200));
                format!(
                    "{url} {} {}",
                    body["state"],
                    body["description"].as_str().map_or(0, |d| d.chars().count())
                )
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_host_is_told_in_its_way() {
        insta::assert_snapshot!(said(Forge::Github, "https://t@github.com/o/r.git", State::Success), @r#"https://api.github.com/repos/o/r/statuses/abc "success" 140"#);
        insta::assert_snapshot!(said(Forge::Github, "git@ghe.example.com:o/r", State::Failure), @r#"https://ghe.example.com/api/v3/repos/o/r/statuses/abc "failure" 140"#);
        insta::assert_snapshot!(said(Forge::Gitlab, "ssh://git@gitlab.example.com:2222/g/sub/p.git", State::Failure), @r#"https://gitlab.example.com/api/v4/projects/g%2Fsub%2Fp/statuses/abc "failed" 140"#);
        insta::assert_snapshot!(said(Forge::Gitea, "https://gitea.example.com:3000/o/r", State::Error), @r#"https://gitea.example.com:3000/api/v1/repos/o/r/statuses/abc "error" 140"#);
        insta::assert_snapshot!(said(Forge::Github, "/srv/git/r.git", State::Success), @"`/srv/git/r.git` does not name a project of a code host: say `--status-api` and `--status-project`");
    }

    #[test]
    fn a_token_does_not_travel_in_the_clear_and_is_not_shown() {
        let new = |api: &str| {
            let token = Token::Text("secret".to_owned());
            Statuses::new(Forge::Gitea, "https://h/o/r", Some(api), None, token, "m")
        };
        assert!(matches!(new("http://gitea.example.com/api/v1"), Err(StatusError::Plain { .. })));
        assert!(matches!(new("http://127.0.0.1.example.com/api/v1"), Err(StatusError::Plain { .. })));
        assert!(matches!(new("http://localhost:80@example.com/api/v1"), Err(StatusError::Plain { .. })));
        for api in ["http://127.0.0.1:3000/api/v1", "http://localhost/api/v1/", "https://h/api/v1"] {
            let statuses = new(api).unwrap();
            assert!(!format!("{:?}", statuses.token).contains("secret"));
            assert!(!statuses.api.ends_with('/'));
        }
    }
}
