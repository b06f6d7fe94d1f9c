//! Kills a real process that writes an output directory, at arbitrary moments, and looks at what is left.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test says by a panic that it failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use meshwright::publish::{Options, RelativePath, Tree, publish, recover};

/// Tells the child where to write; without it the child's test does nothing.
const OUT: &str = "MESHWRIGHT_TEST_PUBLISH_OUT";

/// How often a writer is killed in each test.
const KILLS: u64 = 16;

/// One of two trees of 150 files, of which a third is the same in both, a third differs and a third is in one only.
fn tree(which: &str) -> Tree {
    let mut tree = Tree::new();
    for n in 0..150 {
        let (name, text) = match n % 3 {
            0 => (format!("clusters/c{n}/mesh/same.yaml"), "same".to_owned()),
            1 => (format!("clusters/c{n}/mesh/differs.yaml"), which.repeat(n)),
            _ => (format!("clusters/only-{which}-{n}/mesh/a.yaml"), which.to_owned()),
        };
        tree.insert(RelativePath::new(name).unwrap(), text.into_bytes()).unwrap();
    }
    tree
}

fn force() -> Options {
    Options { force: true, ..Options::default() }
}

/// Writes one tree after the other until the process is killed.
fn write_for_ever(out: &Path) {
    for which in ["a", "b"].iter().cycle() {
        publish(out, &tree(which), &force()).unwrap();
    }
}

/// Starts this very test again as a process that writes, and kills it after a while.
fn kill_a_writer(test: &str, out: &Path, working_directory: &Path, after: Duration) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .current_dir(working_directory)
        .env(OUT, out)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The time counts from when it begins to write.
    let begun = [out.with_file_name(".out.meshwright-new"), out.join(".meshwright/staging")];
    let start = Instant::now();
    while !begun.iter().any(|path| path.exists()) && start.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_micros(200));
    }
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// How long a write takes here and now, at a mean of some.
fn duration_of_a_write() -> Duration {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    publish(&out, &tree("a"), &force()).unwrap();
    let start = Instant::now();
    for which in ["b", "a", "b", "a"] {
        publish(&out, &tree(which), &force()).unwrap();
    }
    start.elapsed() / 4
}

/// Moments spread over two writes.
fn moment(write: Duration, round: u64) -> Duration {
    write.mul_f64(2.0 * (round * 7 % KILLS) as f64 / KILLS as f64)
}

/// Every file of a directory but the lock, which a killed process leaves.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut open = vec![root.to_owned()];
    let mut files = BTreeMap::new();
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    files.remove(".meshwright/lock");
    files
}

/// What a whole write of each tree leaves.
fn whole() -> [BTreeMap<String, Vec<u8>>; 2] {
    ["a", "b"].map(|which| {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        publish(&out, &tree(which), &force()).unwrap();
        files(&out)
    })
}

#[test]
fn killed_at_any_moment_one_of_the_two_trees_is_there_at_once() {
    if let Some(out) = std::env::var_os(OUT) {
        return write_for_ever(Path::new(&out));
    }
    let whole = whole();
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let write = duration_of_a_write();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for round in 0..KILLS {
        let test = "killed_at_any_moment_one_of_the_two_trees_is_there_at_once";
        kill_a_writer(test, &out, dir.path(), moment(write, round));
        let which = if out.exists() { whole.iter().position(|tree| *tree == files(&out)) } else { None };
        assert!(which.is_some() || !out.exists(), "round {round}: {:#?}", files(&out).keys());
        *seen.entry(format!("{which:?} and {:?}", recover(&out).unwrap())).or_default() += 1;
        if let Some(which) = which {
            assert!(files(&out) == whole[which], "round {round}: recovery changes nothing");
        }
        let beside: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(beside.iter().all(|name| name == "out"), "round {round}: {beside:?}");
    }
    assert!(seen.len() > 2, "writers must be killed at different moments: {seen:?}");
    println!("what the killed writers left: {seen:?}");
}

#[test]
fn killed_at_any_moment_one_of_the_two_trees_is_there_after_recovery_in_a_checkout() {
    if let Some(out) = std::env::var_os(OUT) {
        return write_for_ever(Path::new(&out));
    }
    let whole = whole();
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let foreign = ".git/HEAD";
    let write = duration_of_a_write();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for round in 0..KILLS {
        if !out.exists() {
            publish(&out, &tree("a"), &force()).unwrap();
        }
        fs::create_dir_all(out.join(".git")).unwrap();
        fs::write(out.join(foreign), "mine").unwrap();
        // In every second round it is no checkout, but the writer's working directory.
        let working_directory = if round % 2 == 0 { dir.path() } else { out.as_path() };
        if round % 2 == 1 {
            fs::remove_dir_all(out.join(".git")).unwrap();
        }
        let identity = identity(&out);
        let test = "killed_at_any_moment_one_of_the_two_trees_is_there_after_recovery_in_a_checkout";
        kill_a_writer(test, &out, working_directory, moment(write, round));
        *seen.entry(format!("{:?}", recover(&out).unwrap())).or_default() += 1;
        let mut left = files(&out);
        assert_eq!(left.remove(foreign).is_some(), round % 2 == 0, "round {round}");
        assert!(whole.contains(&left), "round {round}: {:#?}", left.keys());
        assert_eq!(self::identity(&out), identity, "round {round}: the directory itself stays");
    }
    assert!(seen.len() > 1, "some writers must be killed while they write: {seen:?}");
    println!("what the killed writers left: {seen:?}");
}

#[cfg(unix)]
fn identity(path: &Path) -> u64 {
    std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap())
}

#[cfg(not(unix))]
fn identity(_: &Path) -> u64 {
    0
}
