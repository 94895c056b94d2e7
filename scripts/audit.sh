#!/usr/bin/env bash
# Compares every version of requirements.lock with the public list of known holes (pip-audit, the advisory database of
# the Python Packaging Authority). Needs the network; nothing is installed into .venv. Exit status 1 if a hole is known,
# and also if a package could not be looked up: --strict, since pip-audit would pass over it and say that all is well.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"${PYTHON:-python3}" -m venv "$tools"
"$tools/bin/pip" --disable-pip-version-check --quiet install 'pip-audit>=2.9,<3'
# The lock has hashes and is whole: nothing has to be resolved or downloaded to know what is in it.
"$tools/bin/pip-audit" --requirement requirements.lock --strict --disable-pip --require-hashes --progress-spinner off "$@"
