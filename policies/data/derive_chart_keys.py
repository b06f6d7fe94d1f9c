#!/usr/bin/env python3
"""Derives which value keys each Istio Helm chart knows, per minor release.

Usage: derive_chart_keys.py GIT_DIR TAG [TAG ...] > chart-keys.json

GIT_DIR is a clone of github.com/istio/istio (bare or not). Give the `.0` and the last patch tag of every
minor: a key that either of them knows counts for the minor. The output is the same for the same tags.

A key is known when it is in a chart's `values.yaml` (below its defaults wrapper in newer releases), in its
`values.schema.json`, in a `.Values.x.y` reference of a template, or in the typed values of the
IstioOperator (`values_types.proto`). A path that ends in `.*` is an open map: any key is accepted below it.
"""

import json
import re
import subprocess
import sys

import yaml

CHARTS = {
    "base": "base",
    "cni": "istio-cni",
    "gateway": "gateway",
    "istio-ingress": "gateways/istio-ingress",
    "istiod": "istio-control/istio-discovery",
    "istiod-remote": "istiod-remote",
    "ztunnel": "ztunnel",
}

# Charts that take the same values as IstioOperator `spec.values`, restricted to the top-level keys they know,
# less the groups that mean another chart there.
TYPED = {
    "base": {"pilot", "gateways", "cni", "istio_cni"},
    "cni": {"pilot", "gateways"},
    "istio-ingress": {"pilot", "cni", "istio_cni"},
    "istiod": {"gateways", "cni", "istio_cni"},
    "istiod-remote": {"gateways", "cni", "istio_cni"},
    "ztunnel": {"pilot", "gateways", "cni", "istio_cni"},
}

# A chart with a de-scoping template (1.24 and later) reads everything below this key at the root too.
DESCOPED = {"cni": "cni", "istiod": "pilot"}

# Values whose content is free: Kubernetes types, and maps keyed by the user.
OPEN_NAMES = {
    "affinity", "annotations", "autoscaleBehavior", "containerSecurityContext", "daemonSetLabels",
    "defaultResources", "deploymentLabels", "env", "injectedAnnotations", "labels", "lifecycle",
    "meshConfig", "meshNetworks", "nodeSelector", "podAnnotations", "podLabels", "readinessProbe",
    "resources", "seccompProfile", "securityContext", "selectorLabels", "serviceAccountAnnotations",
    "serviceAnnotations", "sidecarInjectorWebhookAnnotations", "startupProbe", "strategy", "templates",
    "updateStrategy", "gatewayClasses", "experimental", "defaultNodeSelector", "configOverride",
}

# Wrapper keys through which the charts separate defaults from user values. Users never set them.
WRAPPERS = ("_internal_defaults_do_not_set", "defaults")
INTERNAL = {*WRAPPERS, "_original"}

OPEN = "*"
VALUES_REF = re.compile(r"\.Values\)?((?:\.[A-Za-z_][A-Za-z0-9_]*)+)")
INGRESS_REF = re.compile(r"\$gateway((?:\.[A-Za-z_][A-Za-z0-9_]*)+)")
FIELD = re.compile(r"^\s*(repeated\s+)?(map\s*<[^>]+>|[\w.]+)\s+(\w+)\s*=\s*\d+\s*(\[[^\]]*\])?\s*;")


class Repo:
    def __init__(self, git_dir):
        self.git_dir = git_dir

    def run(self, *args):
        done = subprocess.run(["git", "-C", self.git_dir, *args], capture_output=True, check=False)
        return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None

    def files(self, tag, folder):
        listing = self.run("ls-tree", "-r", "--name-only", tag, "--", folder)
        return sorted(listing.split("\n")[:-1]) if listing else []

    def show(self, tag, path):
        return self.run("show", f"{tag}:{path}")


