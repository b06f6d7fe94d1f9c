//! `meshwright watch`: what follows a change, what does not, and how it ends.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::http::{Server, answer, send};
use super::support::{MESH, Repository, cluster, git, meshwright, run, shim};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running watcher, which is killed with the test.
struct Watcher {
    child: Child,
    lines: Arc<Mutex<Vec<Value>>>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Watcher {
    fn start(at: &Path, args: &[&str], env: &[(&str, &str)]) -> Watcher {
        let all = [&["watch"], args, &["--log-format", "json", "--log", "debug"]].concat();
        let mut command = meshwright(at, &all);
        command.envs(env.iter().copied()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                sink.lock().unwrap().push(value);
            }
        });
        Watcher { child, lines }
    }

    /// The log so far.
    fn log(&self) -> Vec<Value> {
        self.lines.lock().unwrap().clone()
    }

    /// Lines with a message, once there are so many.
    fn wait(&self, message: &str, count: usize) -> Vec<Value> {
        let found = || -> Vec<Value> {
            self.log().into_iter().filter(|line| line["msg"].as_str() == Some(message)).collect()
        };
        until(|| found().len() >= count, || format!("no {count} times `{message}` in {:#?}", self.log()));
        found()
    }

    fn count(&self, message: &str) -> usize {
        self.log().iter().filter(|line| line["msg"].as_str() == Some(message)).count()
    }

    /// The address that a line of the log names.
    fn address(&self, message: &str, key: &str) -> SocketAddr {
        self.wait(message, 1)[0][key].as_str().unwrap().parse().unwrap()
    }

    /// Asks to end, and gives the exit code.
    fn end(mut self) -> Option<i32> {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(begin.elapsed() < PATIENCE, "it does not end: {:#?}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn until(done: impl Fn() -> bool, why: impl Fn() -> String) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < PATIENCE, "{}", why());
        std::thread::sleep(Duration::from_millis(20));
    }
}

const SECRET: &str = "a secret of code hosts";

#[test]
fn a_directory_is_followed_as_editors_and_git_change_it() {
    let repository = Repository::with_intent();
    let at = repository.path();
    repository.commit("Ignore", &[(".gitignore", "rendered/\n")]);
    let watcher = Watcher::start(at, &["intent", "-o", "rendered", "--interval", "1h"], &[]);
    watcher.wait("published", 1);
    let has = |n: usize| at.join(format!("rendered/clusters/c{n}")).is_dir();
    assert!(has(1) && !has(2));
    // An editor writes beside, and renames over.
    std::fs::write(at.join("intent/.c1.yaml.swp"), "x").unwrap();
    std::fs::write(at.join("intent/c2.yaml~"), cluster(2)).unwrap();
    std::fs::rename(at.join("intent/c2.yaml~"), at.join("intent/c2.yaml")).unwrap();
    watcher.wait("published", 2);
    assert!(has(2));
    // Another checkout, with directories that come and go.
    repository.commit("Two", &[("intent/clusters/c3.yaml", &cluster(3))]);
    watcher.wait("published", 3);
    repository.git(&["checkout", "-q", "-b", "other"]);
    repository.commit("Four", &[("intent/clusters/c4.yaml", &cluster(4))]);
    watcher.wait("published", 4);
    repository.git(&["checkout", "-q", "main"]);
    watcher.wait("published", 5);
    assert!(has(3) && !has(4));
    // The whole directory is replaced.
    std::fs::rename(at.join("intent"), at.join("old")).unwrap();
    std::fs::create_dir_all(at.join("new")).unwrap();
    std::fs::write(at.join("new/mesh.yaml"), MESH).unwrap();
    for n in [1, 2, 3, 5] {
        std::fs::write(at.join(format!("new/c{n}.yaml")), cluster(n)).unwrap();
    }
    std::fs::rename(at.join("new"), at.join("intent")).unwrap();
    // The manifest is the last to be put in its place.
    let manifest = || std::fs::read_to_string(at.join("rendered/.meshwright/manifest.json")).unwrap();
    until(|| manifest().contains("clusters/c5/"), || format!("{:#?}", watcher.log()));
    // An error leaves everything, and is said once.
    let before = manifest();
    std::fs::write(at.join("intent/c5.yaml"), "kind: [").unwrap();
    watcher.wait("the intent has errors; what is published stays", 1);
    let said = watcher.log().iter().filter(|line| line["file"].as_str() == Some("intent/c5.yaml")).count();
    assert!(said >= 1);
    assert_eq!(manifest(), before);
    let published = watcher.count("published");
    std::fs::write(at.join("intent/c5.yaml"), cluster(6)).unwrap();
    watcher.wait("published", published + 1);
    assert!(has(6) && !has(5));
    // Nothing turns in circles over what it writes itself.
    std::thread::sleep(Duration::from_millis(700));
    let rounds = watcher.count("nothing changes") + watcher.count("nothing changed");
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(watcher.count("nothing changes") + watcher.count("nothing changed"), rounds);
    assert_eq!(watcher.end(), Some(0));
}

