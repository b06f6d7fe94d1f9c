#!/usr/bin/env python3
"""Measures the time from a commit of the intent to the published commit, beside what any publisher has to do.

    cargo build --release -p meshwright -p meshwright-tests --bin meshwright --example fleet
    tests/benches/publish.py [--clusters 500] [--networks 50] [--edits N] [--history N]

A fleet is generated and committed; `meshwright watch` publishes its branch `main` to a bare repository; then a cluster is
edited and committed again and again, and the clock runs until the bare repository's branch has moved. The floor is a `git
push` of a commit with one changed file of the rendered tree, by itself.
"""

import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
ENVIRONMENT = dict(
    os.environ,
    GIT_CONFIG_GLOBAL="/dev/null",
    GIT_CONFIG_NOSYSTEM="1",
    GIT_AUTHOR_NAME="bench",
    GIT_AUTHOR_EMAIL="bench@example.com",
    GIT_COMMITTER_NAME="bench",
    GIT_COMMITTER_EMAIL="bench@example.com",
)


def run(*command, at=None, given=None):
    result = subprocess.run([str(part) for part in command], cwd=at, env=ENVIRONMENT, input=given, capture_output=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{result.stderr.decode(errors='replace')}")
    return result.stdout.decode().strip()


def tip(bare):
    """The branch's commit; a file, so that asking costs nothing."""
    try:
        return (bare / "refs/heads/rendered").read_text().strip()
    except FileNotFoundError:
        return None


def until_moved(bare, old, limit=600):
    begin = time.perf_counter()
    while (now := tip(bare)) == old:
        if time.perf_counter() - begin > limit:
            sys.exit("the branch does not move")
        time.sleep(0.001)
    return now


def show(seconds):
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def old_commits(count):
    """So many commits of nothing, for `git fast-import`."""
    for n in range(count):
        text = f"old {n}"
        yield f"commit refs/heads/main\ncommitter b <b@example.com> {n} +0000\ndata {len(text)}\n{text}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clusters", type=int, default=500)
    parser.add_argument("--networks", type=int, default=50)
    parser.add_argument("--edits", type=int, default=10)
    parser.add_argument("--history", type=int, default=0, help="commits before the intent, read from a URL")
    arguments = parser.parse_args()
    release = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target")) / "release"
    with tempfile.TemporaryDirectory(prefix="meshwright-bench-") as scratch:
        scratch = pathlib.Path(scratch)
        work, bare = scratch / "work", scratch / "out.git"
        run("git", "init", "-q", "-b", "main", work)
        run("git", "init", "-q", "--bare", bare)
        if arguments.history:
            run("git", "fast-import", "--quiet", at=work, given="".join(old_commits(arguments.history)).encode())
            run("git", "reset", "-q", "--hard", "main", at=work)
        run(release / "examples" / "fleet", arguments.clusters, arguments.networks, work / "intent")
        run("git", "add", "-A", at=work)
        run("git", "commit", "-q", "-m", "fleet", at=work)
        edited = sorted(path for path in (work / "intent").rglob("*.yaml") if "replicas:" in path.read_text())
        if not edited:
            sys.exit("no file of the fleet can be edited")
        source = ["--repo", f"file://{work}", "--interval", "100ms"] if arguments.history else ["--rev", "main"]
        watch = [release / "meshwright", "watch", "intent", *source, "--branch", "rendered", "--push-to", bare]
        begin = time.perf_counter()
        watcher = subprocess.Popen(
            [str(part) for part in watch], cwd=work, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
        )
        try:
            old = until_moved(bare, None)
            first = time.perf_counter() - begin
            time.sleep(1)
            times = []
            for n in range(arguments.edits):
                path = edited[n % len(edited)]
                path.write_text(edit(path.read_text(), n))
                run("git", "commit", "-q", "-a", "-m", f"edit {n}", at=work)
                begin = time.perf_counter()
                old = until_moved(bare, old)
                times.append(time.perf_counter() - begin)
                time.sleep(0.5)
        finally:
            watcher.terminate()
            watcher.communicate()
        floors = [floor(scratch, bare, n) for n in range(arguments.edits)]
        what = f"{arguments.clusters} clusters"
        if arguments.history:
            what += f", {arguments.history} commits before"
        print("| What | Least | Median |\n| --- | --- | --- |")
        print(f"| start to first published commit, {what} | {show(first)} | |")
        print(f"| commit to published commit, one cluster edited, {what} | {show(min(times))} | {show(statistics.median(times))} |")
        print(f"| floor: `git push` of one changed file | {show(min(floors))} | {show(statistics.median(floors))} |")
        print(f"| commits published | {run('git', 'rev-list', '--count', 'rendered', at=bare)} | |")


def edit(text, n):
    """Another number of gateways for the first cluster of a file: it is in that cluster's objects only."""
    return re.sub(r"replicas: \d+", f"replicas: {n % 7 + 3}", text, count=1)


def floor(scratch, bare, n):
    """A commit with one changed file, made beforehand, and pushed."""
    clone = scratch / "clone"
    if not clone.exists():
        run("git", "clone", "-q", "-b", "rendered", bare, clone)
    (clone / "PLAN.md").write_text(f"{n}\n")
    run("git", "commit", "-q", "-a", "-m", "floor", at=clone)
    begin = time.perf_counter()
    run("git", "push", "-q", "origin", "HEAD:refs/heads/floor", at=clone)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
