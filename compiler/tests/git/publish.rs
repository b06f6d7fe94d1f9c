//! `meshwright publish`: what is on the branch afterwards, and what is refused.

use std::collections::BTreeMap;
use std::path::Path;

use super::support::{MESH, Repository, cluster, ended, git, meshwright, run, shim, text, try_git};

const TO: [&str; 4] = ["publish", "intent", "--branch", "rendered"];

/// The files of a branch, with their bytes.
fn files(at: &Path, rev: &str) -> BTreeMap<String, String> {
    let names = git(at, &["ls-tree", "-r", "--name-only", rev]);
    names
        .lines()
        .map(|name| (name.to_owned(), text(&try_git(at, &["show", &format!("{rev}:{name}")]).stdout)))
        .collect()
}

/// What `render` writes of a revision.
fn rendered(repository: &Repository, rev: &str) -> BTreeMap<String, String> {
    let out = tempfile::tempdir().unwrap();
    let at = out.path().join("out").to_string_lossy().into_owned();
    let (code, _, err) = repository.run("", &["render", "intent", "--rev", rev, "-o", &at]);
    assert_eq!(code, Some(0), "{err}");
    let mut files = BTreeMap::new();
    let mut pending = vec![out.path().join("out")];
    while let Some(directory) = pending.pop() {
        for entry in std::fs::read_dir(&directory).unwrap().flatten() {
            match entry.path() {
                path if path.is_dir() => pending.push(path),
                path => {
                    let name =
                        path.strip_prefix(out.path().join("out")).unwrap().to_string_lossy().into_owned();
                    files.insert(name, std::fs::read_to_string(&path).unwrap());
                }
            }
        }
    }
    files
}

fn published(repository: &Repository, args: &[&str]) {
    let (code, _, err) = repository.run("", &[&TO[..], args].concat());
    assert_eq!(code, Some(0), "{err}");
}

/// What is refused changes nothing.
fn refused(repository: &Repository, at: &Path, args: &[&str]) -> String {
    let before = git(at, &["for-each-ref"]);
    let (code, out, err) = repository.run("", &[&TO[..], args].concat());
    assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
    assert_eq!(git(at, &["for-each-ref"]), before);
    err
}

#[test]
fn a_branch_gets_one_commit_for_one_commit_of_the_intent() {
    let repository = Repository::with_intent();
    let first = repository.git(&["rev-parse", "HEAD"]);
    published(&repository, &[]);
    let at = repository.path();
    assert_eq!(files(at, "rendered"), rendered(&repository, "main"));
    let log = |format: &str, rev: &str| git(at, &["log", "-1", &format!("--format={format}"), rev]);
    assert_eq!(log("%an <%ae> %cn <%ce>", "rendered"), "Ada <ada@example.com> Grace <grace@example.com>");
    assert_eq!(log("%ad %cd", "rendered"), log("%ad %cd", "main"), "a commit is a function of its source");
    assert_eq!(log("%(trailers:key=Source-Commit,valueonly)", "rendered"), first);
    assert_eq!(log("%(trailers:key=Source-Path,valueonly)", "rendered"), "intent");
    let manifest = try_git(at, &["show", "rendered:.meshwright/manifest.json"]).stdout;
    let hash = meshwright::publish::Digest::of(&manifest).to_string();
    assert_eq!(log("%(trailers:key=Content-Hash,valueonly)", "rendered"), hash);
    assert!(log("%s", "rendered").ends_with(": One cluster"));
    let note = git(at, &["notes", "--ref=meshwright/rendered", "show", "rendered"]);
    let note: serde_json::Value = serde_json::from_str(&note).unwrap();
    assert_eq!((note["sourceCommit"].as_str(), note["contentHash"].as_str()), (Some(&*first), Some(&*hash)));

    // Nothing changes when nothing changes.
    let tip = git(at, &["rev-parse", "rendered"]);
    repository.commit("A comment", &[("intent/c1.yaml", &format!("# why\n{}", cluster(1)))]);
    let (_, _, err) = repository.run("", &TO);
    let target = at.join(".git").canonicalize().unwrap();
    assert!(err.ends_with(&format!("rendered of {} is up to date\n", target.display())), "{err}");
    assert_eq!(git(at, &["rev-parse", "rendered"]), tip);

    // One more cluster, and one less.
    repository.commit("Two clusters", &[("intent/c2.yaml", &cluster(2))]);
    published(&repository, &[]);
    repository.git(&["rm", "-q", "intent/c1.yaml"]);
    repository.commit("Only the second", &[]);
    published(&repository, &["--force"]);
    assert_eq!(files(at, "rendered"), rendered(&repository, "main"));
    assert_eq!(git(at, &["rev-list", "--count", "rendered"]), "3");
    assert_eq!(git(at, &["rev-parse", "rendered~2"]), tip);
    let notes = git(at, &["notes", "--ref=meshwright/rendered", "list"]);
    assert_eq!(notes.lines().count(), 3, "{notes}");
    assert_eq!(git(at, &["fsck", "--strict", "--no-dangling"]), "");
    assert_eq!(git(at, &["status", "--porcelain"]), "", "nothing was checked out");

    // What is published is what `render --check` accepts.
    let out = tempfile::tempdir().unwrap();
    let clone = out.path().join("c").to_string_lossy().into_owned();
    repository.git(&["clone", "-q", "-b", "rendered", ".", &clone]);
    let (code, _, err) = repository.run("", &["render", "intent", "-o", &clone, "--check"]);
    assert_eq!(code, Some(0), "{err}");
}

