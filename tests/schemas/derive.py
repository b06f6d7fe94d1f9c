#!/usr/bin/env python3
"""Derives the strict JSON schemas beside this script from CRD and OpenAPI files.

Usage: derive.py FILE...    CRD files (*.yaml) and Kubernetes OpenAPI v3 documents (*.json, as served below /openapi/v3)

Writes one <group>_<version>_<kind>.json per kind of KINDS, and SOURCES.json, which says from which file (by SHA-256)
each was made. The same files give the same bytes. Needs PyYAML. What is done to a schema:

- descriptions, defaults, formats, list types and CEL rules are left out: fields and their types are what is checked;
- every object that names its fields allows no others, unless it preserves unknown fields: the API server's strict
  validation (`kubectl --validate=strict`);
- integers or text where Kubernetes takes both; references are written out, parts that repeat are shared in `$defs`.
"""
import collections, hashlib, json, pathlib, sys

import yaml

HERE = pathlib.Path(__file__).resolve().parent

# Where each group's files come from; a file's SHA-256 tells its exact state.
PROJECTS = {
    "": "Kubernetes 1.36, OpenAPI v3 of its API server (`/openapi/v3/api/v1`)",
    "admissionregistration.k8s.io":
        "Kubernetes 1.36, OpenAPI v3 of its API server (`/openapi/v3/apis/admissionregistration.k8s.io/v1`)",
    "apps": "Kubernetes 1.36, OpenAPI v3 of its API server (`/openapi/v3/apis/apps/v1`)",
    "batch": "Kubernetes 1.36, OpenAPI v3 of its API server (`/openapi/v3/apis/batch/v1`)",
    "cert-manager.io": "cert-manager/cert-manager, August 2026, `deploy/crds`",
    "flowcontrol.apiserver.k8s.io":
        "Kubernetes 1.36, OpenAPI v3 of its API server (`/openapi/v3/apis/flowcontrol.apiserver.k8s.io/v1`)",
    "networking.k8s.io": "Kubernetes 1.36, OpenAPI v3 of its API server (`/openapi/v3/apis/networking.k8s.io/v1`)",
    "policy": "Kubernetes 1.36, OpenAPI v3 of its API server (`/openapi/v3/apis/policy/v1`)",
    "rbac.authorization.k8s.io":
        "Kubernetes 1.36, OpenAPI v3 of its API server (`/openapi/v3/apis/rbac.authorization.k8s.io/v1`)",
    "apiextensions.k8s.io": "Kubernetes 1.36, OpenAPI v3 of its API server (`/openapi/v3/apis/apiextensions.k8s.io/v1`)",
    "argoproj.io": "argoproj/argo-cd, August 2026, `manifests/crds`",
    "helm.toolkit.fluxcd.io": "fluxcd/helm-controller, August 2026, `config/crd/bases`",
    "kustomize.toolkit.fluxcd.io": "fluxcd/kustomize-controller, August 2026, `config/crd/bases`",
    "source.toolkit.fluxcd.io": "fluxcd/source-controller, August 2026, `config/crd/bases`",
    "metallb.io": "metallb/metallb, August 2026, `config/crd/bases`",
    "networking.istio.io": "istio/istio 1.30, `manifests/charts/base/files/crd-all.gen.yaml`",
    "sailoperator.io": "istio-ecosystem/sail-operator, August 2026, `chart/crds`",
}

# Exactly what is rendered, by the compiler or by the charts; a rendered kind that is missing here fails the tests.
KINDS = {
    ("", "v1"): ["ConfigMap", "Namespace", "Pod", "Service", "ServiceAccount"],
    ("admissionregistration.k8s.io", "v1"): ["ValidatingWebhookConfiguration"],
    ("apps", "v1"): ["Deployment"],
    ("batch", "v1"): ["Job"],
    ("cert-manager.io", "v1"): ["Certificate", "Issuer"],
    ("flowcontrol.apiserver.k8s.io", "v1"): ["FlowSchema"],
    ("networking.k8s.io", "v1"): ["NetworkPolicy"],
    ("policy", "v1"): ["PodDisruptionBudget"],
    ("rbac.authorization.k8s.io", "v1"): ["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"],
    ("apiextensions.k8s.io", "v1"): ["CustomResourceDefinition"],
    ("argoproj.io", "v1alpha1"): ["Application", "ApplicationSet"],
    ("helm.toolkit.fluxcd.io", "v2"): ["HelmRelease"],
    ("kustomize.toolkit.fluxcd.io", "v1"): ["Kustomization"],
    ("source.toolkit.fluxcd.io", "v1"): ["HelmRepository"],
    ("metallb.io", "v1beta1"): ["BGPAdvertisement", "IPAddressPool", "L2Advertisement"],
    ("networking.istio.io", "v1"): ["DestinationRule", "Gateway", "VirtualService"],
    ("networking.istio.io", "v1beta1"): ["DestinationRule", "Gateway", "VirtualService"],
    ("sailoperator.io", "v1"): ["Istio", "IstioCNI"],
}

# Of an object as it is rendered: whole, named, with nothing that a server writes.
METADATA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "namespace": {"type": "string", "minLength": 1},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "required": ["name"],
    "additionalProperties": False,
}

