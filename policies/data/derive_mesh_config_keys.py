#!/usr/bin/env python3
"""Derives which fields Istio's mesh configuration has, per minor release.

Usage: derive_mesh_config_keys.py GIT_DIR MINOR=REVISION [MINOR=REVISION ...] > mesh-config-keys.json

GIT_DIR is a clone of github.com/istio/api (bare or not). A field that any revision of a minor has counts for
it. The output is the same for the same revisions.

Fields are named as protobuf JSON writes them (`accessLogFile`); that it also reads the names of the proto
file (`access_log_file`) is for the reader of the table. A path that ends in `.*` is a map or a value of any
shape; a list is one value.
"""

import json
import re
import subprocess
import sys

ROOT = "MeshConfig"
FILES = [
    "mesh/v1alpha1/config.proto",
    "mesh/v1alpha1/proxy.proto",
    "mesh/v1alpha1/network.proto",
    "networking/v1alpha3/destination_rule.proto",
    "networking/v1alpha3/virtual_service.proto",
    "networking/v1alpha3/workload_group.proto",
    "networking/v1beta1/proxy_config.proto",
]
# Of any shape, or with a JSON form of their own that is no map.
FREE = {"google.protobuf.Struct", "google.protobuf.Any", "google.protobuf.Value"}
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[A-Za-z_][\w.]*|\d+|[{}\[\]<>=;,()\-.]')
COMMENT = re.compile(r'//[^\n]*|/\*.*?\*/', re.S)
JSON_NAME = re.compile(r'json_name\s*=\s*"([^"]+)"')


def git(repo, *args):
    return subprocess.run(["git", "--git-dir", repo, *args], capture_output=True, text=True, check=True).stdout


def camel(name):
    """protobuf's lowerCamelCase of a field's name."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


class Message:
    def __init__(self, name):
        self.name = name
        self.fields = {}


def parse(text, messages):
    """Adds every message of a proto file by its name without the package: `ProxyConfig.Nested`."""
    tokens = TOKEN.findall(COMMENT.sub("", text))
    package = ""
    scope = []
    i = 0
    while i < len(tokens):
        token = tokens[i]
        if token == "package":
            package = tokens[i + 1]
            i += 2
        elif token in ("message", "enum", "oneof") and tokens[i + 2:i + 3] == ["{"]:
            kind, name = token, tokens[i + 1]
            scope.append((kind, name))
            if kind == "message":
                full = ".".join([package, *(n for k, n in scope if k == "message")])
                messages[full] = Message(full)
            i += 3
        elif token == "{":
            scope.append(("block", ""))
            i += 1
        elif token == "}":
            scope.pop()
            i += 1
        elif scope and scope[-1][0] in ("message", "oneof"):
            end = i
            depth = 0
            while tokens[end] != ";" or depth:
                depth += (tokens[end] in "{[(") - (tokens[end] in "}])")
                end += 1
            statement = tokens[i:end]
            i = end + 1
            if statement and statement[0] not in ("reserved", "option", "extensions"):
                owner = messages[".".join([package, *(n for k, n in scope if k == "message")])]
                add(owner, statement)
        else:
            i += 1


def add(owner, statement):
    repeated = statement[0] == "repeated"
    if statement[0] in ("repeated", "optional", "required"):
        statement = statement[1:]
    options = JSON_NAME.search(" ".join(statement))
    if statement[0] == "map":
        close = statement.index(">")
        kind, name = "map", statement[close + 1]
    else:
        kind, name = statement[0], statement[1]
    owner.fields[options.group(1) if options else camel(name)] = "list" if repeated else kind


def find(messages, owner, kind):
    """The message that a type names inside `owner`, as protobuf resolves it."""
    scope = owner.split(".")
    while scope:
        full = ".".join([*scope, kind])
        if full in messages:
            return full
        scope.pop()
    return kind if kind in messages else None


def walk(messages, message, path, seen, out):
    for name, kind in messages[message].fields.items():
        here = f"{path}{name}"
        out.add(here)
        if kind == "map" or kind in FREE:
            out.add(f"{here}.*")
            continue
        inner = find(messages, message, kind)
        if inner and inner in seen:
            out.add(f"{here}.*")
        elif inner:
            walk(messages, inner, f"{here}.", seen | {inner}, out)


def runs(minors, known):
    """First and last of every unbroken run."""
    flat = []
    for minor in minors:
        if minor in known:
            if flat and flat[-1] == minors[minors.index(minor) - 1]:
                flat[-1] = minor
            else:
                flat += [minor, minor]
    return flat


def main():
    repo, *revisions = sys.argv[1:]
    known, commits, minors = {}, {}, []
    for argument in revisions:
        minor, revision = argument.split("=")
        commits[argument] = git(repo, "rev-parse", f"{revision}^{{commit}}").strip()
        minors += [minor] if minor not in minors else []
        messages = {}
        for file in FILES:
            listed = git(repo, "ls-tree", "--name-only", revision, file)
            if listed:
                parse(git(repo, "show", f"{revision}:{file}"), messages)
        fields = set()
        root = f"istio.mesh.v1alpha1.{ROOT}"
        walk(messages, root, "", {root}, fields)
        for field in fields:
            known.setdefault(field, set()).add(minor)
    keys = {path: runs(minors, known[path]) for path in sorted(known)}
    chart = {"versions": runs(minors, set(minors)), "keys": keys}
    document = {"source": "github.com/istio/api", "revisions": commits, "charts": {"meshConfig": chart}}
    json.dump(document, sys.stdout, indent=1, ensure_ascii=True)
    print()


if __name__ == "__main__":
    main()
