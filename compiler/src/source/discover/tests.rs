use super::*;
use tempfile::TempDir;

fn tree(files: &[(&str, &str)]) -> TempDir {
    let root = TempDir::new().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn paths(root: &TempDir, found: &Found) -> Vec<String> {
    let prefix = format!("{}/", shown(root.path()));
    let path = |id: &FileId| found.sources.get(*id).unwrap().path().strip_prefix(&prefix).unwrap().to_owned();
    found.files.iter().map(path).collect()
}

fn run(root: &TempDir) -> Found {
    discover(root.path(), DiscoverOptions::default()).unwrap()
}

#[test]
fn every_yaml_file_in_the_order_of_the_paths() {
    let root = tree(&[
        ("b.yml", "b"),
        ("a/z.yaml", "z"),
        ("a.yaml", "a"),
        ("a-b/c.yaml", ""),
        ("README.md", ""),
        ("a/values.yaml.bak", ""),
        (".hidden.yaml", ""),
        (".github/workflow.yaml", ""),
        ("deploy/.meshwright/manifest.json", "{}"),
        ("deploy/clusters/c1/x.yaml", ""),
    ]);
    let found = run(&root);
    assert_eq!(paths(&root, &found), ["a-b/c.yaml", "a.yaml", "a/z.yaml", "b.yml"]);
    assert_eq!(found.sources.get(FileId(2)).unwrap().text(), b"z");
    assert_eq!(found.rendered, [format!("{}/deploy", shown(root.path()))]);
    assert!(found.findings.is_empty());
}

#[test]
fn a_root_may_be_a_file_or_hold_a_rendered_tree_itself() {
    let root = tree(&[("a.json", "{}"), ("b.yaml", ""), (".meshwright/manifest.json", "{}")]);
    let found = discover(&root.path().join("a.json"), DiscoverOptions::default()).unwrap();
    assert_eq!(paths(&root, &found), ["a.json"]);
    assert_eq!(paths(&root, &run(&root)), ["b.yaml"]);
}

#[test]
fn paths_are_shown_from_where_the_user_stands() {
    assert_eq!(shown(Path::new("./a/./b/")), "a/b");
    assert_eq!(shown(Path::new("../a")), "../a");
    assert_eq!(shown(Path::new("/")), "/");
    assert_eq!(shown(Path::new("./")), ".");
    assert_eq!(join("", "a.yaml"), "a.yaml");
    assert_eq!(join("/", "a.yaml"), "/a.yaml");
}

#[test]
fn bounds_and_missing_roots_are_errors_with_a_path() {
    let root = tree(&[("a.yaml", "1234"), ("d/b.yaml", "1234")]);
    let limits = DiscoverOptions::default();
    let error = |options| {
        let error = discover(root.path(), options).unwrap_err().to_string();
        error.replace(&shown(root.path()), "ROOT")
    };
    assert_eq!(error(DiscoverOptions { max_files: 1, ..limits }), "`ROOT` holds more than 1 YAML files");
    assert_eq!(
        error(DiscoverOptions { max_bytes: 7, ..limits }),
        "the YAML files of `ROOT` are larger than 7 bytes together, reached at `ROOT/d/b.yaml`"
    );
    assert!(discover(root.path(), DiscoverOptions { max_bytes: 8, ..limits }).is_ok());
    let missing = discover(&root.path().join("no"), limits).unwrap_err();
    assert!(matches!(missing, SourceError::Read { path, .. } if path.ends_with("/no")));
}

#[test]
fn a_directory_that_lies_too_deep_is_a_finding() {
    let root = tree(&[("a.yaml", ""), ("d/e/b.yaml", ""), ("d/e/f/c.yaml", ""), ("d/.e/f/g/h.yaml", "")]);
    let found =
        discover(root.path(), DiscoverOptions { max_depth: 2, ..DiscoverOptions::default() }).unwrap();
    let said: Vec<_> =
        found.findings.iter().map(|f| f.message.replace(&shown(root.path()), "ROOT")).collect();
    assert_eq!(said, ["`ROOT/d/e/f` is more than 2 directories below the root and is not read"]);
    assert_eq!(found.files.len(), 2);
    assert!(found.findings.has_errors());
}

#[cfg(unix)]
mod links {
    use super::*;
    use std::os::unix::fs::symlink;

    fn messages(root: &TempDir, found: &Found) -> Vec<String> {
        let prefix = format!("{}/", shown(root.path()));
        found.findings.iter().map(|f| f.message.replace(&prefix, "")).collect()
    }

    #[test]
    fn a_link_that_hides_intent_is_a_finding() {
        let outside = tree(&[("c.yaml", "secret"), ("dir/d.yaml", "")]);
        let root = tree(&[("a.yaml", ""), (".hidden/h.yaml", ""), ("dir/b.yaml", "")]);
        let to = |target: &Path, name: &str| symlink(target, root.path().join(name)).unwrap();
        to(&outside.path().join("c.yaml"), "out.yaml");
        to(&outside.path().join("dir"), "out-dir");
        to(Path::new(".hidden/h.yaml"), "hidden.yaml");
        to(Path::new("gone"), "gone.yaml");
        to(Path::new("loop.yaml"), "loop.yaml");
        let found = run(&root);
        assert_eq!(paths(&root, &found), ["a.yaml", "dir/b.yaml"]);
        let outside = shown(outside.path());
        assert_eq!(
            messages(&root, &found),
            [
                "`gone.yaml` is a symbolic link to `gone`, which cannot be read".to_owned(),
                "`hidden.yaml` is a symbolic link to `.hidden/h.yaml`, which is not read".to_owned(),
                "`loop.yaml` is a symbolic link to `loop.yaml`, which cannot be read".to_owned(),
                format!("`out-dir` is a symbolic link to `{outside}/dir`, out of the intent root"),
                format!("`out.yaml` is a symbolic link to `{outside}/c.yaml`, out of the intent root"),
            ]
        );
        let first = found.findings.iter().next().unwrap();
        assert!(found.sources.get(first.place.span.file).unwrap().path().ends_with("/gone.yaml"));
    }

    #[test]
    fn a_link_to_what_is_read_is_ignored() {
        let root = tree(&[("a.yaml", ""), ("dir/b.yaml", ""), ("notes.md", "")]);
        symlink("a.yaml", root.path().join("again.yaml")).unwrap();
        symlink("..", root.path().join("dir/up")).unwrap();
        symlink("/etc/hostname", root.path().join("other.txt")).unwrap();
        let found = run(&root);
        assert_eq!(paths(&root, &found), ["a.yaml", "dir/b.yaml"]);
        assert!(found.findings.is_empty(), "{:?}", messages(&root, &found));
    }

    #[test]
    fn names_that_are_shown_alike_are_two_files() {
        use std::os::unix::ffi::OsStrExt;
        let root = tree(&[]);
        for name in [b"a\xff.yaml", b"a\xfe.yaml"] {
            fs::write(root.path().join(std::ffi::OsStr::from_bytes(name)), name).unwrap();
        }
        assert_eq!(paths(&root, &run(&root)), ["a\u{fffd}.yaml", "a\u{fffd}.yaml"]);
    }

    #[test]
    fn a_root_that_is_a_link_is_followed() {
        let root = tree(&[("real/a.yaml", "")]);
        symlink("real", root.path().join("link")).unwrap();
        let found = discover(&root.path().join("link"), DiscoverOptions::default()).unwrap();
        assert_eq!(paths(&root, &found), ["link/a.yaml"]);
    }
}