KEPT = {
    "type", "properties", "required", "items", "additionalProperties", "enum", "pattern", "minLength", "maxLength",
    "minimum", "maximum", "minItems", "maxItems", "minProperties", "maxProperties", "anyOf", "oneOf", "allOf", "not",
}


def strict(schema):
    """A structural schema as a closed JSON schema."""
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    out = {}
    for key, value in schema.items():
        if key not in KEPT:
            continue
        if key == "properties":
            out[key] = {name: strict(one) for name, one in value.items()}
        elif key in ("anyOf", "oneOf", "allOf"):
            out[key] = [strict(one) for one in value]
        elif key in ("items", "not") or key == "additionalProperties" and isinstance(value, dict):
            out[key] = strict(value)
        else:
            out[key] = value
    if schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("x-kubernetes-embedded-resource"):
        out.pop("additionalProperties", None)
    # The branches of anyOf and oneOf name fields without listing them all; only whole objects, with a type, are closed.
    elif out.get("properties") and out.get("type") == "object":
        out.setdefault("additionalProperties", False)
    if schema.get("nullable") and "type" in out:
        out["type"] = [out["type"], "null"]
    return out


def expand(schema, schemas, seen=()):
    """A schema of an OpenAPI document with every reference written out; what refers to itself is left open."""
    if isinstance(schema, list):
        return [expand(one, schemas, seen) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        if name.endswith(("IntOrString", "resource.Quantity")):
            return {"type": ["integer", "number", "string"]}
        return {} if name in seen else expand(schemas[name], schemas, seen + (name,))
    if len(schema.get("allOf", [])) == 1:
        return expand(schema["allOf"][0], schemas, seen)
    return {
        key: {name: expand(one, schemas, seen) for name, one in value.items()} if key == "properties"
        else expand(value, schemas, seen)
        for key, value in schema.items() if key != "default"
    }


def whole(key, schema):
    """The schema of an object as a file holds it: identity fixed, status never."""
    schema["properties"].pop("status", None)
    schema["properties"].update(
        apiVersion={"const": "/".join(part for part in key[:2] if part)}, kind={"const": key[2]}, metadata=METADATA)
    required = {*schema.get("required", []), "apiVersion", "kind", "metadata"} - {"status"}
    return {**schema, "required": sorted(required), "additionalProperties": False}


def crd_schemas(path):
    for document in yaml.load_all(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if not document or document.get("kind") != "CustomResourceDefinition":
            continue
        spec = document["spec"]
        for version in spec["versions"]:
            key = (spec["group"], version["name"], spec["names"]["kind"])
            if key[2] not in KINDS.get(key[:2], []):
                continue
            schema = strict(version["schema"]["openAPIV3Schema"])
            yield key, whole(key, schema)


def openapi_schemas(path):
    schemas = json.loads(path.read_text())["schemas"]
    for name, schema in schemas.items():
        for gvk in schema.get("x-kubernetes-group-version-kind", []):
            key = (gvk["group"], gvk["version"], gvk["kind"])
            if key[2] not in KINDS.get(key[:2], []):
                continue
            yield key, whole(key, strict(expand(schema, schemas, (name,))))


def share(schema):
    """Parts that occur more than once, and are not small, move to `$defs`."""
    count = collections.Counter()

    def text(value):
        return json.dumps(value, sort_keys=True, separators=(",", ":"))

    def look(value):
        if isinstance(value, dict):
            if "type" in value:
                count[text(value)] += 1
                if count[text(value)] > 1:
                    return
            for one in value.values():
                look(one)
        elif isinstance(value, list):
            for one in value:
                look(one)

    look(schema)
    names, definitions = {}, {}

    def write(value, top=False):
        if isinstance(value, list):
            return [write(one) for one in value]
        if not isinstance(value, dict):
            return value
        key = text(value) if "type" in value and not top else ""
        if count[key] > 1 and len(key) > 120:
            if key not in names:
                names[key] = f"d{len(names)}"
                definitions[names[key]] = {k: write(one) for k, one in value.items()}
            return {"$ref": "#/$defs/" + names[key]}
        return {k: write(one) for k, one in value.items()}

    out = write(schema, top=True)
    if definitions:
        out["$defs"] = definitions
    return out


def main(files):
    sources, missing = {}, {(*group, kind) for group, kinds in KINDS.items() for kind in kinds}
    for path in sorted(map(pathlib.Path, files), key=lambda path: path.name):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        read = openapi_schemas if path.suffix == ".json" else crd_schemas
        for key, schema in read(path):
            if key not in missing:
                sys.exit(f"{path}: {key} is there twice")
            missing.remove(key)
            name = "_".join(part for part in key if part) + ".json"
            schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **share(schema)}
            text = json.dumps(schema, sort_keys=True, separators=(",", ":")) + "\n"
            (HERE / name).write_text(text)
            sources[name] = {"file": path.name, "project": PROJECTS[key[0]], "sha256": digest}
    if missing:
        sys.exit(f"not found: {sorted(missing)}")
    (HERE / "SOURCES.json").write_text(json.dumps(sources, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:]) if len(sys.argv) > 1 else sys.exit(__doc__)
