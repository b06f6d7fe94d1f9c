//! Stops a write at every step, by a simulated kill and by an error, and looks at what is left.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::apply::publish_on;
use super::disk::Disk;
use super::journal::recover_on;
use super::*;

/// Every file below a directory, with its bytes; a directory that is empty counts too.
type Snapshot = BTreeMap<String, Vec<u8>>;

fn snapshot(root: &Path) -> Snapshot {
    fn walk(root: &Path, dir: &Path, into: &mut Snapshot) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                if fs::read_dir(&path).unwrap().next().is_none() {
                    into.insert(format!("{name}/"), Vec::new());
                }
                walk(root, &path, into);
            } else {
                into.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    let mut files = Snapshot::new();
    if root.exists() {
        walk(root, root, &mut files);
    }
    files
}

fn tree(files: &[(&str, &str)]) -> Tree {
    let mut tree = Tree::new();
    for (path, text) in files {
        tree.insert(RelativePath::new(*path).unwrap(), text.as_bytes().to_vec()).unwrap();
    }
    tree
}

fn old_tree() -> Tree {
    tree(&[
        ("PLAN.md", "old plan"),
        ("clusters/c1/mesh/same.yaml", "same"),
        ("clusters/c1/mesh/changes.yaml", "old"),
        ("clusters/c1/mesh/goes.yaml", "goes"),
        ("clusters/gone/deep/down/only.yaml", "x"),
        ("turns/into/file/a", "a"),
        ("turns/into/file/b/c", "c"),
        ("becomes-directory", "file"),
    ])
}

fn new_tree() -> Tree {
    tree(&[
        ("PLAN.md", "new plan"),
        ("clusters/c1/mesh/same.yaml", "same"),
        ("clusters/c1/mesh/changes.yaml", "new"),
        ("clusters/c1/mesh/comes.yaml", "comes"),
        ("clusters/new/mesh/a.yaml", "a"),
        ("turns/into/file", "file now"),
        ("becomes-directory/x/y", "y"),
    ])
}

/// The file system without waiting for it.
fn quick() -> Disk<'static> {
    Disk::hooked(&|_| Ok(()))
}

/// An output directory with the old tree and files of others in it.
fn set_up(out: &Path) {
    publish_on(out, &old_tree(), &Options::default(), quick()).unwrap();
    fs::write(out.join("clusters/c1/mesh/foreign.yaml"), "mine").unwrap();
    fs::create_dir_all(out.join(".git/objects")).unwrap();
    fs::write(out.join(".git/HEAD"), "ref").unwrap();
}

fn force() -> Options {
    Options { force: true, ..Options::default() }
}

struct Killed;

/// Runs `work` and kills it before its step number `at`, as if the process had ended: no clean-up code runs but
/// that of destructors. Returns whether it came so far.
fn killed_at(at: usize, work: impl FnOnce(Disk<'_>)) -> bool {
    let steps = AtomicUsize::new(0);
    let hook = |_: &'static str| {
        if steps.fetch_add(1, Ordering::SeqCst) == at {
            resume_unwind(Box::new(Killed));
        }
        Ok(())
    };
    match catch_unwind(AssertUnwindSafe(|| work(Disk::hooked(&hook)))) {
        Ok(()) => false,
        Err(payload) if payload.is::<Killed>() => true,
        Err(payload) => resume_unwind(payload),
    }
}

fn states() -> (Snapshot, Snapshot) {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    set_up(&out);
    let old = snapshot(&out);
    publish_on(&out, &new_tree(), &force(), quick()).unwrap();
    let new = snapshot(&out);
    assert_eq!(new["clusters/c1/mesh/foreign.yaml"], b"mine");
    assert_eq!(new["turns/into/file"], b"file now");
    assert!(
        !new.keys().any(|path| path.starts_with("clusters/gone")),
        "empty directories go: {:?}",
        new.keys()
    );
    (old, new)
}

