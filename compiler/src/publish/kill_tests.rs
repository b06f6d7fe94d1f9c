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

/// The files of an output directory, but for the lock, which a killed process leaves.
fn visible(out: &Path) -> Snapshot {
    let mut files = snapshot(out);
    files.remove(".meshwright/lock");
    files
}

/// The file system without waiting for it.
fn quick() -> Disk<'static> {
    Disk::hooked(&|_| Ok(()))
}

/// An output directory with the old tree in it and nothing else.
fn set_up_owned(out: &Path) {
    publish_on(out, &old_tree(), Some(b"old commit"), &Options::default(), quick()).unwrap();
}

/// An output directory with the old tree and files of others in it.
fn set_up_shared(out: &Path) {
    set_up_owned(out);
    fs::write(out.join("clusters/c1/mesh/foreign.yaml"), "mine").unwrap();
    fs::create_dir_all(out.join("clusters/gone/flux-system/empty")).unwrap();
    fs::write(out.join("clusters/gone/flux-system/gotk.yaml"), "theirs").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("PLAN.md", out.join("link")).unwrap();
}

/// An output directory that is a Git checkout, with the old tree and files of others in it.
fn set_up(out: &Path) {
    set_up_owned(out);
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

fn write_new(out: &Path, disk: Disk<'_>) -> Result<Changes, PublishError> {
    publish_on(out, &new_tree(), Some(b"new commit"), &force(), disk)
}

fn states(set_up: fn(&Path)) -> (Snapshot, Snapshot) {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    set_up(&out);
    let old = snapshot(&out);
    write_new(&out, quick()).unwrap();
    let new = snapshot(&out);
    assert_eq!(old[".meshwright/source.json"], b"old commit");
    assert_eq!(new[".meshwright/source.json"], b"new commit");
    assert_eq!(new.get("clusters/c1/mesh/foreign.yaml"), old.get("clusters/c1/mesh/foreign.yaml"));
    assert_eq!(new["turns/into/file"], b"file now");
    assert_eq!(
        new.get("clusters/gone/flux-system/gotk.yaml"),
        old.get("clusters/gone/flux-system/gotk.yaml")
    );
    assert!(
        !new.keys().any(|path| path.starts_with("clusters/gone/deep")),
        "empty directories go: {:?}",
        new.keys()
    );
    (old, new)
}

#[test]
fn killed_at_any_step_the_old_tree_or_the_new_one_is_there() {
    let (old, new) = states(set_up);
    let (mut olds, mut news, mut pending) = (0, 0, 0);
    for at in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        set_up(&out);
        let same = fs::metadata(out.join("clusters/c1/mesh/same.yaml")).unwrap();
        let publish = |disk: Disk<'_>| drop(write_new(&out, disk).unwrap());
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
        write_new(&out, quick()).unwrap();
        assert_eq!(snapshot(&out), new, "step {at}");
    }
    assert!(olds > 10 && news > 10 && pending > 10, "both outcomes must be seen: {olds} {news} {pending}");
}

#[test]
fn where_everything_is_owned_one_of_the_trees_is_there_at_every_moment() {
    every_moment_has_one_of_the_trees(set_up_owned);
}

#[test]
fn where_others_write_too_one_of_the_trees_is_there_at_every_moment() {
    every_moment_has_one_of_the_trees(set_up_shared);
}

fn every_moment_has_one_of_the_trees(set_up: fn(&Path)) {
    let (old, new) = states(set_up);
    let (mut olds, mut news) = (0, 0);
    for at in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        set_up(&out);
        if !killed_at(at, |disk| drop(write_new(&out, disk).unwrap())) {
            assert!(at > 30, "the hook must see every step");
            break;
        }
        let left = visible(&out);
        assert!(left == old || left == new, "step {at}: {:#?}", left.keys());
        if left == old {
            olds += 1
        } else {
            news += 1
        }

        let waste = fs::read_dir(dir.path()).unwrap().count() > 1;
        let expected = if waste { Recovery::Discarded } else { Recovery::Nothing };
        assert_eq!(recover_on(&out, quick()).unwrap(), expected, "step {at}");
        assert_eq!(visible(&out), left, "step {at}: what is there stays");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "step {at}: no waste stays");
        write_new(&out, quick()).unwrap();
        assert_eq!(visible(&out), new, "step {at}");
    }
    assert!(olds > 10 && news > 10, "both outcomes must be seen: {olds} {news}");
}

