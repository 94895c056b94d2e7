#!/usr/bin/env bash
# Writes a migration: what the models have and a database at the newest migration has not.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export CLINIC_ORDERS_INSTANCE=$folder CLINIC_ORDERS_DATABASE_URL=sqlite:///$folder/models.sqlite3
.venv/bin/flask --app clinic_orders.app db upgrade
number=$(printf "%04d" $(($(ls migrations/versions/*.py | wc -l) + 1)))
.venv/bin/flask --app clinic_orders.app db migrate --rev-id "$number" -m "$1"
