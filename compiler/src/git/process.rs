//! One call of `git`: its environment, its streams, and its end.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::{GitProgramError, Manner};

/// Variables that lead `git` to another repository than the one that is meant; a hook runs with some of them set
/// (`git rev-parse --local-env-vars`).
const LOCAL: [&str; 15] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CONFIG",
    "GIT_OBJECT_DIRECTORY",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_GRAFT_FILE",
    "GIT_INDEX_FILE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_REPLACE_REF_BASE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_QUARANTINE_PATH",
];

/// How long a process has to end after it was asked to, before it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// Longest pause between two looks whether the process has ended.
const PAUSE: Duration = Duration::from_millis(20);

/// Most bytes that are kept of each stream.
const MOST: u64 = 16 << 20;

/// One call.
#[derive(Debug)]
pub(super) struct Call<'a> {
    args: Vec<&'a str>,
    pub(super) input: Option<&'a [u8]>,
    pub(super) env: Vec<(String, String)>,
    /// Whether the call is not about the repository.
    outside: bool,
}

impl<'a> Call<'a> {
    pub(super) fn new(args: &[&'a str]) -> Call<'a> {
        Call { args: args.to_vec(), input: None, env: Vec::new(), outside: false }
    }

    /// The repository need not be there.
    pub(super) fn outside(mut self) -> Call<'a> {
        self.outside = true;
        self
    }
}

/// How it ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Nothing if a signal ended it.
    pub(super) code: Option<i32>,
    pub(super) out: Vec<u8>,
    pub(super) err: Vec<u8>,
}

pub(super) fn run(
    command: &'static str,
    call: Call<'_>,
    directory: &Path,
    settings: &[String],
    manner: &Manner,
) -> Result<Ended, GitProgramError> {
    if manner.stop.asked() {
        return Err(GitProgramError::Stopped { command });
    }
    let mut process = Command::new("git");
    // A repository that collects garbage in the background would outlive the call, and the program.
    process.args(["-c", "gc.autoDetach=false", "-c", "maintenance.autoDetach=false"]);
    for setting in settings {
        process.args(["-c", setting]);
    }
    for name in LOCAL {
        process.env_remove(name);
    }
    if !call.outside {
        process.env("GIT_DIR", directory);
    }
    // What Git says is read by programs here.
    process.env("LC_ALL", "C").env_remove("LANGUAGE");
    process.envs(call.env.iter().map(|(name, value)| (name, value)));
    process.args(&call.args);
    process.stdin(if call.input.is_some() { Stdio::piped() } else { Stdio::null() });
    process.stdout(Stdio::piped()).stderr(Stdio::piped());
    if manner.unattended {
        unattended(&mut process);
    }
    let mut child = process.spawn().map_err(|source| GitProgramError::NotRun { source })?;
    let out = child.stdout.take().map(read);
    let err = child.stderr.take().map(read);
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), call.input) {
        // Input is smaller than a pipe, or `git` reads it all before it writes; one that died is seen by its exit code.
        let _broken_pipe = stdin.write_all(input);
    }
    let code = wait(&mut child, command, manner)?;
    let all = |stream: Option<Receiver<Vec<u8>>>| {
        // A helper that `git` left behind may hold the stream open: what it says is not waited for.
        stream.and_then(|bytes| bytes.recv_timeout(GRACE).ok()).unwrap_or_default()
    };
    Ok(Ended { code, out: all(out), err: all(err) })
}

/// Nobody answers prompts; and all processes of the call are one group, which can be ended together.
fn unattended(process: &mut Command) {
    process.env("GIT_TERMINAL_PROMPT", "0").env("SSH_ASKPASS_REQUIRE", "never");
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(process, 0);
}

fn read(mut stream: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _what_came_counts = stream.by_ref().take(MOST).read_to_end(&mut bytes);
        let _nobody_waits = sender.send(bytes);
        let _a_full_pipe_would_block_it = std::io::copy(&mut stream, &mut std::io::sink());
    });
    receiver
}

fn wait(child: &mut Child, command: &'static str, manner: &Manner) -> Result<Option<i32>, GitProgramError> {
    let start = Instant::now();
    let mut pause = Duration::from_micros(500);
    loop {
        if let Some(status) = child.try_wait().map_err(|source| GitProgramError::NotRun { source })? {
            return Ok(status.code());
        }
        if manner.stop.asked() {
            end(child, manner);
            return Err(GitProgramError::Stopped { command });
        }
        if start.elapsed() > manner.deadline {
            end(child, manner);
            return Err(GitProgramError::TimedOut { command, after: manner.deadline });
        }
        std::thread::sleep(pause);
        pause = (pause * 3 / 2).min(PAUSE);
    }
}

/// Asks to end, so that lock files are removed, and kills what does not.
fn end(child: &mut Child, manner: &Manner) {
    let start = Instant::now();
    if signal(child, manner, rustix::process::Signal::TERM) {
        while start.elapsed() < GRACE {
            if matches!(child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }
    signal(child, manner, rustix::process::Signal::KILL);
    let _gone_already = child.kill();
    let _reaped = child.wait();
}

/// Sends a signal to the group of an unattended call, or to the process.
fn signal(child: &Child, manner: &Manner, signal: rustix::process::Signal) -> bool {
    let Some(id) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) else {
        return false;
    };
    match manner.unattended {
        true => rustix::process::kill_process_group(id, signal).is_ok(),
        false => rustix::process::kill_process(id, signal).is_ok(),
    }
}
