//! Remotes by HTTP and ssh, with credentials that only Git knows.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

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

/// OpenSSH's own server, on a port of this machine, for the user who runs the tests and one key.
struct Sshd {
    process: Child,
    port: u16,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _gone = self.process.wait();
    }
}

impl Sshd {
    /// Nothing where there is none; where all tools are required, there has to be one.
    fn start(directory: &Path) -> Option<Sshd> {
        let program =
            ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].into_iter().find(|path| Path::new(path).exists());
        let required = std::env::var_os("MESHWRIGHT_REQUIRE_TOOLS").is_some();
        assert!(program.is_some() || !required, "sshd is needed");
        let program = program?;
        for key in ["host", "key"] {
            let key = directory.join(key);
            let made =
                Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(key).status();
            assert!(made.unwrap().success());
        }
        std::fs::copy(directory.join("key.pub"), directory.join("authorized")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let at = directory.display();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {at}/host\nAuthorizedKeysFile {at}/authorized\nPidFile none\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        );
        std::fs::write(directory.join("config"), config).unwrap();
        let process = Command::new(program)
            .args(["-D", "-e", "-f"])
            .arg(directory.join("config"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut sshd = Sshd { process, port };
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                sshd.process.try_wait().unwrap().is_none(),
                "sshd ended: try `{program} -D -e -f {at}/config`"
            );
            assert!(begin.elapsed() < Duration::from_secs(30), "sshd does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(sshd)
    }
}

#[test]
fn ssh_by_a_key_to_a_real_server() {
    let repository = Repository::with_intent();
    let bare = repository.bare("mesh.git");
    repository.git(&["push", "-q", "../mesh.git", "main"]);
    let keys = tempfile::tempdir().unwrap();
    let Some(sshd) = Sshd::start(keys.path()) else { return };
    let url = format!("ssh://127.0.0.1:{}{}", sshd.port, bare.display());
    let elsewhere = tempfile::tempdir().unwrap();
    let publish = |key: &str| {
        let ssh = format!(
            "ssh -F none -i '{at}/{key}' -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=accept-new \
             -o UserKnownHostsFile='{at}/known'",
            at = keys.path().display()
        );
        let args = ["publish", "intent", "--repo", &url, "--branch", "rendered"];
        let mut command = meshwright(elsewhere.path(), &args);
        ended(command.env("GIT_SSH_COMMAND", ssh).output().unwrap())
    };
    for n in 2..=3 {
        let (code, _, err) = publish("key");
        assert_eq!(code, Some(0), "{err}");
        repository.commit("One more", &[(&format!("intent/c{n}.yaml"), &cluster(n))]);
        repository.git(&["push", "-q", "../mesh.git", "main"]);
    }
    assert_eq!(git(&bare, &["rev-list", "--count", "rendered"]), "2");
    assert_eq!(git(&bare, &["fsck", "--strict"]), "");
    // A key that the server does not know.
    let (code, _, err) = publish("host");
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("Permission denied"), "{err}");
}
