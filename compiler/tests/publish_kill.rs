//! Kills a real process that writes an output directory, at arbitrary moments, and looks at what is left.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test says by a panic that it failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use meshwright::publish::{Changes, Options, RelativePath, Tree, plan, publish, recover};

/// Tells the child where to write; without it the child's test does nothing.
const OUT: &str = "MESHWRIGHT_TEST_PUBLISH_OUT";

/// How often a writer is killed.
const KILLS: u64 = 32;

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

fn is(out: &Path, which: &str) -> bool {
    plan(out, &tree(which), &force()).as_ref().is_ok_and(Changes::is_up_to_date)
}

#[test]
fn killed_at_any_moment_one_of_the_two_trees_is_there() {
    // The child that is killed is this very test, told where to write.
    if let Some(out) = std::env::var_os(OUT) {
        return write_for_ever(Path::new(&out));
    }
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for round in 0..KILLS {
        if round % 8 == 0 {
            let _fresh = fs::remove_dir_all(&out);
        } else {
            fs::write(out.join("clusters/c0/mesh/foreign.yaml"), "mine").unwrap();
        }
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed_at_any_moment_one_of_the_two_trees_is_there"])
            .env(OUT, &out)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Moments spread over some writes, the same in every run of this test.
        std::thread::sleep(Duration::from_micros(4_000 + round * 7_919 % 60_000));
        child.kill().unwrap();
        child.wait().unwrap();

        let recovery = recover(&out).unwrap();
        *seen.entry(format!("{recovery:?}")).or_default() += 1;
        if !out.exists() {
            assert_eq!(round % 8, 0, "an output directory disappeared");
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "round {round}");
            publish(&out, &tree("a"), &force()).unwrap();
            continue;
        }
        assert!(is(&out, "a") || is(&out, "b"), "round {round}: neither tree is there after {recovery:?}");
        let others = tree(if is(&out, "a") { "b" } else { "a" });
        for (path, _) in others.iter().filter(|(path, _)| path.as_str().contains("only-")) {
            assert!(!path.under(&out).exists(), "round {round}: `{path}` is of the other tree");
        }
        if round % 8 != 0 {
            assert_eq!(fs::read_to_string(out.join("clusters/c0/mesh/foreign.yaml")).unwrap(), "mine");
        }
        let meta: Vec<_> =
            fs::read_dir(out.join(".meshwright")).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(meta.iter().all(|name| name == "manifest.json" || name == "lock"), "round {round}: {meta:?}");
    }
    println!("what the killed writers left: {seen:?}");
}
