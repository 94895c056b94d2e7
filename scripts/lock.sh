#!/usr/bin/env bash
# Writes requirements.lock: all versions with hashes, for every supported Python, naming no registry.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

uv=$(command -v uv || true)
if [ -z "$uv" ]; then
    tools=$(mktemp -d)
    trap 'rm -rf "$tools"' EXIT
    "${PYTHON:-python3}" -m venv "$tools"
    "$tools/bin/pip" --disable-pip-version-check --quiet install uv
    uv=$tools/bin/uv
fi
UV_PYTHON_DOWNLOADS=never "$uv" pip compile pyproject.toml --quiet --group dev --universal --generate-hashes \
    --no-annotate --custom-compile-command "make lock" ${UPGRADE:+--upgrade} -o requirements.lock