class Keys:
    """A set of paths. A path ending in `*` is an open map; `weak` ones are open unless a key below is known."""

    def __init__(self):
        self.paths = set()
        self.weak = set()

    def add_empty_map(self, path):
        if any(part in OPEN_NAMES for part in path):
            self.add(path)
        elif path:
            self.add(path, is_open=True)
            self.weak.add(path)

    def add(self, path, is_open=False):
        if not path or path[0] in INTERNAL:
            return
        for part in path:
            assert "." not in part, f"key with a dot outside an open map: {path}"
        opened = next((i for i, part in enumerate(path) if part in OPEN_NAMES), None)
        if opened is not None:
            self.paths.add((*path[: opened + 1], OPEN))
        else:
            self.paths.add((*path, OPEN) if is_open else tuple(path))

    def top(self):
        return {path[0] for path in self.paths}

    def below(self, prefix):
        return {path[len(prefix):] for path in self.paths if path[: len(prefix)] == prefix}

    def final(self):
        """Drops what an open map or a deeper key makes redundant."""
        inner = {path[:i] for path in self.paths for i in range(1, len(path)) if path[i] != OPEN}
        paths = {path for path in self.paths if not (path[-1] == OPEN and path[:-1] in self.weak & inner)}
        opens = {path[:-1] for path in paths if path[-1] == OPEN}
        kept = set()
        for path in paths:
            closed = path[:-1] if path[-1] == OPEN else path
            if any(closed[:i] in opens for i in range(1, len(closed))):
                continue
            if path[-1] != OPEN and path in opens:
                continue
            kept.add(path)
        inner = {path[:i] for path in kept for i in range(1, len(path))}
        return {".".join(path) for path in kept if path not in inner}


def from_values(keys, node, path=()):
    """Keys of a parsed values.yaml: an empty map is an open map; a list, scalar or null is a leaf."""
    if path and path[-1] in OPEN_NAMES:
        keys.add(path)
    elif isinstance(node, dict) and node:
        for name, child in node.items():
            from_values(keys, child, (*path, str(name)))
    else:
        (keys.add_empty_map if isinstance(node, dict) else keys.add)(path)


def from_schema(keys, node, path=()):
    """Keys of a JSON schema: an object without named properties is an open map."""
    kinds = node.get("type", "array" if "items" in node else "object")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    properties = node.get("properties")
    if properties:
        for name, child in properties.items():
            if path and path[-1] in OPEN_NAMES:
                continue
            from_schema(keys, child, (*path, name))
        if path and path[-1] in OPEN_NAMES:
            keys.add(path)
    elif isinstance(node.get("additionalProperties"), dict) and "properties" in node["additionalProperties"]:
        # A map of named entries of one shape: the names come from values.yaml, the shape from here.
        for name in {rest[0] for rest in keys.below(path) if rest}:
            from_schema(keys, node["additionalProperties"], (*path, name))
    else:
        keys.add(path, is_open="object" in kinds)


def from_templates(keys, text, pattern=VALUES_REF, prefix=()):
    for match in pattern.finditer(text):
        keys.add((*prefix, *match.group(1).strip(".").split(".")))


def proto_messages(text):
    """Fields of every message by its simple name: (name, type, repeated)."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    messages, stack = {}, []
    for line in text.split("\n"):
        line = line.split("//")[0]
        opened = re.match(r"^\s*(message|enum|oneof)\s+(\w+)\s*\{", line)
        if opened:
            stack.append(opened.group(2) if opened.group(1) == "message" else None)
            if stack[-1]:
                messages.setdefault(stack[-1], [])
            if "}" in line:
                stack.pop()
            continue
        field = FIELD.match(line)
        owner = next((name for name in reversed(stack) if name), None)
        if field and owner:
            repeated, kind, name, options = field.groups()
            renamed = re.search(r'json_name\s*=\s*"([^"]+)"', options or "")
            names = {renamed.group(1)} if renamed else {name} if owner == "Values" else {name, json_name(name)}
            messages[owner] += [(spelling, kind, bool(repeated)) for spelling in sorted(names)]
        elif line.strip() == "}" and stack:
            stack.pop()
    return messages


def json_name(name):
    """The JSON name of a field: proto's parsers accept it beside the declared name."""
    return re.sub(r"_([a-z0-9])", lambda found: found.group(1).upper(), name)


def from_proto(keys, messages, message="Values", path=()):
    for name, kind, repeated in messages.get(message, []):
        here = (*path, name)
        simple = kind.split(".")[-1]
        if repeated or simple == "IntOrString":
            keys.add(here)
        elif simple in messages and here.count(name) < 3:
            if messages[simple]:
                from_proto(keys, messages, simple, here)
            else:
                keys.add(here, is_open=True)
        else:
            free = kind.startswith("map") or simple in {"Struct", "Value", "Any", "TypeSliceOfMapStringInterface"}
            keys.add(here, is_open=free and name not in {"tag", "hub"})


def typed_values(repo, tag):
    for folder in ("operator/pkg/apis", "operator/pkg/apis/istio/v1alpha1"):
        text = repo.show(tag, f"{folder}/values_types.proto")
        if text:
            keys = Keys()
            from_proto(keys, proto_messages(text))
            return keys
    raise SystemExit(f"{tag}: no values_types.proto")