#[test]
fn the_removal_of_what_was_exchanged_may_be_killed_too() {
    let (_, new) = states(set_up_owned);
    let mut removals = 0;
    // Each third step is enough to be in every phase, and keeps the square of the steps small.
    for at in (0..).step_by(3) {
        let mut killed = false;
        for second in 0.. {
            let dir = tempfile::tempdir().unwrap();
            let out = dir.path().join("out");
            set_up_owned(&out);
            killed = killed_at(at, |disk| drop(write_new(&out, disk).unwrap()));
            let is_waste_of_old = killed && visible(&out) == new;
            let recover = |disk: Disk<'_>| assert_eq!(recover_on(&out, disk).unwrap(), Recovery::Discarded);
            let again = is_waste_of_old && killed_at(second, recover);
            if !again {
                break;
            }
            removals += 1;
            recover_on(&out, quick()).unwrap();
            assert_eq!(visible(&out), new, "steps {at}, {second}");
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "steps {at}, {second}");
        }
        if !killed {
            break;
        }
    }
    assert!(removals > 10, "{removals}");
}

/// A hook that does something before the first change of that name.
fn before<'a>(
    name: &'static str,
    act: impl Fn() + Sync + 'a,
) -> impl Fn(&'static str) -> io::Result<()> + Sync + 'a {
    let done = AtomicUsize::new(0);
    move |action| {
        if action == name && done.fetch_add(1, Ordering::SeqCst) == 0 {
            act();
        }
        Ok(())
    }
}

#[test]
fn what_others_write_while_the_directory_is_exchanged_is_in_the_new_one() {
    let (_, new) = states(set_up_owned);
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    set_up_owned(&out);
    let hook = before("exchange", || {
        fs::write(out.join("clusters/c1/late.yaml"), "mine").unwrap();
        fs::create_dir_all(out.join("clusters/gone/theirs")).unwrap();
        fs::write(out.join("clusters/gone/theirs/late.yaml"), "mine too").unwrap();
    });
    write_new(&out, Disk::hooked(&hook)).unwrap();
    let mut expected = new;
    expected.insert("clusters/c1/late.yaml".to_owned(), b"mine".to_vec());
    expected.insert("clusters/gone/theirs/late.yaml".to_owned(), b"mine too".to_vec());
    assert_eq!(visible(&out), expected);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn what_others_write_where_something_new_is_stays_beside() {
    let (_, new) = states(set_up_owned);
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    set_up_owned(&out);
    let hook = before("exchange", || fs::write(out.join("clusters/c1/mesh/comes.yaml"), "mine").unwrap());
    let refused = write_new(&out, Disk::hooked(&hook)).unwrap_err();
    insta::assert_snapshot!(refused, @"not written by meshwright, and in the way of rendered files: `.out.meshwright-new`");
    assert_eq!(visible(&out), new);
    let theirs = dir.path().join(".out.meshwright-new/clusters/c1/mesh/comes.yaml");
    assert_eq!(fs::read_to_string(&theirs).unwrap(), "mine");
    assert!(recover_on(&out, quick()).is_err(), "it is not forgotten");
    fs::remove_file(theirs).unwrap();
    assert_eq!(recover_on(&out, quick()).unwrap(), Recovery::Discarded);
}

#[test]
fn where_nothing_can_be_exchanged_or_linked_the_files_are_written_one_by_one() {
    let (_, new) = states(set_up_owned);
    for impossible in ["exchange", "link", "create directory"] {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        set_up_owned(&out);
        let before = fs::metadata(&out).unwrap();
        let seen = AtomicUsize::new(0);
        let hook = |action: &'static str| {
            if action == impossible && seen.fetch_add(1, Ordering::SeqCst) == 0 {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            Ok(())
        };
        write_new(&out, Disk::hooked(&hook)).unwrap();
        assert_eq!(visible(&out), new, "{impossible}");
        assert_eq!(fs::metadata(&out).unwrap().created().unwrap(), before.created().unwrap(), "{impossible}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "{impossible}");
    }
}

#[test]
fn a_file_in_the_way_of_a_new_one_is_refused_before_anything_is_exchanged() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    set_up_shared(&out);
    let changes = plan(&out, &new_tree(), &force()).unwrap();
    fs::write(out.join("clusters/c1/mesh/comes.yaml"), "mine").unwrap();
    assert!(matches!(apply(&out, &new_tree(), &changes), Err(PublishError::Foreign { .. })));
    assert_eq!(fs::read_to_string(out.join("clusters/c1/mesh/comes.yaml")).unwrap(), "mine");
}

#[test]
#[cfg(unix)]
fn an_exchanged_directory_has_the_modes_and_the_unchanged_files_of_the_old_one() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    set_up_shared(&out);
    fs::set_permissions(out.join("clusters"), fs::Permissions::from_mode(0o2750)).unwrap();
    fs::set_permissions(out.join("clusters/gone/flux-system"), fs::Permissions::from_mode(0o700)).unwrap();
    let same = fs::metadata(out.join("clusters/c1/mesh/same.yaml")).unwrap();
    let theirs = fs::metadata(out.join("clusters/gone/flux-system/gotk.yaml")).unwrap();
    let old = fs::metadata(&out).unwrap();
    write_new(&out, quick()).unwrap();
    let theirs_now = fs::metadata(out.join("clusters/gone/flux-system/gotk.yaml")).unwrap();
    assert_eq!((theirs_now.ino(), theirs_now.mode()), (theirs.ino(), theirs.mode()));
    assert_eq!(fs::metadata(out.join("clusters/gone/flux-system")).unwrap().mode() & 0o7777, 0o700);
    assert_ne!(fs::metadata(&out).unwrap().ino(), old.ino(), "it was exchanged");
    assert_eq!(fs::metadata(out.join("clusters")).unwrap().mode() & 0o7777, 0o2750);
    let now = fs::metadata(out.join("clusters/c1/mesh/same.yaml")).unwrap();
    assert_eq!((now.ino(), now.nlink(), now.mtime_nsec()), (same.ino(), 1, same.mtime_nsec()));
}

#[test]
fn recovery_may_be_killed_at_any_step_too() {
    let (old, new) = states(set_up);
    let run = |disk: Disk<'_>, out: &Path| drop(write_new(out, disk).unwrap());
    let mut recoveries = 0;
    // Each third step, as above.
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
    let (old, new) = states(set_up);
    for at in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        set_up(&out);
        let steps = AtomicUsize::new(0);
        let hook = |_: &'static str| match steps.fetch_add(1, Ordering::SeqCst) == at {
            true => Err(io::Error::from(io::ErrorKind::StorageFull)),
            false => Ok(()),
        };
        let Err(error) = write_new(&out, Disk::hooked(&hook)) else { break };
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
    publish_on(&reference.path().join("out"), &new_tree(), None, &Options::default(), quick()).unwrap();
    let new = snapshot(&reference.path().join("out"));
    let mut nothing = 0;
    for at in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("below/out");
        let publish =
            |disk: Disk<'_>| drop(publish_on(&out, &new_tree(), None, &Options::default(), disk).unwrap());
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
        publish_on(&out, &new_tree(), None, &Options::default(), quick()).unwrap();
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
        if publish_on(&out, &new_tree(), None, &Options::default(), Disk::hooked(&hook)).is_ok() {
            break;
        }
        if !out.exists() {
            assert_eq!(snapshot(dir.path()), Snapshot::new(), "step {at}");
        }
    }
}
