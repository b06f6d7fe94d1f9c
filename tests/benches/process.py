#!/usr/bin/env python3
"""Measures the `meshwright` program on synthetic fleets, beside `cp -r` and `kubectl kustomize` on the same machine.

    cargo build --release -p meshwright -p meshwright-tests --bin meshwright --example fleet
    tests/benches/process.py [--repeat N] [--small]

Prints a Markdown table. Every figure is the least of N runs: other programs on the machine can only add to it. Programs
whose ratio is printed run in turns.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def run(*command):
    """Runs a command and returns its seconds and its peak memory in MiB."""
    start = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{said.decode(errors='replace')}")
    return seconds, usage.ru_maxrss / 1024


def least(repeat, *command, before=lambda: None):
    """The least seconds and memory of several runs; `before` is not measured."""
    runs = []
    for _ in range(repeat):
        before()
        runs.append(run(*command))
    return min(seconds for seconds, _ in runs), min(memory for _, memory in runs)


def show(seconds):
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def row(name, figure, target, met):
    print(f"| {name} | {figure} | {target} | {'yes' if met else '**no**'} |", flush=True)


class Bench:
    def __init__(self, arguments, scratch):
        self.repeat = arguments.repeat
        self.scratch = scratch
        release = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target")) / "release"
        self.program = release / "meshwright"
        self.generator = release / "examples" / "fleet"

    def fleet(self, clusters, networks):
        intent = self.scratch / f"intent-{clusters}"
        run(self.generator, clusters, networks, intent)
        return intent

    def cold(self, clusters, intent):
        """Renders where nothing is, and copies the result, in turns.

        Nothing is deleted before the end: for a minute ext4 passes over the inodes of deleted files one by one (Linux:
        fs/ext4/ialloc.c, `recently_deleted`), and whoever creates as many files next pays for them.
        """
        renders, copies = [], []
        for turn in range(self.repeat):
            out, copy = (self.scratch / f"{name}-{clusters}-{turn}" for name in ("out", "copy"))
            renders.append(run(self.program, "render", intent, "-o", out))
            copies.append(run("cp", "-r", out, copy)[0])
        return out, min(s for s, _ in renders), min(m for _, m in renders), min(copies)

    def check(self, intent):
        return least(self.repeat, self.program, "check", intent)

    def unchanged(self, intent, out):
        return least(self.repeat, self.program, "render", intent, "-o", out)[0]

    def edited(self, intent, out):
        """Adds a label to one cluster's namespace, renders, and takes it away again."""
        file = sorted((intent / "clusters").iterdir())[-1]
        plain = file.read_text()
        labelled = plain + "  namespaces:\n    - {name: shop, injection: enabled, labels: {team: other}}\n"
        texts = [plain, labelled]

        def edit():
            texts.reverse()
            file.write_text(texts[0])

        seconds, _ = least(self.repeat, self.program, "render", intent, "-o", out, before=edit)
        file.write_text(plain)
        run(self.program, "render", intent, "-o", out)
        return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=7, help="runs of which the least counts")
    parser.add_argument("--small", action="store_true", help="a tenth of every fleet, to try the script")
    arguments = parser.parse_args()
    tenth = 10 if arguments.small else 1
    with tempfile.TemporaryDirectory(prefix="meshwright-bench-") as directory:
        bench = Bench(arguments, pathlib.Path(directory))
        print("| What | Figure | Target | Met |\n| --- | --- | --- | --- |")

        clusters = 500 // tenth
        intent = bench.fleet(clusters, 50 // tenth)
        seconds, memory = bench.check(intent)
        row(f"`check` of {clusters} clusters: compile to bytes in memory", show(seconds), "1 s", seconds < 1)
        out, cold, memory, copy = bench.cold(clusters, intent)
        files = sum(len(names) for _, _, names in os.walk(out))
        name = f"cold `render` of {clusters} clusters ({files} files) against `cp -r`"
        row(name, f"{show(cold)} / {show(copy)} = {cold / copy:.2f}", "1.5", cold / copy <= 1.5)
        row(f"peak memory of that `render`", f"{memory:.0f} MiB", "256 MiB", memory < 256)
        seconds = bench.unchanged(intent, out)
        row(f"`render` of {clusters} clusters, nothing changed", show(seconds), "100 ms", seconds < 0.1)
        seconds = bench.edited(intent, out)
        # A process that begins knows nothing: the target is that of a compiler that lives on, in benches/compile.rs.
        print(f"| `render` of {clusters} clusters, one cluster edited, whole process | {show(seconds)} | | |")
        small_check, _ = bench.check(intent)

        large = 5_000 // tenth
        large_intent = bench.fleet(large, 500 // tenth)
        bench.repeat = max(2, arguments.repeat // 2)
        seconds, _ = bench.check(large_intent)
        ratio = seconds / small_check
        row(f"`check` of {large} clusters against {clusters}", f"{show(seconds)} / {show(small_check)} = {ratio:.1f}",
            "12", ratio <= 12)
        _, seconds, memory, large_copy = bench.cold(large, large_intent)
        ratio = seconds / large_copy
        row(f"cold `render` of {large} clusters against `cp -r`", f"{show(seconds)} / {show(large_copy)} = {ratio:.2f}",
            "1.5", ratio <= 1.5)
        print(f"| cold `render` of {large} clusters against {clusters} | {seconds / cold:.1f} | | |")
        print(f"| the same of `cp -r`: what the file system makes of ten times the files | {large_copy / copy:.1f} | | |")
        print(f"| peak memory of that `render` | {memory:.0f} MiB | | |")

        bench.repeat = arguments.repeat
        seconds, _ = bench.check(REPOSITORY / "example-repo")
        row("`check` of `example-repo`", show(seconds), "50 ms", seconds < 0.05)
        if shutil.which("kubectl"):
            root = out / "clusters" / "cluster-00001" / "mesh"
            peer, _ = least(bench.repeat, "kubectl", "kustomize", root)
            per_cluster = cold / clusters
            figure = f"{show(per_cluster)} / {show(peer)} = {per_cluster / peer:.4f}"
            print(f"| cold `render` per cluster against `kubectl kustomize` of one rendered root | {figure} | | |")


if __name__ == "__main__":
    main()