def chart_values(repo, tag, chart, typed):
    folder = f"manifests/charts/{CHARTS[chart]}"
    files = repo.files(tag, folder)
    if f"{folder}/values.yaml" not in files:
        return None
    keys = Keys()
    values = yaml.safe_load(repo.show(tag, f"{folder}/values.yaml")) or {}
    for wrapper in WRAPPERS:
        if isinstance(values.get(wrapper), dict):
            values = {**values.pop(wrapper), **values}
    from_values(keys, values)
    own_top = keys.top()
    if f"{folder}/values.schema.json" in files:
        schema = json.loads(repo.show(tag, f"{folder}/values.schema.json"))
        from_schema(keys, schema.get("$defs", {}).get("values", schema))
    for path in files:
        name = path.rsplit("/", 1)[1]
        if "/templates/" in path or ("/files/" in path and not name.startswith(("gen-", "profile-", "crd-"))):
            text = repo.show(tag, path) or ""
            from_templates(keys, text)
            if chart == "istio-ingress":
                from_templates(keys, text, INGRESS_REF, ("gateways", "istio-ingressgateway"))
    descoped = f"{folder}/templates/zzy_descope_legacy.yaml" in files
    if descoped:
        prefix = DESCOPED[chart]
        # The profile is applied before that template runs.
        copy_below(keys, keys.top() - {"global", "profile", "platform", "compatibilityVersion", prefix}, prefix)
    if chart == "ztunnel":
        # From 1.22 the chart flattens `global` into the root.
        profile = repo.show(tag, f"{folder}/templates/zzz_profile.yaml") or ""
        if re.search(r"\{\{-? if true \}\}", profile):
            copy_below(keys, own_top - {"global"}, "global")
    if chart in TYPED:
        extra = {"global"} | ({DESCOPED[chart]} if descoped else set())
        known = (keys.top() | extra) - (TYPED[chart] - extra)
        for path in typed.paths:
            if path[0] in known:
                keys.add(tuple(p for p in path if p != OPEN), is_open=path[-1] == OPEN)
    return keys


def copy_below(keys, tops, prefix):
    for path in sorted(keys.paths):
        if path[0] in tops:
            copied = (prefix, *(p for p in path if p != OPEN))
            keys.add(copied, is_open=path[-1] == OPEN)
            if path[:-1] in keys.weak:
                keys.weak.add(copied)


def minor_of(tag):
    match = re.match(r"^(\d+)\.(\d+)\.", tag)
    if not match:
        raise SystemExit(f"{tag}: not a release tag")
    return int(match.group(1)), int(match.group(2))


def ranges(minors, order):
    """First and last minor of every unbroken run, flat: [first, last, first, last ...]."""
    out = []
    for minor in sorted(minors):
        if out and order.index(minor) == order.index(out[-1]) + 1:
            out[-1] = minor
        else:
            out += [minor, minor]
    return [f"{major}.{minor}" for major, minor in out]


def main():
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    repo, tags = Repo(sys.argv[1]), sorted(sys.argv[2:], key=lambda t: (minor_of(t), t))
    order = sorted({minor_of(tag) for tag in tags})
    seen, commits = {}, {}
    for tag in tags:
        commit = repo.run("rev-parse", f"{tag}^{{commit}}")
        if not commit:
            raise SystemExit(f"{tag}: no such tag in {sys.argv[1]}")
        commits[tag] = commit.strip()
        typed = typed_values(repo, tag)
        found = {chart: chart_values(repo, tag, chart, typed) for chart in CHARTS}
        found["operator"] = typed
        for chart, keys in found.items():
            if keys is not None:
                for key in keys.final():
                    seen.setdefault(chart, {}).setdefault(key, set()).add(minor_of(tag))
    write(order, commits, seen)


def write(order, commits, seen):
    lines = ['{', ' "source": "github.com/istio/istio",', ' "tags": {']
    lines.append(",\n".join(f'  "{tag}": "{commits[tag]}"' for tag in commits))
    lines += [" },", ' "charts": {']
    blocks = []
    for chart in sorted(seen):
        present = set().union(*seen[chart].values())
        head = f'  "{chart}": {{"versions": {json.dumps(ranges(present, order))}, "keys": {{\n'
        body = ",\n".join(
            f"   {json.dumps(key)}: {json.dumps(ranges(minors, order))}" for key, minors in sorted(seen[chart].items())
        )
        blocks.append(f"{head}{body}\n  }}}}")
    lines += [",\n".join(blocks), " }", "}"]
    print("\n".join(lines))


main()