#[test]
fn a_branch_of_a_repository_here_is_followed_by_its_refs() {
    let repository = Repository::with_intent();
    let args = ["intent", "--rev", "main", "--branch", "rendered", "--interval", "1h"];
    let watcher = Watcher::start(repository.path(), &args, &[]);
    watcher.wait("published", 1);
    let first = repository.commit("Two", &[("intent/c2.yaml", &cluster(2))]);
    let lines = watcher.wait("published", 2);
    assert_eq!(lines[1]["commit"].as_str(), Some(first.as_str()));
    // The work tree does not count, nor does another branch.
    repository.write("intent/c3.yaml", "kind: [");
    repository.git(&["branch", "other"]);
    repository.git(&["pack-refs", "--all"]);
    repository.commit("Broken", &[]);
    watcher.wait("the intent has errors; what is published stays", 1);
    let tip = repository.git(&["rev-parse", "rendered"]);
    repository.commit("Three", &[("intent/c3.yaml", &cluster(3))]);
    watcher.wait("published", 3);
    assert_eq!(repository.git(&["rev-parse", "rendered~1"]), tip);
    let source = ["log", "-1", "--format=%(trailers:key=Source-Commit,valueonly)", "rendered"];
    assert_eq!(repository.git(&source), repository.git(&["rev-parse", "main"]));
    assert_eq!(watcher.end(), Some(0));
}

