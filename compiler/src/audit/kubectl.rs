//! Reading a cluster by the user's own program.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

/// Why kubectl gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum KubectlError {
    /// It is not there, or cannot be started.
    #[error("`{0}` cannot be started: {1}")]
    Start(String, std::io::Error),
    /// It failed; its own words.
    #[error("{0}")]
    Failed(String),
    /// It printed something else than JSON.
    #[error("kubectl printed no JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// kubectl, with the context of a cluster.
#[derive(Clone, Debug)]
pub struct Kubectl {
    /// The program.
    pub program: PathBuf,
    /// The kubeconfig; kubectl's own choice without one.
    pub kubeconfig: Option<PathBuf>,
    /// The context.
    pub context: String,
    /// How long one answer may take, as kubectl reads it: `30s`.
    pub timeout: String,
}

impl Kubectl {
    /// What the API server has at a path; nothing for 404.
    ///
    /// # Errors
    /// When kubectl fails otherwise.
    pub fn get(&self, path: &str) -> Result<Option<Value>, KubectlError> {
        let mut command = Command::new(&self.program);
        if let Some(kubeconfig) = &self.kubeconfig {
            command.arg("--kubeconfig").arg(kubeconfig);
        }
        let timeout = format!("--request-timeout={}", self.timeout);
        command.args(["--context", &self.context, &timeout, "get", "--raw", path]);
        let output = command.output().map_err(|error| {
            let hint = match error.kind() {
                ErrorKind::NotFound => std::io::Error::new(error.kind(), "there is no such program"),
                _ => error,
            };
            KubectlError::Start(self.program.display().to_string(), hint)
        })?;
        if output.status.success() {
            return Ok(Some(serde_json::from_slice(&output.stdout)?));
        }
        let words = String::from_utf8_lossy(&output.stderr);
        // `Error from server (NotFound): the server could not find the requested resource`
        if words.contains("(NotFound)") {
            return Ok(None);
        }
        let words = words.trim();
        let words =
            if words.is_empty() { format!("kubectl ended with {}", output.status) } else { words.to_owned() };
        Err(KubectlError::Failed(words))
    }
}
