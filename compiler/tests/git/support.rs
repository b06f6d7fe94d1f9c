//! Repositories to try the program on, made by the real `git`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

pub(crate) const MESH: &str = "apiVersion: meshwright.dev/v1alpha1
kind: Mesh
metadata: {name: demo}
spec: {istio: {version: \"1.30.3\"}}
";

pub(crate) const CLUSTERS: &str = "apiVersion: meshwright.dev/v1alpha1
kind: Network
metadata: {name: n1}
---
apiVersion: meshwright.dev/v1alpha1
kind: Cluster
metadata: {name: c1}
spec:
  network: n1
  podCIDRs: [10.1.0.0/16]
  kubernetes: {version: \"1.33\", apiServer: \"https://192.0.2.1:6443\"}
";

/// A cluster on a network of its own.
pub(crate) fn cluster(n: usize) -> String {
    format!(
        "apiVersion: meshwright.dev/v1alpha1
kind: Network
metadata: {{name: n{n}}}
---
apiVersion: meshwright.dev/v1alpha1
kind: Cluster
metadata: {{name: c{n}}}
spec:
  network: n{n}
  podCIDRs: [10.{n}.0.0/16]
  kubernetes: {{version: \"1.33\", apiServer: \"https://192.0.2.{n}:6443\"}}
  loadBalancer: {{addresses: {{eastWest: 198.51.100.{n}}}}}
"
    )
}

/// A repository in a directory that goes with it. No configuration of the machine reaches it.
pub(crate) struct Repository {
    pub(crate) home: TempDir,
    at: PathBuf,
}

impl Repository {
    /// With a work tree and the branch `main`.
    pub(crate) fn new() -> Repository {
        let home = tempfile::tempdir().unwrap();
        let at = home.path().join("work");
        std::fs::create_dir(&at).unwrap();
        let repository = Repository { home, at };
        repository.git(&["init", "-q", "-b", "main"]);
        repository
    }

    /// With intent in `intent/` of one cluster, committed.
    pub(crate) fn with_intent() -> Repository {
        let repository = Repository::new();
        repository.commit("One cluster", &[("intent/mesh.yaml", MESH), ("intent/c1.yaml", &cluster(1))]);
        repository
    }

    pub(crate) fn path(&self) -> &Path {
        &self.at
    }

    /// A bare repository beside it, which takes pushes.
    pub(crate) fn bare(&self, name: &str) -> PathBuf {
        let bare = self.home.path().join(name);
        self.git(&["init", "-q", "--bare", "-b", "main", &bare.to_string_lossy()]);
        bare
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        git(&self.at, args)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.at.join(path);
        path.parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&path, text))
            .unwrap();
    }

    /// Commits all of the work tree with these files, and gives the ID.
    pub(crate) fn commit(&self, message: &str, files: &[(&str, &str)]) -> String {
        files.iter().for_each(|(path, text)| self.write(path, text));
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub(crate) fn run(&self, below: &str, args: &[&str]) -> (Option<i32>, String, String) {
        run(&self.at.join(below), args)
    }
}

/// Keeps the machine's configuration, and its user, out of a call.
pub(crate) fn alone(command: &mut Command) -> &mut Command {
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@example.com")])
        .envs([("GIT_COMMITTER_NAME", "Grace"), ("GIT_COMMITTER_EMAIL", "grace@example.com")])
}

pub(crate) fn try_git(at: &Path, args: &[&str]) -> Output {
    alone(Command::new("git").current_dir(at).args(args)).output().unwrap()
}

pub(crate) fn git(at: &Path, args: &[&str]) -> String {
    let output = try_git(at, args);
    assert!(output.status.success(), "git {args:?}: {}", text(&output.stderr));
    text(&output.stdout).trim().to_owned()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The program, to be run in a directory.
pub(crate) fn meshwright(directory: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshwright"));
    alone(command.current_dir(directory).args(args));
    command
}

pub(crate) fn run(directory: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    ended(meshwright(directory, args).output().unwrap())
}

pub(crate) fn ended(output: Output) -> (Option<i32>, String, String) {
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// A `git` that runs a script first, for the program alone: a directory to put before the PATH. The script has the
/// arguments of `git`; `$REAL` is the real one.
pub(crate) fn shim(directory: &Path, script: &str) -> String {
    let path = std::env::var("PATH").unwrap();
    let real = std::env::split_paths(&path).map(|dir| dir.join("git")).find(|git| git.is_file()).unwrap();
    std::fs::create_dir_all(directory).unwrap();
    let file = directory.join("git");
    let text = format!("#!/bin/sh\nREAL='{}'\n{script}\nexec \"$REAL\" \"$@\"\n", real.display());
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    format!("{}:{path}", directory.display())
}
