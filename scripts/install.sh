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

# When the folder was moved, the interpreter named in the first line of every command is gone.
runs() {
    [ -x "$(sed -n '1s/^#!//p' "$venv/bin/$1" 2>/dev/null)" ]
}

if [ -f "$stamp" ] && runs clinic-orders && [ "$(cat "$stamp")" = "$(fingerprint)" ]; then
    exit 0
fi

"$python" - <<'PY' || exit 1
import sys

if sys.version_info < (3, 11):
    sys.exit(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}. Name another one: make install PYTHON=/path/to/python3.12")
PY

if ! runs pip || ! "$venv/bin/python" -c '' 2>/dev/null; then
    "$python" -c 'import ensurepip, venv' 2>/dev/null || scripts/system_packages.sh venv
    "$python" -m venv --clear "$venv"
fi

echo "Installing the packages of requirements.lock into $venv …"
pip=("$venv/bin/python" -m pip --disable-pip-version-check --quiet install --no-deps --timeout 60 --retries 5)
"${pip[@]}" --require-hashes -r requirements.lock
# The lock holds setuptools, so that building the project itself asks the network for nothing.
"${pip[@]}" --no-build-isolation --editable .
fingerprint >"$stamp"
