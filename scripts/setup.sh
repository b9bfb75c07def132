#!/bin/sh
# Sets up the development environment in .venv: Python packages by their locks, Node from a wheel, the CDK from npm.
# Usage: scripts/setup.sh          (`make` runs it when a lock has changed)
set -eu
cd "$(dirname "$0")/.."
venv=.venv
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    found=$("$python" -c 'import platform; print("Python " + platform.python_version())' 2>/dev/null || echo missing)
    echo "setup: Python 3.11 or later is needed; '$python' is $found." >&2
    echo "setup: install one and name it: PYTHON=/path/to/python3.12 make local" >&2
    exit 1
}

# Shows the package being fetched, on one line, where somebody is watching.
progress() {
    if [ -t 1 ]; then
        awk '/^Collecting /{printf "\r\033[K  %s", $2; fflush()} /rror/{print} END{printf "\r\033[K"}'
    else
        awk '/rror/'
    fi
}

echo "setup: Python packages into $venv (a minute or two, once)"
[ -x "$venv/bin/pip" ] || "$python" -m venv "$venv"  # again, if one was left half-made
status=$(mktemp)
trap 'rm -f "$status"' EXIT
{
    "$venv/bin/python" -m pip install --disable-pip-version-check --require-hashes -r requirements/dev.txt 2>&1 \
        || echo failed >"$status"
} | progress
if [ -s "$status" ]; then
    echo "setup: installing the Python packages failed; run this to see why:" >&2
    echo "  $venv/bin/python -m pip install --require-hashes -r requirements/dev.txt" >&2
    exit 1
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .

echo "setup: Node from its wheel, the CDK from npm"
node=$("$venv/bin/python" -c 'from scripts.node import bundled_node_directory as d; print(d())')
ln -sf "$node/node" "$venv/bin/node"
"$venv/bin/npm" ci --silent --no-audit --no-fund
cp scripts/launchers/* "$venv/bin/"

echo "setup: bytecode for python -O, as which cdk.json runs the app, and for which pip leaves none"
scratch=$(mktemp -d)
env -u PYTHONDONTWRITEBYTECODE CDK_OUTDIR="$scratch" "$venv/bin/python" -O app.py
rm -rf "$scratch"
chmod +x "$venv/bin/cdk" "$venv/bin/inference"
touch "$venv/.ready"