#[test]
fn errors_publish_nothing() {
    let repository = Repository::with_intent();
    published(&repository, &[]);
    let tip = repository.git(&["rev-parse", "rendered"]);
    repository.commit("Broken", &[("intent/c1.yaml", &cluster(1).replace("network: n1\n", "network: n9\n"))]);
    let (code, out, err) = repository.run("", &[&TO[..], &["--format", "json"]].concat());
    assert_eq!((code, err.as_str()), (Some(1), ""));
    assert!(out.contains("\"file\": \"intent/c1.yaml\""), "{out}");
    assert_eq!(repository.git(&["rev-parse", "rendered"]), tip);
    // The identity of a cluster does not change unseen, judged by what is published.
    let moved = cluster(1).replace("n1", "n7");
    repository.commit("Another network", &[("intent/c1.yaml", &moved)]);
    let (code, _, err) = repository.run("", &TO);
    assert_eq!(code, Some(1));
    assert!(err.contains("changes from `n1` to `n7`"), "{err}");
    assert_eq!(repository.git(&["rev-parse", "rendered"]), tip);
}

#[test]
fn a_branch_of_somebody_else_is_not_touched() {
    let repository = Repository::with_intent();
    let err = refused(&repository, repository.path(), &["--push-to", ".", "--branch", "main"]);
    assert!(err.contains("cannot be used multiple times"), "{err}");
    repository.git(&["branch", "docs"]);
    let before = repository.git(&["for-each-ref"]);
    for branch in ["docs", "main"] {
        let (code, _, err) = repository.run("", &["publish", "intent", "--branch", branch]);
        assert_eq!(code, Some(2));
        assert!(err.contains("was not made by meshwright"), "{err}");
    }
    assert_eq!(repository.git(&["for-each-ref"]), before);
    for branch in ["-x", "a..b", "", "a b", "x.lock"] {
        let branch = format!("--branch={branch}");
        let (code, _, _) = repository.run("", &["publish", "intent", &branch]);
        assert_eq!(code, Some(2), "{branch}");
    }
}

