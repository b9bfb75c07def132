#!/bin/sh
# Locks the environments with hashes and without addresses: the same packages everywhere, from whichever index is set.
# Usage: scripts/lock.sh           (needs uv; `pip install uv`)
set -eu
cd "$(dirname "$0")/.."
lock() {
    output=$1
    shift
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
        --no-emit-index-url "$@" -o "requirements/$output.txt"
}
lock dev pyproject.toml --group dev --extra local --extra eks --extra client
lock images pyproject.toml --group images --group dev --extra local
lock bench pyproject.toml --group bench --group dev --extra local
lock checkov --group checkov
.venv/bin/npm install --package-lock-only --ignore-scripts --silent
