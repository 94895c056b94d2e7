#!/usr/bin/env bash
# Makes .venv: every package at the version and hash of requirements.lock, then this project, editable.
# The stamp in .venv says which lock was installed, so that a second call returns at once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python=${PYTHON:-python3}
venv=.venv
stamp=$venv/.installed

fingerprint() {
    { cat requirements.lock pyproject.toml; "$venv/bin/python" --version; } | sha256sum | cut -d ' ' -f 1
}

# The interpreter named in the command's first line is gone when the folder was moved or copied.
runs_from_here() {
    [ -x "$(sed -n '1s/^#!//p' "$venv/bin/clinic-orders" 2>/dev/null)" ]
}

if [ -f "$stamp" ] && runs_from_here && [ "$(cat "$stamp")" = "$(fingerprint)" ]; then
    exit 0
fi

"$python" - <<'PY' || exit 1
import sys

if sys.version_info < (3, 11):
    sys.exit(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}. Name another one: make install PYTHON=/path/to/python3.12")
PY

if ! runs_from_here || ! "$venv/bin/python" -c '' 2>/dev/null; then
    "$python" -c 'import ensurepip, venv' 2>/dev/null || scripts/system_packages.sh venv
    "$python" -m venv --clear "$venv"
fi
"$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$venv/bin/python" -m ensurepip >/dev/null

echo "Installing the packages of requirements.lock into $venv …"
pip=("$venv/bin/python" -m pip --disable-pip-version-check --quiet install --no-deps --timeout 60 --retries 5)
"${pip[@]}" --require-hashes -r requirements.lock
# The lock holds setuptools, so that building the project itself asks the network for nothing.
"${pip[@]}" --no-build-isolation --editable .
fingerprint >"$stamp"