#[test]
fn files_of_others_stay_and_are_never_overwritten() {
    let repository = Repository::with_intent();
    let bare = repository.bare("out.git");
    let to = ["--push-to", "../out.git"];
    published(&repository, &to);
    let clone = repository.home.path().join("clone");
    repository.git(&["clone", "-q", "-b", "rendered", "../out.git", &clone.to_string_lossy()]);
    let add = |path: &str, bytes: &str| {
        std::fs::create_dir_all(clone.join(path).parent().unwrap()).unwrap();
        std::fs::write(clone.join(path), bytes).unwrap();
        git(&clone, &["add", "-A"]);
        git(&clone, &["commit", "-q", "-m", "by hand"]);
        git(&clone, &["push", "-q"]);
    };
    add("README.md", "ours\n");
    add("clusters/c1/mesh/kustomization.yaml", "by: hand\n");
    std::os::unix::fs::symlink("README.md", clone.join("link")).unwrap();
    add(".gitattributes", "* text\n");
    let (code, _, err) = repository.run("", &[&TO[..], &to].concat());
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("clusters/c1/mesh/kustomization.yaml: was changed by hand"), "{err}");
    let mut wanted = rendered(&repository, "main");
    wanted.insert("README.md".to_owned(), "ours\n".to_owned());
    wanted.insert("link".to_owned(), "README.md".to_owned());
    assert_eq!(files(&bare, "rendered"), wanted);
    assert!(git(&bare, &["ls-tree", "rendered", "link"]).starts_with("120000"));
    // A file where a directory is to be.
    git(&clone, &["pull", "-q"]);
    add("clusters/c2", "a file\n");
    repository.commit("Two", &[("intent/c2.yaml", &cluster(2))]);
    let err = refused(&repository, &bare, &to);
    assert!(err.contains("in the way of rendered files: `clusters/c2`"), "{err}");
}

#[test]
fn a_source_that_was_rewritten_or_is_behind_is_refused() {
    let repository = Repository::with_intent();
    repository.commit("Two", &[("intent/c2.yaml", &cluster(2))]);
    published(&repository, &[]);
    repository.git(&["reset", "-q", "--hard", "HEAD~1"]);
    let err = refused(&repository, repository.path(), &[]);
    assert!(err.contains("does not descend from"), "{err}");
    repository.commit("Other two", &[("intent/c3.yaml", &cluster(3))]);
    let err = refused(&repository, repository.path(), &[]);
    assert!(err.contains("--allow-forced-update"), "{err}");
    published(&repository, &["--allow-forced-update", "--force"]);
    assert_eq!(files(repository.path(), "rendered"), rendered(&repository, "main"));
    assert_eq!(
        repository.git(&["rev-list", "--count", "rendered"]),
        "2",
        "the branch itself is never rewritten"
    );
    // A shallow clone does not know.
    repository.commit("Three", &[("intent/c2.yaml", &cluster(2))]);
    repository.commit("Four", &[("intent/c4.yaml", &cluster(4))]);
    let url = format!("file://{}", repository.path().display());
    let clone = repository.home.path().join("shallow");
    repository.git(&["clone", "-q", "--depth=1", &url, &clone.to_string_lossy()]);
    let args = [&TO[..], &["--push-to", "origin"]].concat();
    let (code, _, err) = run(&clone, &args);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("the repository is shallow") && err.contains("fetch-depth: 0"), "{err}");
    git(&clone, &["fetch", "-q", "--unshallow"]);
    let (code, _, err) = run(&clone, &args);
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(files(repository.path(), "rendered"), rendered(&repository, "main"));
}