#[test]
fn a_remote_is_fetched_when_its_host_says_so_and_its_host_is_told() {
    let repository = Repository::with_intent();
    let bare = repository.bare("mesh.git");
    repository.git(&["push", "-q", "../mesh.git", "main"]);
    let host = Server::start(|request| match request.target.contains("/statuses/") {
        true => answer("201 Created", "{}"),
        false => answer("404 Not Found", ""),
    });
    let api = format!("http://{}/api/v1", host.address);
    let url = format!("file://{}", bare.display());
    let args = [
        "intent",
        "--repo",
        &url,
        "--branch",
        "rendered",
        "--interval",
        "1h",
        "--listen",
        "127.0.0.1:0",
        "--metrics-listen",
        "127.0.0.1:0",
        "--status",
        "gitea",
        "--status-api",
        &api,
        "--status-project",
        "o/r",
    ];
    let env = [("MESHWRIGHT_EVENTS_SECRET", SECRET), ("MESHWRIGHT_STATUS_TOKEN", "status-token-1")];
    let watcher = Watcher::start(repository.home.path(), &args, &env);
    let events = watcher.address("receiving push events", "listen");
    let observed = watcher.address("serving health and metrics", "metrics_listen");
    watcher.wait("published", 1);
    assert_eq!(send(observed, "GET", "/readyz", &[], b"").0, 200);
    assert_eq!(send(observed, "GET", "/healthz", &[], b"").0, 200);
    let pushed = |message: &str, files: &[(&str, &str)]| {
        let commit = repository.commit(message, files);
        repository.git(&["push", "-q", "../mesh.git", "main"]);
        commit
    };
    let good = pushed("Two", &[("intent/c2.yaml", &cluster(2))]);
    // Nobody listens to strangers.
    let body = br#"{"ref":"refs/heads/main"}"#;
    for headers in [&[][..], &[("X-Gitlab-Token", "guess")], &[("X-Hub-Signature-256", "sha256=00")]] {
        assert_eq!(send(events, "POST", "/events", headers, body).0, 401);
    }
    assert_eq!(send(events, "GET", "/events", &[], b"").0, 405);
    assert_eq!(send(events, "GET", "/metrics", &[], b"").0, 404);
    let ping = [("X-Gitlab-Token", SECRET), ("X-Gitlab-Event", "Note Hook")];
    assert_eq!(send(events, "POST", "/events", &ping, body).0, 200);
    assert_eq!(watcher.count("published"), 1);
    let event = [("X-Gitlab-Token", SECRET), ("X-Gitlab-Event", "Push Hook")];
    assert_eq!(send(events, "POST", "/events", &event, body).0, 202);
    assert_eq!(watcher.wait("published", 2)[1]["commit"].as_str(), Some(good.as_str()));
    let broken = pushed("Broken", &[("intent/c3.yaml", "kind: [")]);
    assert_eq!(send(events, "POST", "/events", &event, body).0, 202);
    watcher.wait("the intent has errors; what is published stays", 1);
    let told = || {
        let state = |request: &super::http::Request| {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let commit = request.target.rsplit('/').next().unwrap().to_owned();
            assert_eq!(request.header("authorization"), Some("token status-token-1"));
            (
                commit,
                body["state"].as_str().unwrap().to_owned(),
                body["description"].as_str().unwrap().to_owned(),
            )
        };
        host.requests().iter().map(state).collect::<Vec<_>>()
    };
    until(|| told().len() >= 3, || format!("{:?} {:#?}", told(), watcher.log()));
    let told = told();
    assert_eq!((told[1].0.as_str(), told[1].1.as_str()), (good.as_str(), "success"));
    assert_eq!((told[2].0.as_str(), told[2].1.as_str()), (broken.as_str(), "failure"));
    assert!(told[1].2.starts_with("Published as ") && told[2].2.contains("errors: MW"), "{told:?}");
    let metrics = send(observed, "GET", "/metrics", &[], b"").1;
    for line in [
        r#"meshwright_watch_rounds_total{result="published"} 2"#,
        r#"meshwright_watch_rounds_total{result="findings"} 1"#,
        "meshwright_renders_total 3",
        "meshwright_up_to_date 0",
        r#"meshwright_push_events_total{result="accepted"} 2"#,
        r#"meshwright_push_events_total{result="refused"} 3"#,
        r#"meshwright_commit_statuses_total{result="sent"} 3"#,
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    let text = format!("{:?}", watcher.log());
    assert!(!text.contains(SECRET) && !text.contains("status-token-1"));
    assert_eq!(watcher.end(), Some(0));
}

#[test]
fn what_was_done_by_hand_on_the_branch_does_not_stay() {
    let repository = Repository::with_intent();
    let bare = repository.bare("out.git");
    let args =
        ["intent", "--rev", "main", "--branch", "rendered", "--push-to", "../out.git", "--interval", "300ms"];
    let watcher = Watcher::start(repository.path(), &args, &[]);
    watcher.wait("published", 1);
    let tree = git(&bare, &["rev-parse", "rendered^{tree}"]);
    let clone = repository.home.path().join("clone");
    repository.git(&["clone", "-q", "-b", "rendered", "../out.git", &clone.to_string_lossy()]);
    git(&clone, &["rm", "-q", "PLAN.md"]);
    git(&clone, &["commit", "-q", "-m", "by hand"]);
    git(&clone, &["push", "-q"]);
    watcher.wait("published", 2);
    assert_eq!(git(&bare, &["rev-parse", "rendered^{tree}"]), tree);
    assert_eq!(git(&bare, &["rev-list", "--count", "rendered"]), "3");
    // The intent was compiled once.
    let lines = watcher.log();
    assert!(
        lines.iter().filter(|line| line["msg"].as_str() == Some("published")).all(|line| line["lost"] == 0)
    );
    assert_eq!(watcher.end(), Some(0));
}

#[test]
fn a_remote_that_is_gone_is_asked_again_and_comes_back() {
    let repository = Repository::with_intent();
    let bare = repository.bare("mesh.git");
    repository.git(&["push", "-q", "../mesh.git", "main"]);
    let url = format!("file://{}", bare.display());
    let away = repository.home.path().join("away.git");
    std::fs::rename(&bare, &away).unwrap();
    let args = [
        "intent",
        "--repo",
        &url,
        "--branch",
        "rendered",
        "--interval",
        "200ms",
        "--metrics-listen",
        "127.0.0.1:0",
    ];
    let watcher = Watcher::start(repository.home.path(), &args, &[]);
    let observed = watcher.address("serving health and metrics", "metrics_listen");
    watcher.wait("failed; it is tried again", 2);
    assert_eq!(send(observed, "GET", "/readyz", &[], b"").0, 503);
    assert_eq!(send(observed, "GET", "/healthz", &[], b"").0, 200);
    std::fs::rename(&away, &bare).unwrap();
    watcher.wait("published", 1);
    assert_eq!(send(observed, "GET", "/readyz", &[], b"").0, 200);
    // Rewritten history is refused until it is allowed.
    repository.commit("Two", &[("intent/c2.yaml", &cluster(2))]);
    repository.git(&["push", "-q", "../mesh.git", "main"]);
    watcher.wait("published", 2);
    let tip = git(&bare, &["rev-parse", "rendered"]);
    repository.git(&["reset", "-q", "--hard", "HEAD~1"]);
    repository.commit("Other two", &[("intent/c3.yaml", &cluster(3))]);
    repository.git(&["push", "-q", "-f", "../mesh.git", "main"]);
    let refused = watcher.wait("refused; what is published stays", 1);
    assert!(refused[0]["error"].as_str().unwrap().contains("does not descend from"), "{refused:?}");
    assert_eq!(git(&bare, &["rev-parse", "rendered"]), tip);
    assert_eq!(watcher.end(), Some(0));
    let args =
        ["publish", "intent", "--repo", &url, "--branch", "rendered", "--allow-forced-update", "--force"];
    let (code, _, err) = run(repository.home.path(), &args);
    assert_eq!(code, Some(0), "{err}");
}

#[test]
fn a_push_that_hangs_is_given_up_at_the_end() {
    let repository = Repository::with_intent();
    let bare = repository.bare("out.git");
    let script = "case \" $* \" in *' push '*) sleep 300;; esac";
    let path = shim(&repository.home.path().join("bin"), script);
    let args = [
        "intent",
        "--rev",
        "main",
        "--branch",
        "rendered",
        "--push-to",
        "../out.git",
        "--stop-timeout",
        "200ms",
    ];
    let watcher = Watcher::start(repository.path(), &args, &[("PATH", &path)]);
    watcher.wait("watching", 1);
    let running = || {
        let processes = std::process::Command::new("ps").args(["-eo", "args"]).output().unwrap();
        let own = repository.home.path().join("bin").display().to_string();
        String::from_utf8_lossy(&processes.stdout).lines().filter(|line| line.contains(&own)).count()
    };
    until(|| running() > 0, || "the push does not begin".to_owned());
    assert_eq!(watcher.end(), Some(0));
    assert_eq!(git(&bare, &["for-each-ref"]), "");
    until(|| running() == 0, || "the push goes on".to_owned());
}

#[test]
fn the_command_line_is_refused_where_it_makes_no_sense() {
    let repository = Repository::with_intent();
    for (args, why) in [
        (&["intent"][..], "required"),
        (&["intent", "-o", "out", "--branch", "b"], "cannot be used with"),
        (&["nowhere", "-o", "out"], "there is no `nowhere` to watch"),
        (&["intent", "-o", "out", "--listen", "127.0.0.1:0"], "push events need a secret"),
        (&["intent", "-o", "out", "--rev", "main", "--status", "github"], "a commit status needs a token"),
        (&["intent", "-o", "out", "--interval", "soon"], "is not a time such as"),
        (&["https://x/y", "--repo", "https://x/z", "-o", "out"], "is not a path inside"),
    ] {
        let (code, _, err) = run(repository.path(), &[&["watch"], args].concat());
        assert_eq!(code, Some(2), "{args:?}");
        assert!(err.contains(why), "{args:?}: {err}");
    }
}
