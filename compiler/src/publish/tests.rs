//! What a write does to an output directory, and what it refuses.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::*;

fn tree(files: &[(&str, &str)]) -> Tree {
    let mut tree = Tree::new();
    for (path, text) in files {
        tree.insert(RelativePath::new(*path).unwrap(), text.as_bytes().to_vec()).unwrap();
    }
    tree
}

fn write(out: &Path, files: &[(&str, &str)]) -> Result<Changes, PublishError> {
    publish(out, &tree(files), &Options::default())
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

/// The lists of the changes, each on one line.
fn lists(changes: &Changes) -> String {
    let list = |paths: &[RelativePath]| match paths {
        [] => "-".to_owned(),
        paths => paths.iter().map(RelativePath::as_str).collect::<Vec<_>>().join(" "),
    };
    format!(
        "created: {}\nupdated: {}\nremoved: {}\ndrifted: {}\nunchanged: {}",
        list(&changes.created),
        list(&changes.updated),
        list(&changes.removed),
        list(&changes.drifted),
        changes.unchanged
    )
}

fn out_dir() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("rendered");
    (dir, out)
}

#[test]
fn creates_updates_and_removes_only_what_changes() {
    let (_dir, out) = out_dir();
    let first = write(&out, &[("a", "1"), ("b/same", "2"), ("c/d/old", "3")]).unwrap();
    insta::assert_snapshot!(lists(&first), @r"
    created: a b/same c/d/old
    updated: -
    removed: -
    drifted: -
    unchanged: 0
    ");
    assert!(is_rendered_tree(&out));
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    fs::File::options().write(true).open(out.join("b/same")).unwrap().set_modified(long_ago).unwrap();

    let second = write(&out, &[("a", "changed"), ("b/same", "2"), ("e/new", "4")]).unwrap();
    insta::assert_snapshot!(lists(&second), @r"
    created: e/new
    updated: a
    removed: c/d/old
    drifted: -
    unchanged: 1
    ");
    assert_eq!(read(out.join("a")), "changed");
    assert_eq!(read(out.join("e/new")), "4");
    assert!(!out.join("c").exists(), "directories that became empty must go");
    assert_eq!(fs::metadata(out.join("b/same")).unwrap().modified().unwrap(), long_ago);
    assert_eq!(fs::read_dir(out.join(META_DIR)).unwrap().count(), 1, "only the manifest may stay");
}

#[test]
fn a_path_that_ends_in_dots_names_the_directory_before_them_or_is_refused() {
    let (_dir, out) = out_dir();
    write(&out.join("."), &[("a", "1")]).unwrap();
    assert_eq!(read(out.join("a")), "1");
    write(&out.join("."), &[("a", "2")]).unwrap();
    assert_eq!(read(out.join("a")), "2");
    let refused = write(&out.join("new/.."), &[("a", "1")]).unwrap_err().to_string();
    assert!(refused.contains("cannot be created as an output directory"), "{refused}");
}

#[test]
fn a_tree_that_is_up_to_date_is_not_touched_at_all() {
    let (_dir, out) = out_dir();
    write(&out, &[("a/b", "1")]).unwrap();
    let times = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
    let before = [times(&out), times(&out.join(META_DIR)), times(&out.join("a"))];
    std::thread::sleep(Duration::from_millis(20));
    assert!(write(&out, &[("a/b", "1")]).unwrap().is_up_to_date());
    assert_eq!([times(&out), times(&out.join(META_DIR)), times(&out.join("a"))], before);
}

#[test]
fn planning_writes_nothing() {
    let (dir, out) = out_dir();
    let changes = plan(&out, &tree(&[("a", "1")]), &Options::default()).unwrap();
    assert!(!changes.is_up_to_date());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
#[cfg(unix)]
fn files_have_mode_0644() {
    use std::os::unix::fs::PermissionsExt;
    let (_dir, out) = out_dir();
    write(&out, &[("a", "1")]).unwrap();
    write(&out, &[("a", "2"), ("b", "1")]).unwrap();
    for path in ["a", "b", ".meshwright/manifest.json"] {
        assert_eq!(fs::metadata(out.join(path)).unwrap().permissions().mode() & 0o7777, 0o644, "{path}");
    }
}

#[test]
fn foreign_files_in_the_way_are_all_named_and_stay() {
    let (_dir, out) = out_dir();
    fs::create_dir_all(out.join("dir/x")).unwrap();
    for path in ["a", "file", "dir/x/y"] {
        fs::write(out.join(path), "mine").unwrap();
    }
    let error = write(&out, &[("a", "1"), ("ok", "2"), ("file/below", "3"), ("dir", "4")]).unwrap_err();
    insta::assert_snapshot!(error, @"not written by meshwright, and in the way of rendered files: `a`, `dir`, `file`");
    assert!(!out.join("ok").exists() && !out.join(META_DIR).exists(), "a refusal must change nothing");
    assert_eq!(read(out.join("a")), "mine");
}

#[test]
fn a_foreign_file_with_the_rendered_bytes_is_taken_over() {
    let (_dir, out) = out_dir();
    fs::create_dir(&out).unwrap();
    fs::write(out.join("a"), "1").unwrap();
    assert_eq!(write(&out, &[("a", "1")]).unwrap().unchanged, 1);
    write(&out, &[("b", "1")]).unwrap();
    assert!(!out.join("a").exists(), "it is owned from then on");
}

#[test]
fn foreign_files_beside_rendered_ones_stay() {
    let (_dir, out) = out_dir();
    write(&out, &[("a/owned", "1"), ("b", "1")]).unwrap();
    fs::write(out.join("a/foreign"), "mine").unwrap();
    write(&out, &[("b", "1")]).unwrap();
    assert_eq!(read(out.join("a/foreign")), "mine");
    assert!(!out.join("a/owned").exists());
}

#[test]
fn a_directory_with_a_foreign_file_does_not_become_a_file() {
    let (_dir, out) = out_dir();
    write(&out, &[("a/owned", "1")]).unwrap();
    fs::write(out.join("a/foreign"), "mine").unwrap();
    let error = write(&out, &[("a", "1")]).unwrap_err();
    assert!(matches!(&error, PublishError::Foreign { paths } if paths.len() == 1), "{error}");
    assert_eq!(read(out.join("a/owned")), "1");
}

#[test]
fn hand_edits_are_overwritten_and_reported() {
    let (_dir, out) = out_dir();
    let files = [("edited", "1"), ("deleted", "2"), ("same", "3"), ("gone", "4"), ("updated", "5")];
    write(&out, &files).unwrap();
    fs::write(out.join("edited"), "by hand").unwrap();
    fs::write(out.join("gone"), "by hand").unwrap();
    fs::remove_file(out.join("deleted")).unwrap();
    let changes =
        write(&out, &[("edited", "1"), ("deleted", "2"), ("same", "3"), ("updated", "new")]).unwrap();
    insta::assert_snapshot!(lists(&changes), @r"
    created: deleted
    updated: edited updated
    removed: gone
    drifted: deleted edited gone
    unchanged: 1
    ");
    assert_eq!(read(out.join("edited")), "1");
}

#[test]
#[cfg(unix)]
fn links_are_never_written_through() {
    use std::os::unix::fs::symlink;
    let (dir, out) = out_dir();
    let elsewhere = dir.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("file"), "mine").unwrap();
    let files = [("d/file", "1"), ("f", "1"), ("stays", "1")];
    for link in
        ["d", "f", META_DIR, ".meshwright/manifest.json", ".meshwright/journal.json", ".meshwright/staging"]
    {
        let _fresh = fs::remove_dir_all(&out);
        write(&out, &files).unwrap();
        let at = out.join(link);
        if at.is_dir() {
            fs::remove_dir_all(&at).unwrap()
        } else {
            let _absent = fs::remove_file(&at);
        }
        symlink(if link == "f" { elsewhere.join("file") } else { elsewhere.clone() }, &at).unwrap();
        for new in [vec![("d/file", "2"), ("f", "2"), ("stays", "1")], vec![("stays", "1")]] {
            let error = write(&out, &new).expect_err(link);
            assert!(matches!(&error, PublishError::Symlink { path } if *path == at), "{link}: {error}");
        }
        assert_eq!(read(elsewhere.join("file")), "mine");
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 1);
    }
}

#[test]
#[cfg(unix)]
fn the_output_directory_itself_may_be_a_link() {
    let (dir, out) = out_dir();
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&out, &link).unwrap();
    assert!(matches!(write(&link, &[("a", "1")]), Err(PublishError::Symlink { .. })), "it leads nowhere");
    fs::create_dir(&out).unwrap();
    write(&link, &[("a", "1")]).unwrap();
    assert_eq!(read(out.join("a")), "1");
}

#[test]
fn a_tree_that_shrinks_is_refused_unless_forced() {
    let (_dir, out) = out_dir();
    let names: Vec<String> = (0..5).map(|n| format!("clusters/c{n}/a.yaml")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    write(&out, &files).unwrap();
    let error = write(&out, &files[..3]).unwrap_err();
    insta::assert_snapshot!(error, @"2 of 5 clusters would disappear: `c3`, `c4`");
    insta::assert_snapshot!(error.help().unwrap(), @"if this is meant, render again with `--force`");
    assert!(out.join("clusters/c4/a.yaml").exists());
    assert!(matches!(write(&out, &[]), Err(PublishError::Shrunk(Shrinkage::Empty))));
    publish(&out, &Tree::new(), &Options { force: true, ..Options::default() }).unwrap();
    assert!(!out.join("clusters").exists());
    assert!(is_rendered_tree(&out));
}

#[test]
fn a_running_writer_keeps_others_out() {
    let (_dir, out) = out_dir();
    write(&out, &[("a", "1")]).unwrap();
    let changes = plan(&out, &tree(&[("a", "2")]), &Options::default()).unwrap();
    let lock = lock::Lock::acquire(&out).unwrap();
    assert!(matches!(apply(&out, &tree(&[("a", "2")]), &changes), Err(PublishError::Locked { .. })));
    assert_eq!(read(out.join("a")), "1");
    drop(lock);
    apply(&out, &tree(&[("a", "2")]), &changes).unwrap();
    assert_eq!(read(out.join("a")), "2");
}

#[test]
fn changes_that_were_planned_for_another_state_are_refused() {
    let (_dir, out) = out_dir();
    let new = tree(&[("a", "2")]);
    let planned_for_nothing = plan(&out, &new, &Options::default()).unwrap();
    write(&out, &[("a", "1")]).unwrap();
    assert!(matches!(apply(&out, &new, &planned_for_nothing), Err(PublishError::Stale { .. })));
    let planned = plan(&out, &new, &Options::default()).unwrap();
    assert!(matches!(apply(&out, &tree(&[("b", "2")]), &planned), Err(PublishError::NotInTree { .. })));
    write(&out, &[("a", "3")]).unwrap();
    assert!(matches!(apply(&out, &new, &planned), Err(PublishError::Stale { .. })));
    assert_eq!(read(out.join("a")), "3");
}

#[test]
fn a_file_that_appears_after_planning_is_not_overwritten() {
    let (_dir, out) = out_dir();
    write(&out, &[("a", "1")]).unwrap();
    let new = tree(&[("a", "1"), ("b", "2")]);
    let changes = plan(&out, &new, &Options::default()).unwrap();
    fs::write(out.join("b"), "mine").unwrap();
    assert!(matches!(apply(&out, &new, &changes), Err(PublishError::Foreign { .. })));
    assert_eq!(read(out.join("b")), "mine");
    fs::remove_file(out.join("b")).unwrap();
    assert_eq!(recover(&out).unwrap(), Recovery::Completed);
    assert_eq!(read(out.join("b")), "2");
}

#[test]
fn a_hostile_journal_reaches_nothing_that_is_not_owned() {
    let (dir, out) = out_dir();
    let victim = dir.path().join("victim");
    let reset = || {
        let _fresh = fs::remove_dir_all(&out);
        write(&out, &[("a", "1")]).unwrap();
        fs::write(out.join("foreign"), "mine").unwrap();
        fs::write(&victim, "mine").unwrap();
        let staging = out.join(".meshwright/staging");
        fs::create_dir(&staging).unwrap();
        fs::write(staging.join("0"), "evil").unwrap();
        fs::copy(out.join(".meshwright/manifest.json"), staging.join("manifest.json")).unwrap();
    };
    let absolute = victim.to_str().unwrap();
    let install = |path: &str, replace: bool| {
        format!(r#"{{"format":1,"remove":[],"install":[{{"path":"{path}","replace":{replace}}}]}}"#)
    };
    let remove = |path: &str| format!(r#"{{"format":1,"remove":["{path}"],"install":[]}}"#);
    let journals = [
        install("../victim", true),
        install(absolute, true),
        install("foreign", true),
        install("foreign", false),
        remove("../victim"),
        remove(absolute),
        remove("foreign"),
        remove(".meshwright/manifest.json"),
        r#"{"format":1,"remove":["a","a"],"install":[]}"#.to_owned(),
        r#"{"format":2,"remove":[],"install":[]}"#.to_owned(),
        "{".repeat(100_000),
        String::new(),
    ];
    for journal in journals {
        reset();
        fs::write(out.join(".meshwright/journal.json"), &journal).unwrap();
        let error = recover(&out).expect_err(&journal);
        assert!(
            matches!(error, PublishError::Content { .. } | PublishError::Foreign { .. }),
            "{journal}: {error}"
        );
        assert_eq!(
            (read(&victim), read(out.join("foreign")), read(out.join("a"))),
            ("mine".into(), "mine".into(), "1".into())
        );
        let check = plan(&out, &tree(&[("a", "1")]), &Options::default()).unwrap();
        assert!(check.unfinished && !check.is_up_to_date());
    }
}

#[test]
fn a_broken_manifest_is_an_error_that_names_it() {
    let (_dir, out) = out_dir();
    write(&out, &[("a", "1")]).unwrap();
    fs::write(out.join(".meshwright/manifest.json"), r#"{"format": 9}"#).unwrap();
    let error = write(&out, &[("a", "2")]).unwrap_err();
    assert!(matches!(&error, PublishError::Content { path, .. } if path.ends_with("manifest.json")));
    insta::assert_snapshot!(std::error::Error::source(&error).unwrap(), @"it has format 9; this version of meshwright reads format 1");
    fs::remove_file(out.join(".meshwright/manifest.json")).unwrap();
    assert!(write(&out, &[("a", "1")]).unwrap().manifest_changed, "the same tree takes its files over again");
}

#[test]
fn what_is_not_a_directory_is_not_an_output_directory() {
    let (dir, out) = out_dir();
    fs::write(&out, "file").unwrap();
    assert!(matches!(write(&out, &[("a", "1")]), Err(PublishError::NotADirectory { .. })));
    assert!(write(&out.join("below"), &[("a", "1")]).is_err());
    assert!(matches!(write(&dir.path().join("no/.."), &[("a", "1")]), Err(PublishError::Unnamed { .. })));
    assert_eq!(read(&out), "file");
}

#[test]
fn a_directory_that_happens_to_have_the_siblings_name_stays() {
    let (dir, out) = out_dir();
    let sibling = dir.path().join(".rendered.meshwright-new");
    fs::create_dir(&sibling).unwrap();
    fs::write(sibling.join("file"), "mine").unwrap();
    assert!(matches!(write(&out, &[("a", "1")]), Err(PublishError::Foreign { .. })));
    assert_eq!(read(sibling.join("file")), "mine");
}

#[test]
fn the_manifest_does_not_depend_on_how_the_tree_came_about() {
    let (_dir, once) = out_dir();
    let (_dir2, twice) = out_dir();
    write(&once, &[("clusters/c/a", "1"), ("b", "2")]).unwrap();
    write(&twice, &[("b", "0"), ("clusters/c/z", "1")]).unwrap();
    fs::write(twice.join("b"), "2").unwrap();
    write(&twice, &[("clusters/c/a", "1"), ("b", "2")]).unwrap();
    let manifest = |out: &Path| read(out.join(".meshwright/manifest.json"));
    assert_eq!(manifest(&once), manifest(&twice));
}