#[test]
fn much_less_than_before_is_refused() {
    let repository = Repository::with_intent();
    for n in 2..=5 {
        repository.write(&format!("intent/c{n}.yaml"), &cluster(n));
    }
    repository.commit("Five", &[]);
    published(&repository, &[]);
    repository.git(&["rm", "-q", "intent/c1.yaml", "intent/c2.yaml"]);
    repository.commit("Three", &[]);
    let err = refused(&repository, repository.path(), &[]);
    assert!(err.contains("2 of 5 clusters would disappear: `c1`, `c2`") && err.contains("--force"), "{err}");
    published(&repository, &["--force"]);
    // Another directory of intent on the same branch.
    repository.git(&["mv", "intent", "other"]);
    repository.commit("Moved", &[]);
    let (code, _, err) = repository.run("", &["publish", "other", "--branch", "rendered"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("holds what `intent` renders, not `other`"), "{err}");
    // No intent at all.
    repository.git(&["rm", "-rq", "other"]);
    repository.commit("Nothing", &[("intent/README.md", "")]);
    let (code, _, err) = repository.run("", &TO);
    assert_eq!(code, Some(1), "{err}");
}

#[test]
fn a_repository_without_commits_has_nothing_to_publish() {
    let repository = Repository::new();
    let err = refused(&repository, repository.path(), &[]);
    assert!(err.contains("the repository has no commit yet"), "{err}");
    let bare = repository.bare("empty.git");
    let url = format!("file://{}", bare.display());
    let (code, _, err) = repository.run("", &["publish", &url, "--branch", "rendered"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("is empty: its HEAD is no commit yet"), "{err}");
    let (code, _, err) = repository.run("", &["publish", &url, "--rev", "nope", "--branch", "rendered"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("has no branch or tag `nope`"), "{err}");
}

#[test]
fn a_remote_that_refuses_or_is_not_there_is_said() {
    let repository = Repository::with_intent();
    let bare = repository.bare("out.git");
    let hook = bare.join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\necho this branch is protected >&2\nexit 1\n").unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let err = refused(&repository, &bare, &["--push-to", "../out.git"]);
    assert!(err.contains("pre-receive hook declined") && err.contains("this branch is protected"), "{err}");
    let err = refused(&repository, &bare, &["--push-to", "../nowhere.git"]);
    assert!(err.contains("`git ls-remote` of `../nowhere.git` failed"), "{err}");
    let err = refused(&repository, &bare, &["--push-to", "http://user:secret@127.0.0.1:9/r.git"]);
    assert!(err.contains("`http://127.0.0.1:9/r.git`") && !err.contains("secret"), "{err}");
}

#[test]
fn a_url_needs_no_clone() {
    let repository = Repository::with_intent();
    let bare = repository.bare("mesh.git");
    repository.git(&["push", "-q", "../mesh.git", "main"]);
    let url = format!("file://{}", bare.display());
    let elsewhere = tempfile::tempdir().unwrap();
    let cache = elsewhere.path().join("cache").to_string_lossy().into_owned();
    let args = ["publish", "intent", "--repo", &url, "--branch", "rendered", "--cache", &cache];
    let publish = |args: &[&str]| {
        let (code, _, err) = run(elsewhere.path(), args);
        assert_eq!(code, Some(0), "{err}");
    };
    publish(&args);
    assert_eq!(files(&bare, "rendered"), rendered(&repository, "main"));
    let source =
        git(&bare, &["log", "-1", "--format=%(trailers:key=Source-Repository,valueonly)", "rendered"]);
    assert_eq!(source, url);
    let kept = git(
        &elsewhere.path().join("cache/repository.git"),
        &["rev-list", "--count", "refs/meshwright/source"],
    );
    assert_eq!(kept, "1", "history is not fetched");
    for n in 2..=4 {
        repository.commit("One more", &[(&format!("intent/c{n}.yaml"), &cluster(n))]);
        repository.git(&["push", "-q", "../mesh.git", "main"]);
        publish(&args);
    }
    // Without the cache the ancestry has to be found out.
    repository.commit("A comment", &[("intent/README.md", "x")]);
    repository.commit("One more", &[("intent/c5.yaml", &cluster(5))]);
    repository.git(&["push", "-q", "../mesh.git", "main"]);
    publish(&["publish", "intent", "--repo", &url, "--branch", "rendered"]);
    assert_eq!(files(&bare, "rendered"), rendered(&repository, "main"));
    assert_eq!(git(&bare, &["rev-list", "--count", "rendered"]), "5");
    repository.git(&["reset", "-q", "--hard", "HEAD~3"]);
    repository.commit("Rewritten", &[("intent/c6.yaml", &cluster(6))]);
    repository.git(&["push", "-q", "-f", "../mesh.git", "main"]);
    for args in [&args[..], &["publish", "intent", "--repo", &url, "--branch", "rendered"]] {
        let (code, _, err) = run(elsewhere.path(), args);
        assert_eq!(code, Some(2), "{err}");
        assert!(err.contains("does not descend from"), "{err}");
    }
    assert_eq!(git(&bare, &["fsck", "--strict", "--no-dangling"]), "");
}

#[test]
fn a_branch_that_moves_before_the_push_is_read_again() {
    let repository = Repository::with_intent();
    let bare = repository.bare("out.git");
    published(&repository, &["--push-to", "../out.git"]);
    repository.commit("Two", &[("intent/c2.yaml", &cluster(2))]);
    // Somebody adds a file to the branch whenever the program is about to push, three times.
    let script = format!(
        r#"case " $* " in
*" push "*)
    count=$(cat '{0}/count' 2>/dev/null || echo 0)
    if [ "$count" -lt 3 ]; then
        echo $((count + 1)) > '{0}/count'
        (
            unset GIT_DIR; export GIT_DIR='{1}'
            blob=$(echo "$count" | "$REAL" hash-object -w --stdin)
            tree=$( ("$REAL" ls-tree rendered; printf '100644 blob %s\tother-%s\n' "$blob" "$count") | "$REAL" mktree)
            commit=$("$REAL" commit-tree -p rendered -m other "$tree")
            "$REAL" update-ref refs/heads/rendered "$commit"
        )
    fi;;
esac"#,
        repository.home.path().display(),
        bare.display()
    );
    let path = shim(&repository.home.path().join("bin"), &script);
    let mut command = meshwright(repository.path(), &[&TO[..], &["--push-to", "../out.git"]].concat());
    let (code, _, err) = ended(command.env("PATH", path).output().unwrap());
    assert_eq!(code, Some(0), "{err}");
    let mut wanted = rendered(&repository, "main");
    for n in 0..3 {
        wanted.insert(format!("other-{n}"), format!("{n}\n"));
    }
    assert_eq!(files(&bare, "rendered"), wanted);
    assert_eq!(git(&bare, &["rev-list", "--count", "rendered"]), "5");
}

#[test]
fn killed_between_any_steps_the_old_or_the_new_state_is_published() {
    let repository = Repository::with_intent();
    let bare = repository.bare("out.git");
    let to = [&TO[..], &["--push-to", "../out.git"]].concat();
    published(&repository, &["--push-to", "../out.git"]);
    let steps = ["ls-remote", "commit-tree", "push"];
    for (n, step) in steps.iter().enumerate() {
        for after in [false, true] {
            let n = 2 * n + usize::from(after) + 2;
            let old = git(&bare, &["rev-parse", "rendered"]);
            repository.commit("One more", &[(&format!("intent/c{n}.yaml"), &cluster(n))]);
            let run_first = if after { "\"$REAL\" \"$@\"" } else { ":" };
            let script = format!(
                "case \" $* \" in *' {step} '*) {run_first} >/dev/null 2>&1; kill -9 $PPID; exit 1;; esac"
            );
            let path = shim(&repository.home.path().join("bin"), &script);
            let status = meshwright(repository.path(), &to).env("PATH", path).output().unwrap().status;
            assert_eq!(status.code(), None, "killed by a signal");
            let now = git(&bare, &["rev-parse", "rendered"]);
            let pushed = *step == "push" && after;
            assert_eq!(now != old, pushed, "{step} {after}");
            assert_eq!(git(&bare, &["fsck", "--strict", "--no-dangling"]), "");
            let notes = git(&bare, &["notes", "--ref=meshwright/rendered", "list"]);
            assert!(notes.contains(&now), "a commit and its note come together");
            let (code, _, err) = repository.run("", &to);
            assert_eq!(code, Some(0), "{err}");
            assert_eq!(files(&bare, "rendered"), rendered(&repository, "main"));
        }
    }
    assert_eq!(git(&bare, &["rev-list", "--count", "rendered"]), "7", "one commit for each of the intent");
}

#[test]
fn writers_that_race_make_one_line_of_commits() {
    const WRITERS: usize = 3;
    const ROUNDS: usize = 6;
    let repository = Repository::with_intent();
    let bare = repository.bare("out.git");
    for round in 0..ROUNDS {
        let n = round + 2;
        repository.commit("One more", &[(&format!("intent/c{n}.yaml"), &cluster(n))]);
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let who = format!("Writer {writer} <w{writer}@example.com>");
                let args = [&TO[..], &["--push-to", "../out.git", "--committer", &who]].concat();
                let mut command = meshwright(repository.path(), &args);
                command
                    .stdout(std::process::Stdio::null())
                    .stderr(std::process::Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for writer in writers {
            let output = writer.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", text(&output.stderr));
        }
        assert_eq!(files(&bare, "rendered"), rendered(&repository, "main"));
    }
    let commits = git(&bare, &["rev-list", "rendered"]);
    assert_eq!(commits.lines().count(), ROUNDS, "one commit for each of the intent, whoever was first");
    assert_eq!(git(&bare, &["rev-list", "--merges", "rendered"]), "");
    assert_eq!(git(&bare, &["fsck", "--strict", "--no-dangling"]), "");
    let notes = git(&bare, &["notes", "--ref=meshwright/rendered", "list"]);
    assert_eq!(notes.lines().count(), ROUNDS);
}

#[test]
fn commits_are_signed_as_git_is_configured() {
    let repository = Repository::with_intent();
    let key = repository.home.path().join("key");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
        .arg(&key)
        .status();
    if !made.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("MESHWRIGHT_REQUIRE_TOOLS").is_none(), "ssh-keygen is needed");
        return;
    }
    repository.git(&["config", "gpg.format", "ssh"]);
    repository.git(&["config", "user.signingKey", &key.to_string_lossy()]);
    published(&repository, &["--sign"]);
    let commit = repository.git(&["cat-file", "commit", "rendered"]);
    assert!(commit.contains("gpgsig -----BEGIN SSH SIGNATURE-----"), "{commit}");
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    let signers = repository.home.path().join("signers");
    std::fs::write(&signers, format!("grace@example.com {public}")).unwrap();
    let setting = format!("gpg.ssh.allowedSignersFile={}", signers.display());
    assert!(try_git(repository.path(), &["-c", &setting, "verify-commit", "rendered"]).status.success());
    // Asked to sign, and unable to: nothing is published unsigned.
    repository.git(&["config", "user.signingKey", "/nowhere"]);
    repository.commit("Two", &[("intent/c2.yaml", &cluster(2))]);
    let err = refused(&repository, repository.path(), &["--sign"]);
    assert!(err.contains("`git commit-tree` failed"), "{err}");
}

#[test]
fn a_long_history_is_not_fetched_and_a_source_that_moves_is_read_again() {
    let repository = Repository::new();
    let bare = repository.bare("mesh.git");
    let history: String = (0..20_000)
        .map(|n| format!("commit refs/heads/main\ncommitter a <a@example.com> {n} +0000\ndata 1\nx\n"))
        .collect();
    fast_import(&bare, &history);
    repository.git(&["fetch", "-q", "../mesh.git", "main"]);
    repository.git(&["reset", "-q", "--hard", "FETCH_HEAD"]);
    repository.commit("One cluster", &[("intent/mesh.yaml", MESH), ("intent/c1.yaml", &cluster(1))]);
    repository.git(&["push", "-q", "../mesh.git", "main"]);
    // Between the question what the branch is and the fetch it moves.
    repository.commit("Two", &[("intent/c2.yaml", &cluster(2))]);
    repository.commit("Three", &[("intent/c3.yaml", &cluster(3))]);
    let script = format!(
        r#"case " $* " in
*" fetch "*)
    count=$(cat '{0}/count' 2>/dev/null || echo 1)
    if [ "$count" -gt 0 ]; then
        count=$((count - 1)); echo $count > '{0}/count'
        (unset GIT_DIR; "$REAL" -C '{0}/work' push -q ../mesh.git "HEAD~$count:refs/heads/main")
    fi;;
esac"#,
        repository.home.path().display()
    );
    let path = shim(&repository.home.path().join("bin"), &script);
    let url = format!("file://{}", bare.display());
    let cache = repository.home.path().join("cache");
    let shown = cache.display().to_string();
    let args = ["publish", "intent", "--repo", &url, "--branch", "rendered", "--cache", &shown];
    let (code, _, err) = ended(meshwright(repository.path(), &args).env("PATH", path).output().unwrap());
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(files(&bare, "rendered"), rendered(&repository, "main"));
    let count = git(&cache.join("repository.git"), &["rev-list", "--count", "refs/meshwright/source"]);
    assert!(count.parse::<u32>().unwrap() <= 3, "{count} commits were fetched");
}

