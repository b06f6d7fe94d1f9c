use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::*;
use crate::source::discover::{self as directory};

/// A work tree with a repository, made by the git program.
struct Work(TempDir);

fn git_in(directory: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(directory)
        .args(["-c", "protocol.file.allow=always", "-c", "core.autocrlf=false"])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([("GIT_AUTHOR_NAME", "a"), ("GIT_AUTHOR_EMAIL", "a@example.com")])
        .envs([("GIT_COMMITTER_NAME", "a"), ("GIT_COMMITTER_EMAIL", "a@example.com")])
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Work {
    fn empty() -> Work {
        let work = Work(TempDir::new().unwrap());
        work.git(&["init", "-q", "-b", "main"]);
        work
    }

    fn new(files: &[(&str, &str)]) -> Work {
        let work = Work::empty();
        work.commit(files);
        work
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn git(&self, args: &[&str]) -> String {
        git_in(self.path(), args)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn commit(&self, files: &[(&str, &str)]) {
        files.iter().for_each(|(path, text)| self.write(path, text));
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "x"]);
    }

    fn found(&self, rev: &str, root: &str) -> Found {
        discover(self.path(), rev, root, DiscoverOptions::default()).unwrap()
    }
}

fn shown(found: &Found) -> Vec<(String, String)> {
    let file = |id| found.sources.get(id).unwrap();
    let text = |id| String::from_utf8_lossy(file(id).text()).into_owned();
    found.files.iter().map(|id| (file(*id).path().to_owned(), text(*id))).collect()
}

fn paths(found: &Found) -> Vec<String> {
    shown(found).into_iter().map(|(path, _)| path).collect()
}

fn messages(found: &Found) -> Vec<String> {
    found.findings.iter().map(|f| format!("{} {}", f.rule.code, f.message)).collect()
}

fn refused(repo: &Path, rev: &str, root: &str) -> (String, String) {
    let error = discover(repo, rev, root, DiscoverOptions::default()).unwrap_err();
    let SourceError::Git(error) = error else { panic!("{error}") };
    (error.to_string(), error.help().unwrap_or_default().to_owned())
}

const FILES: &[(&str, &str)] = &[
    ("b.yml", "b"),
    ("a/z.yaml", "z"),
    ("a.yaml", "a"),
    ("a-b/c.yaml", ""),
    ("README.md", ""),
    (".hidden.yaml", ""),
    (".github/workflow.yaml", ""),
    ("deploy/.meshwright/manifest.json", "{}"),
    ("deploy/clusters/c1/x.yaml", ""),
];

#[test]
fn a_commit_is_read_as_the_directory_it_is_checked_out_to() {
    let work = Work::new(FILES);
    let there = directory::discover(work.path(), DiscoverOptions::default()).unwrap();
    let prefix = format!("{}/", directory::shown(work.path()));
    let there: Vec<_> = shown(&there).into_iter().map(|(p, t)| (p.replace(&prefix, ""), t)).collect();
    work.git(&["rm", "-q", "-r", "--cached", "."]);
    fs::remove_file(work.path().join("a.yaml")).unwrap();
    let found = work.found("HEAD", "");
    assert_eq!(shown(&found), there, "neither index nor work tree count");
    assert_eq!(paths(&found), ["a-b/c.yaml", "a.yaml", "a/z.yaml", "b.yml"]);
    assert_eq!(found.rendered, ["deploy"]);
    assert_eq!(paths(&work.found("HEAD", "./deploy/")), ["deploy/clusters/c1/x.yaml"], "asked for by name");
    assert_eq!(paths(&work.found("HEAD", "a/../a")), ["a/z.yaml"]);
    assert_eq!(paths(&work.found("HEAD", "README.md")), ["README.md"]);
}

#[test]
fn revisions_are_named_as_git_names_them() {
    let work = Work::new(&[("a.yaml", "1")]);
    work.git(&["tag", "-a", "v1", "-m", "first"]);
    work.git(&["tag", "light"]);
    work.commit(&[("a.yaml", "2")]);
    work.git(&["checkout", "-q", "-b", "topic/x"]);
    work.commit(&[("a.yaml", "3")]);
    let first = work.git(&["rev-parse", "v1^{commit}"]);
    let tree = work.git(&["rev-parse", "main^{tree}"]);
    for (rev, text) in [
        ("HEAD~2", "1"),
        ("v1", "1"),
        ("light", "1"),
        (first.as_str(), "1"),
        (&first[..10], "1"),
        ("main", "2"),
        ("topic/x^", "2"),
        (tree.as_str(), "2"),
        ("refs/heads/topic/x", "3"),
        ("@", "3"),
    ] {
        assert_eq!(shown(&work.found(rev, ".")), [("a.yaml".to_owned(), text.to_owned())], "{rev}");
    }
    let id = |rev| Repository::open(work.path()).unwrap().revision(rev).unwrap().id;
    assert_eq!([id("v1"), id("light")], [first.clone(), first]);
    assert_eq!(id("main^{tree}"), tree);
}

#[test]
fn bare_packed_shallow_and_linked_repositories_are_read() {
    let work = Work::new(FILES);
    work.commit(&[("a.yaml", "second")]);
    let expected = shown(&work.found("HEAD", ""));
    let elsewhere = TempDir::new().unwrap();
    let at = |name: &str| elsewhere.path().join(name);
    let url = format!("file://{}", work.path().display());
    git_in(elsewhere.path(), &["clone", "-q", "--bare", &url, "bare.git"]);
    git_in(elsewhere.path(), &["clone", "-q", "--depth", "1", &url, "shallow"]);
    work.git(&["worktree", "add", "-q", "--detach", at("linked").to_str().unwrap(), "HEAD"]);
    work.git(&["gc", "-q", "--aggressive", "--prune=now"]);
    for repo in [at("bare.git"), at("shallow"), at("linked"), at("linked/a"), work.path().join("a")] {
        let found = discover(&repo, "HEAD", "", DiscoverOptions::default()).unwrap();
        assert_eq!(shown(&found), expected, "{}", repo.display());
    }
    let (message, help) = refused(&at("shallow"), "HEAD~1", "");
    assert!(message.starts_with("`HEAD~1` is not a revision of the git repository"), "{message}");
    assert!(help.contains("shallow clone"), "{help}");
}

#[test]
fn what_is_not_there_is_said() {
    let work = Work::new(&[("intent/a.yaml", "")]);
    assert_eq!(refused(work.path(), "HEAD", "intnet").0, "`intnet` does not exist in `HEAD`");
    assert_eq!(
        refused(work.path(), "HEAD", "intent/a.yaml/b").0,
        "`intent/a.yaml/b` does not exist in `HEAD`"
    );
    assert_eq!(refused(work.path(), "HEAD", "../x").0, "`../x` is not inside the git repository");
    assert_eq!(refused(work.path(), "HEAD", "/etc").0, "`/etc` is not inside the git repository");
    assert_eq!(refused(work.path(), "HEAD:intent/a.yaml", "").0, "`HEAD:intent/a.yaml` is not a commit");
    for rev in [
        "no-such-branch",
        "HEAD~7",
        "",
        "--all",
        "HEAD..main",
        "\u{0}",
        "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
    ] {
        let (message, _) = refused(work.path(), rev, "");
        assert!(
            message.starts_with(&format!("`{rev}` is not")) || message.contains("is missing"),
            "{message}"
        );
    }
    let (message, help) = refused(Work::empty().path(), "HEAD", "");
    assert!(message.contains("is not a revision"), "{message}");
    assert_eq!(help, "the repository has no commit yet");
    let nowhere = TempDir::new().unwrap();
    assert!(refused(nowhere.path(), "HEAD", "").0.ends_with("is not in a git repository"));
    let work = Work::empty();
    work.commit(&[]);
    assert!(work.found("HEAD", "").files.is_empty(), "a commit may be empty");
}

#[test]
fn other_object_formats_are_refused_by_name() {
    let work = Work(TempDir::new().unwrap());
    work.git(&["init", "-q", "--object-format=sha256"]);
    work.commit(&[("a.yaml", "")]);
    let (message, _) = refused(work.path(), "HEAD", "");
    assert!(message.starts_with("cannot open the git repository of"), "{message}");
    assert!(message.contains("sha256"), "{message}");
}

#[test]
fn a_missing_object_is_an_error_with_its_path() {
    let work = Work::new(&[("d/a.yaml", "content")]);
    let id = work.git(&["rev-parse", "HEAD:d/a.yaml"]);
    let (directory, file) = id.split_at(2);
    fs::remove_file(work.path().join(".git/objects").join(directory).join(file)).unwrap();
    assert_eq!(
        refused(work.path(), "HEAD", "").0,
        format!("the object {id} of `HEAD:d/a.yaml` is missing in the repository")
    );
    work.write(&format!(".git/objects/{directory}/{file}"), "not zlib");
    assert!(refused(work.path(), "HEAD", "").0.starts_with(&format!("the object {id} cannot be read")));

    let whole = Work::new(&[("d/a.yaml", "content")]);
    whole.git(&["config", "uploadpack.allowFilter", "true"]);
    let elsewhere = TempDir::new().unwrap();
    let url = format!("file://{}", whole.path().display());
    git_in(elsewhere.path(), &["clone", "-q", "--bare", "--filter=blob:none", &url, "partial"]);
    let (message, help) = refused(&elsewhere.path().join("partial"), "HEAD", "");
    assert!(message.contains("`HEAD:d/a.yaml` is missing"), "{message}");
    assert!(help.contains("--filter"), "{help}");
}

#[test]
fn submodules_and_lfs_pointers_hide_intent() {
    let other = Work::new(&[("c.yaml", "")]);
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    let work =
        Work::new(&[("intent/a.yaml", "a"), ("intent/big.yaml", pointer), ("intent/notes.bin", pointer)]);
    work.git(&["submodule", "-q", "add", other.path().to_str().unwrap(), "intent/clusters"]);
    work.git(&["submodule", "-q", "add", other.path().to_str().unwrap(), "vendor"]);
    work.commit(&[]);
    let found = work.found("HEAD", "intent");
    assert_eq!(paths(&found), ["intent/a.yaml"]);
    assert_eq!(
        messages(&found),
        [
            "MW0013 `intent/big.yaml` is a Git LFS pointer: the file itself is kept elsewhere",
            "MW0012 `intent/clusters` is a submodule, whose files are not part of this commit",
        ]
    );
    assert_eq!(
        refused(work.path(), "HEAD", "vendor").0,
        "`vendor` is a submodule in `HEAD`, which is not followed"
    );
    let there = directory::discover(&work.path().join("intent"), DiscoverOptions::default()).unwrap();
    assert!(messages(&there).iter().any(|message| message.starts_with("MW0013")), "{:?}", messages(&there));
}

#[cfg(unix)]
#[test]
fn a_link_that_hides_intent_is_a_finding() {
    use std::os::unix::fs::symlink;
    let work = Work::new(&[
        ("i/a.yaml", ""),
        ("i/d/b.yaml", ""),
        ("i/.hidden/h.yaml", ""),
        ("shared/s.yaml", ""),
        ("notes.md", ""),
    ]);
    let links = [
        ("again.yaml", "a.yaml"),
        ("d/up", ".."),
        ("d/shared", "../../shared"),
        ("gone.yaml", "gone"),
        ("loop.yaml", "loop.yaml"),
        ("hidden.yaml", ".hidden/h.yaml"),
        ("networks", "/etc/mesh/networks"),
        ("notes.txt", "../notes.md"),
        ("machine.txt", "/etc/hostname"),
        ("out.yaml", "../shared/s.yaml"),
        ("escape.yaml", "../../../../x.yaml"),
        ("through.yaml", "d/shared/s.yaml"),
    ];
    for (name, target) in links {
        symlink(target, work.path().join("i").join(name)).unwrap();
    }
    work.commit(&[]);
    let found = work.found("HEAD", "i");
    assert_eq!(paths(&found), ["i/a.yaml", "i/d/b.yaml"]);
    assert_eq!(
        messages(&found),
        [
            "MW0011 `i/d/shared` is a symbolic link to `../../shared`, out of the intent root",
            "MW0011 `i/escape.yaml` is a symbolic link to `../../../../x.yaml`, out of the intent root",
            "MW0011 `i/gone.yaml` is a symbolic link to `gone`, which cannot be read",
            "MW0011 `i/hidden.yaml` is a symbolic link to `.hidden/h.yaml`, which is not read",
            "MW0011 `i/loop.yaml` is a symbolic link to `loop.yaml`, which cannot be read",
            "MW0011 `i/networks` is a symbolic link to `/etc/mesh/networks`, out of the intent root",
            "MW0011 `i/out.yaml` is a symbolic link to `../shared/s.yaml`, out of the intent root",
            "MW0011 `i/through.yaml` is a symbolic link to `d/shared/s.yaml`, out of the intent root",
        ]
    );
}

#[cfg(unix)]
#[test]
fn names_need_not_be_utf8() {
    use std::os::unix::ffi::OsStrExt;
    let work = Work::empty();
    for name in [&b"a\xff.yaml"[..], b"a\xfe.yaml", b"\n.yaml", b"-rf.yaml", b" .yaml", "ü.yaml".as_bytes()]
    {
        fs::write(work.path().join(std::ffi::OsStr::from_bytes(name)), name).unwrap();
    }
    work.commit(&[]);
    let found = work.found("HEAD", "");
    assert_eq!(found.files.len(), 6, "two names that are shown alike are two files");
    assert_eq!(
        paths(&found),
        ["\n.yaml", " .yaml", "-rf.yaml", "a\u{fffd}.yaml", "a\u{fffd}.yaml", "ü.yaml"]
    );
}

#[test]
fn bounds_hold_without_reading_past_them() {
    let files: Vec<_> = (0..1000).map(|n| (format!("d{}/f{n}.yaml", n % 7), n.to_string())).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let work = Work::new(&files);
    assert_eq!(work.found("HEAD", "").files.len(), 1000);
    let limits = DiscoverOptions::default();
    let error = |options| discover(work.path(), "HEAD", "", options).unwrap_err().to_string();
    assert_eq!(error(DiscoverOptions { max_files: 999, ..limits }), "`.` holds more than 999 YAML files");
    let shallow = discover(work.path(), "HEAD", "", DiscoverOptions { max_depth: 0, ..limits }).unwrap();
    let said: Vec<_> = shallow.findings.iter().map(|f| f.message.clone()).collect();
    assert_eq!(said.len(), 7);
    assert_eq!(said[0], "`d0` is more than 0 directories below the root and is not read");
    assert_eq!(
        error(DiscoverOptions { max_bytes: 2, ..limits }),
        "the YAML files of `.` are larger than 2 bytes together, reached at `d0/f105.yaml`"
    );
}

#[test]
fn the_repository_around_a_path_tells_the_way_to_it() {
    let work = Work::new(&[("a/b/c.yaml", "")]);
    let around = |path: &str| Repository::around(&work.path().join(path)).map(|(_, inside)| inside);
    assert_eq!(around("").unwrap(), "");
    assert_eq!(around("a/b").unwrap(), "a/b");
    assert_eq!(around("a/b/c.yaml").unwrap(), "a/b/c.yaml");
    assert_eq!(around("a/deleted/d").unwrap(), "a/deleted/d");
    let nowhere = TempDir::new().unwrap();
    assert!(Repository::around(nowhere.path()).is_err());
}

/// A tree that names the one before it twice, so many times over: 2^levels leaves in as few objects.
fn bomb(work: &Work, leaf: &str, levels: usize) -> String {
    use std::io::Write as _;
    let make = |entries: String| {
        let mut git = Command::new("git")
            .current_dir(work.path())
            .arg("mktree")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        git.stdin.take().unwrap().write_all(entries.as_bytes()).unwrap();
        String::from_utf8(git.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
    };
    let blob = work.git(&["rev-parse", "HEAD:a.yaml"]);
    let first = make(format!("100644 blob {blob}\t{leaf}\n"));
    (0..levels).fold(first, |tree, _| make(format!("040000 tree {tree}\ta\n040000 tree {tree}\tb\n")))
}

#[test]
fn a_small_commit_cannot_be_endless() {
    let work = Work::new(&[("a.yaml", "a")]);
    let nothing = bomb(&work, "README.md", 30);
    assert!(work.found(&nothing, "").files.is_empty());
    let files = bomb(&work, "x.yaml", 30);
    let options = DiscoverOptions { max_files: 1000, ..DiscoverOptions::default() };
    let error = discover(work.path(), &files, "", options).unwrap_err().to_string();
    assert_eq!(error, "`.` holds more than 1000 YAML files");
}
