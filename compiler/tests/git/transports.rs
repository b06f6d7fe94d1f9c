//! Remotes by HTTP and ssh, with credentials that only Git knows.

use super::http::{Server, helper};
use super::support::{Repository, cluster, ended, git, meshwright};

const PASSWORD: &str = "correct-horse-battery";

#[test]
fn http_asks_for_credentials_and_git_has_them() {
    let repository = Repository::with_intent();
    let bare = repository.bare("mesh.git");
    repository.git(&["push", "-q", "../mesh.git", "main"]);
    let server = Server::of_git(repository.home.path(), "bot", PASSWORD);
    let url = format!("http://{}/mesh.git", server.address);
    let elsewhere = tempfile::tempdir().unwrap();
    let config = helper(elsewhere.path(), "bot", PASSWORD);
    let args = ["publish", "intent", "--repo", &url, "--branch", "rendered"];
    let with_helper = || {
        let mut command = meshwright(elsewhere.path(), &args);
        ended(command.env("GIT_CONFIG_GLOBAL", &config).output().unwrap())
    };
    for n in 2..=3 {
        let (code, out, err) = with_helper();
        assert_eq!(code, Some(0), "{err}");
        assert!(!format!("{out}{err}").contains(PASSWORD));
        repository.commit("One more", &[(&format!("intent/c{n}.yaml"), &cluster(n))]);
        repository.git(&["push", "-q", "../mesh.git", "main"]);
    }
    assert_eq!(git(&bare, &["rev-list", "--count", "rendered"]), "2");
    assert_eq!(git(&bare, &["fsck", "--strict"]), "");
    // A password in the URL is one of Git's ways too, and is shown nowhere.
    let secret = format!("http://bot:{PASSWORD}@{}/mesh.git", server.address);
    let args = ["publish", "intent", "--repo", &secret, "--branch", "rendered"];
    let (code, out, err) = ended(meshwright(elsewhere.path(), &args).output().unwrap());
    assert_eq!(code, Some(0), "{err}");
    let message = git(&bare, &["log", "-1", "--format=%B", "rendered"]);
    assert!(message.contains(&format!("Source-Repository: {url}\n")), "{message}");
    assert!(!format!("{out}{err}{message}").contains(PASSWORD));
    // Wrong ones are said to be.
    let wrong = secret.replace(PASSWORD, "wrong-secret");
    let args = ["publish", "intent", "--repo", &wrong, "--branch", "rendered"];
    let mut command = meshwright(elsewhere.path(), &args);
    let (code, _, err) = ended(command.env("GIT_TERMINAL_PROMPT", "0").output().unwrap());
    assert_eq!(code, Some(2));
    assert!(err.contains("does not let us in") && !err.contains("wrong-secret"), "{err}");
}

#[test]
fn ssh_is_whatever_git_runs_for_it() {
    let repository = Repository::with_intent();
    let bare = repository.bare("mesh.git");
    repository.git(&["push", "-q", "../mesh.git", "main"]);
    // An `ssh` that runs the command here: the host comes first, then the command.
    let ssh = repository.home.path().join("ssh.sh");
    std::fs::write(&ssh, "#!/bin/sh\nfor last; do :; done\nexec sh -c \"$last\"\n").unwrap();
    std::fs::set_permissions(&ssh, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let url = format!("git@mesh.example.com:{}", bare.display());
    let elsewhere = tempfile::tempdir().unwrap();
    for n in 2..=3 {
        let args = ["publish", "intent", "--repo", &url, "--branch", "rendered"];
        let mut command = meshwright(elsewhere.path(), &args);
        command.env("GIT_SSH_COMMAND", &ssh).env("GIT_SSH_VARIANT", "simple");
        let (code, _, err) = ended(command.output().unwrap());
        assert_eq!(code, Some(0), "{err}");
        repository.commit("One more", &[(&format!("intent/c{n}.yaml"), &cluster(n))]);
        repository.git(&["push", "-q", "../mesh.git", "main"]);
    }
    assert_eq!(git(&bare, &["rev-list", "--count", "rendered"]), "2");
}
