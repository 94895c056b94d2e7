#!/usr/bin/env bash
# Starts the demonstration: migrates the database, fills it if it is empty, prints the log-ins, serves.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! scripts/system_packages.sh pdf; then
    echo "Going on without PDF: papers can be read on screen and printed from the browser." >&2
fi

.venv/bin/clinic-orders db upgrade
# The filling prints the log-ins and keeps them; a database that was filled before is left alone.
log_ins=${CLINIC_ORDERS_INSTANCE:-instance}/demo-logins.txt
filled_before=$([ -f "$log_ins" ] && echo yes || true)
.venv/bin/clinic-orders demo --size small --if-empty
[ -z "$filled_before" ] || cat "$log_ins"
exec .venv/bin/clinic-orders serve --host "${HOST:-127.0.0.1}" --port "${PORT:-8000}"