#[test]
fn killed_at_any_step_the_old_tree_or_the_new_one_is_there() {
    let (old, new) = states();
    let (mut olds, mut news, mut pending) = (0, 0, 0);
    for at in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        set_up(&out);
        let same = fs::metadata(out.join("clusters/c1/mesh/same.yaml")).unwrap();
        let publish = |disk: Disk<'_>| drop(publish_on(&out, &new_tree(), &force(), disk).unwrap());
        if !killed_at(at, publish) {
            assert!(at > 30, "the hook must see every step");
            break;
        }
        let before = snapshot(&out);
        let seen = plan(&out, &new_tree(), &force()).unwrap();
        let mut without_waste = before.clone();
        without_waste.retain(|path, _| !path.contains("/staging/"));
        assert!(!seen.is_up_to_date() || without_waste == new, "step {at}");
        assert_eq!(snapshot(&out), before, "planning must not write");
        pending += usize::from(seen.unfinished);

        recover_on(&out, quick()).unwrap();
        let after = snapshot(&out);
        assert!(after == old || after == new, "step {at}: {:#?}", after.keys());
        assert!(!seen.unfinished || after == new, "a decided write must be finished");
        if after == old {
            olds += 1
        } else {
            news += 1
        }
        assert_eq!(recover_on(&out, quick()).unwrap(), Recovery::Nothing);
        assert_eq!(
            fs::metadata(out.join("clusters/c1/mesh/same.yaml")).unwrap().modified().unwrap(),
            same.modified().unwrap()
        );
        publish_on(&out, &new_tree(), &force(), quick()).unwrap();
        assert_eq!(snapshot(&out), new, "step {at}");
    }
    assert!(olds > 10 && news > 10 && pending > 10, "both outcomes must be seen: {olds} {news} {pending}");
}

#[test]
fn recovery_may_be_killed_at_any_step_too() {
    let (old, new) = states();
    let run = |disk: Disk<'_>, out: &Path| drop(publish_on(out, &new_tree(), &force(), disk).unwrap());
    let mut recoveries = 0;
    // Each third step is enough to be in every phase, and keeps the square of the steps small.
    for at in (0..).step_by(3) {
        let mut reached = true;
        for second in 0.. {
            let dir = tempfile::tempdir().unwrap();
            let out = dir.path().join("out");
            set_up(&out);
            reached = killed_at(at, |disk| run(disk, &out));
            let killed = killed_at(second, |disk| {
                recover_on(&out, disk).unwrap();
            });
            recover_on(&out, quick()).unwrap();
            let after = snapshot(&out);
            assert!(after == old || after == new, "steps {at}, {second}: {:#?}", after.keys());
            if !killed {
                break;
            }
            recoveries += 1;
        }
        if !reached {
            break;
        }
    }
    assert!(recoveries > 30, "{recoveries}");
}

#[test]
fn an_error_before_the_decision_leaves_nothing_and_one_after_it_is_finished_later() {
    let (old, new) = states();
    for at in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        set_up(&out);
        let steps = AtomicUsize::new(0);
        let hook = |_: &'static str| match steps.fetch_add(1, Ordering::SeqCst) == at {
            true => Err(io::Error::from(io::ErrorKind::StorageFull)),
            false => Ok(()),
        };
        let Err(error) = publish_on(&out, &new_tree(), &force(), Disk::hooked(&hook)) else { break };
        assert!(matches!(error, PublishError::Io { .. }), "{error}");
        if !plan(&out, &new_tree(), &force()).unwrap().unfinished {
            let after = snapshot(&out);
            let staged = after.keys().any(|path| path.contains("staging"));
            assert!(after == old || staged && at > 30, "step {at}: {:#?}", after.keys());
        }
        recover_on(&out, quick()).unwrap();
        let after = snapshot(&out);
        assert!(after == old || after == new, "step {at}");
    }
}

#[test]
fn a_first_write_killed_at_any_step_leaves_no_tree_or_the_whole_one() {
    let reference = tempfile::tempdir().unwrap();
    publish_on(&reference.path().join("out"), &new_tree(), &Options::default(), quick()).unwrap();
    let new = snapshot(&reference.path().join("out"));
    let mut nothing = 0;
    for at in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("below/out");
        let publish =
            |disk: Disk<'_>| drop(publish_on(&out, &new_tree(), &Options::default(), disk).unwrap());
        // The rename of the whole tree is the last step.
        if !killed_at(at, publish) {
            assert_eq!(snapshot(&out), new);
            break;
        }
        assert!(!out.exists(), "step {at}");
        recover_on(&out, quick()).unwrap();
        let after = snapshot(dir.path());
        assert!(after.is_empty() || after.keys().eq(["below/"]), "step {at}: {:#?}", after.keys());
        nothing += 1;
        publish_on(&out, &new_tree(), &Options::default(), quick()).unwrap();
        assert_eq!(snapshot(&out), new);
    }
    assert!(nothing > 10, "{nothing}");
}

#[test]
fn a_first_write_that_fails_leaves_nothing() {
    for at in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let steps = AtomicUsize::new(0);
        let hook = |_: &'static str| match steps.fetch_add(1, Ordering::SeqCst) == at {
            true => Err(io::Error::from(io::ErrorKind::StorageFull)),
            false => Ok(()),
        };
        if publish_on(&out, &new_tree(), &Options::default(), Disk::hooked(&hook)).is_ok() {
            break;
        }
        if !out.exists() {
            assert_eq!(snapshot(dir.path()), Snapshot::new(), "step {at}");
        }
    }
}