#[test]
fn delivery_that_looks_elsewhere_is_a_warning() {
    let repository = Repository::with_intent();
    let mesh = MESH.replace("spec: {", "spec: {delivery: {flux: {path: ./rendered}}, ");
    repository.commit("Flux", &[("intent/mesh.yaml", &mesh)]);
    let (code, _, err) = repository.run("", &TO);
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("warning[MW8070]") && err.contains("intent/mesh.yaml:4"), "{err}");
}

#[test]
fn flux_that_was_bootstrapped_at_the_output_stops_publishing() {
    let repository = Repository::with_intent();
    let bare = repository.bare("out.git");
    let mesh = MESH.replace("spec: {", "spec: {delivery: {flux: {path: ./}}, ");
    repository.commit("Flux", &[("intent/mesh.yaml", &mesh)]);
    let to = ["--push-to", "../out.git"];
    published(&repository, &to);
    let clone = repository.home.path().join("clone");
    repository.git(&["clone", "-q", "-b", "rendered", "../out.git", &clone.to_string_lossy()]);
    let sync = clone.join("clusters/c1/flux-system/gotk-sync.yaml");
    std::fs::create_dir_all(sync.parent().unwrap()).unwrap();
    std::fs::write(sync, "").unwrap();
    git(&clone, &["add", "-A"]);
    git(&clone, &["commit", "-q", "-m", "flux bootstrap"]);
    git(&clone, &["push", "-q"]);
    let before = git(&bare, &["for-each-ref"]);
    let (code, _, err) = repository.run("", &[&TO[..], &to].concat());
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("error[MW8011]") && err.contains("intent/mesh.yaml:4"), "{err}");
    assert_eq!(git(&bare, &["for-each-ref"]), before);
}

