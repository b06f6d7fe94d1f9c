//! The program as people start it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside the test functions"
)]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::Value;

struct Program {
    child: Child,
    lines: BufReader<ChildStderr>,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ended = self.child.kill();
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshwright-webhook"));
    command.args(arguments).env_remove("MESHWRIGHT_LOG").stderr(Stdio::piped()).stdout(Stdio::piped());
    command
}

const DECLARATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/declarations/mdemo.yaml");

impl Program {
    fn start(arguments: &[&str]) -> Program {
        let mut child = command(arguments).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        Program { child, lines }
    }

    /// The next line of the log with that message.
    fn wait_for(&mut self, message: &str) -> Value {
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "it ended before it said `{message}`");
            let line: Value = serde_json::from_str(&line).expect("a line of the log is not JSON");
            if line["msg"] == message {
                return line;
            }
        }
    }
}

#[tokio::test]
async fn it_serves_refuses_and_leaves_on_a_signal() {
    let arguments = ["--self-signed", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
    let mut program = Program::start(&[&["--declaration", DECLARATION], arguments.as_slice()].concat());
    let line = program.wait_for("serving admission");
    let address = |key: &str| line[key].as_str().unwrap().parse::<SocketAddr>().unwrap();
    assert_eq!(support::observe(address("metrics_listen"), "/readyz").await.unwrap().0, 200);
    let mut connection = support::Connection::open(address("listen"), &support::trusting()).await.unwrap();
    let answer = connection.post(support::wrong()).await.unwrap();
    assert!(answer.text().contains("MW2101"), "{}", answer.text());
    let review: Value = serde_json::from_slice(&support::wrong()).unwrap();
    let line = program.wait_for("review");
    assert_eq!(line["request_uid"], review["request"]["uid"]);
    assert_eq!((line["decision"].as_str(), line["rule"].as_str()), (Some("denied"), Some("MW2101")));
    assert_eq!((line["cluster"].as_str(), line["generation"].as_i64()), (Some("mdemo-cluster2"), Some(7)));
    assert_eq!(line["dry_run"], true);
    let sent = Command::new("kill").args(["-TERM", &program.child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    program.wait_for("every request was answered");
    assert!(program.child.wait().unwrap().success());
}

#[test]
fn what_cannot_be_served_is_said_at_once() {
    for (arguments, expected) in [
        (
            &["--declaration", "/absent.yaml", "--self-signed"][..],
            "error: no declaration at `/absent.yaml`: ",
        ),
        (
            &["--declaration", DECLARATION, "--tls-cert", "/absent.crt", "--tls-key", "/absent.key"],
            "error: `/absent.crt` cannot be read: ",
        ),
        (
            &["--declaration", DECLARATION, "--self-signed", "--client-ca", DECLARATION],
            "error: there is no client authority: ",
        ),
        (
            &["--declaration", DECLARATION, "--self-signed", "--log", "a=b=c"],
            "error: `a=b=c` is not a filter of logs: ",
        ),
    ] {
        let mut child = command(arguments).spawn().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(2), "{arguments:?}");
        let mut text = String::new();
        child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        assert!(text.lines().any(|line| line.starts_with(expected)), "{text}");
    }
}