/// Writes commits into a repository.
fn fast_import(at: &Path, stream: &str) {
    let mut command = std::process::Command::new("git");
    command.args(["fast-import", "--quiet"]).current_dir(at).stdin(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), stream.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// What the trailers of a branch say, oldest first.
fn sources(at: &Path, rev: &str) -> Vec<String> {
    let log =
        git(at, &["log", "--reverse", "--format=%(trailers:key=Source-Commit,valueonly,separator=)", rev]);
    log.lines().map(str::to_owned).collect()
}

#[test]
fn commits_that_come_together_are_published_one_by_one_and_pushed_at_once() {
    let repository = Repository::with_intent();
    let at = repository.path();
    let bare = repository.bare("out.git");
    let to = ["--push-to", "../out.git"];
    published(&repository, &to);
    let first = repository.git(&["rev-parse", "HEAD"]);
    let second = repository.commit("Two", &[("intent/c2.yaml", &cluster(2))]);
    repository.commit("A comment", &[("intent/c2.yaml", &format!("# why\n{}", cluster(2)))]);
    repository.commit("Elsewhere", &[("README.md", "of no meaning")]);
    repository.commit("Broken", &[("intent/c3.yaml", "kind: [")]);
    // The line is that of the branch, not what was merged into it.
    repository.git(&["switch", "-q", "-c", "topic"]);
    repository.commit("Still broken", &[("intent/c4.yaml", &cluster(4))]);
    repository.commit("Mended", &[("intent/c3.yaml", &cluster(3))]);
    repository.git(&["switch", "-q", "main"]);
    repository.git(&["merge", "-q", "--no-ff", "-m", "Three and four", "topic"]);
    let merged = repository.git(&["rev-parse", "HEAD"]);
    let last = repository.commit("Five", &[("intent/c5.yaml", &cluster(5))]);
    let (code, _, err) = repository.run("", &[&TO[..], &to].concat());
    assert_eq!(code, Some(0), "{err}");

    assert_eq!(sources(&bare, "rendered"), [first.as_str(), &second, &merged, &last]);
    for (published, intent) in [("rendered", &last), ("rendered~1", &merged), ("rendered~2", &second)] {
        assert_eq!(files(&bare, published), rendered(&repository, intent), "{published}");
    }
    let notes = git(&bare, &["notes", "--ref=meshwright/rendered", "list"]);
    assert_eq!(notes.lines().count(), 4, "{notes}");
    assert_eq!(git(&bare, &["fsck", "--strict", "--no-dangling"]), "");
    // Clusters were moved once: what is pushed is the newest.
    let changed = ["clusters/c2/", "clusters/c3/", "clusters/c5/"];
    let names = git(&bare, &["diff", "--name-only", "rendered~3", "rendered"]);
    assert!(changed.iter().all(|cluster| names.contains(cluster)), "{names}");
    let count = names.lines().count();
    let number = |word: &str| -> usize {
        let before = err.rsplit(word).nth(1).unwrap_or_default().trim_end();
        before.rsplit([' ', ',']).next().unwrap().parse().unwrap()
    };
    // The manifest is not counted.
    assert_eq!(number("files created") + number("updated") + number("removed"), count - 1, "{err}");
    assert_eq!(git(at, &["status", "--porcelain"]), "");
}

#[test]
fn publish_says_which_commits_it_passed_over_and_why() {
    let repository = Repository::with_intent();
    published(&repository, &[]);
    let broken = repository.commit("Broken", &[("intent/c2.yaml", "kind: [")]);
    let moved = cluster(1).replace("n1", "n7");
    let mended = [("intent/c1.yaml", moved.as_str()), ("intent/c2.yaml", &cluster(2))];
    let moved = repository.commit("Move \u{1b}[31mc1", &mended);
    let shrunken = [("intent/c1.yaml", cluster(1)), ("intent/c2.yaml", String::new())];
    repository.commit("Back", &shrunken.each_ref().map(|(path, text)| (*path, text.as_str())));
    repository.commit("Two", &[("intent/c2.yaml", &cluster(2))]);
    let said = |args: &[&str]| {
        let (code, out, err) = repository.run("", &[&TO[..3], args].concat());
        assert_eq!((code, out.as_str()), (Some(0), ""), "{err}");
        err.lines().filter(|line| line.starts_with("passed over")).map(str::to_owned).collect::<Vec<_>>()
    };
    let url = format!("file://{}", repository.path().display());
    let short = |id: &str| id[..10].to_owned();
    let (broken, moved) = (short(&broken), short(&moved));
    for (name, args, command) in [
        ("a", &[][..], format!("`meshwright check intent --rev {broken}`")),
        ("b", &["--repo", "."], format!("`meshwright check intent --repo . --rev {broken}`")),
        ("c", &["--repo", &url], format!("`meshwright check intent --rev {broken}` in a clone")),
    ] {
        repository.git(&["branch", name, "rendered"]);
        let lines = said(&[&[name][..], args].concat());
        assert_eq!(lines.len(), 2, "{lines:#?}");
        assert_eq!(lines[0], format!("passed over {broken} (Broken): 1 error, which {command} shows"));
        let change =
            format!("passed over {moved} (Move \u{241b}[31mc1): what is published may not become it: ");
        assert!(lines[1].starts_with(&change) && lines[1].contains("(MW"), "{}", lines[1]);
    }
    // The command that is named says so, too.
    let (code, _, err) = repository.run("", &["check", "intent", "--rev", &broken]);
    assert!(code == Some(1) && err.contains("intent/c2.yaml"), "{err}");
}

#[test]
fn many_small_steps_do_not_come_to_what_one_may_not_do() {
    let repository = Repository::with_intent();
    for n in 2..=10 {
        repository.write(&format!("intent/c{n}.yaml"), &cluster(n));
    }
    repository.commit("Ten clusters", &[]);
    published(&repository, &[]);
    for n in [10, 9, 8] {
        repository.git(&["rm", "-q", &format!("intent/c{n}.yaml")]);
        repository.commit("One less", &[]);
    }
    let said = refused(&repository, repository.path(), &[]);
    assert!(said.contains("3 of 10 clusters would disappear"), "{said}");
    published(&repository, &["--force"]);
    assert_eq!(git(repository.path(), &["rev-list", "--count", "rendered"]), "4");
}
