# One word for everything one does here. `make` alone lists the words.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
DATABASE ?= postgresql
BIN := .venv/bin
export PYTHON

.PHONY: help install run test test-all test-postgresql crashes check lint format text lock audit fuzz migrate screenshots bench clean

help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install:  ## Make .venv with the clinic-orders command and the developer tools
	@scripts/install.sh

run: install  ## Start the demonstration at http://127.0.0.1:8000 (HOST=… PORT=…)
	@HOST=$(HOST) PORT=$(PORT) scripts/run.sh

test: install  ## Run all tests, PostgreSQL and browser included (T=tests/rules for a part)
	@scripts/system_packages.sh test
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(T)

test-all: install  ## The same, every test that takes a database on SQLite and on PostgreSQL
	@scripts/system_packages.sh test
	@EVERY_EXAMPLE=1 $(BIN)/python -m pytest -n 2 --dist worksteal --databases all $(T)

test-postgresql: install  ## Every test that takes a database, on PostgreSQL alone
	@scripts/system_packages.sh test
	@$(BIN)/python -m pytest -n 2 --dist worksteal --databases postgresql $(T)

crashes: install  ## Kill server, schedulers and database under load, and prove that nothing is lost (MINUTES=5 SEED=1 DATABASE=postgresql)
	@scripts/system_packages.sh test
	@$(BIN)/python -m tests.crashes --database $(DATABASE) --minutes $(or $(MINUTES),5) --seed $(or $(SEED),1)

check: lint test  ## What must pass before anything lands

lint: install  ## Style, types, layers and templates
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/djlint templates --lint --quiet

format: install  ## Put code into the one form
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

text: install  ## Check that every text has its Chinese
	@$(BIN)/python -m pytest tests/structure/test_text.py

lock:  ## Write requirements.lock anew from pyproject.toml (UPGRADE=1 for the newest versions)
	@UPGRADE=$(UPGRADE) scripts/lock.sh

audit: install  ## Compare requirements.lock with the public list of holes (needs the network)
	@scripts/audit.sh

fuzz: install  ## Rubbish for forms, pages and files, so long on each database (MINUTES=15, SEED=… to repeat, T="-k postgresql")
	@scripts/system_packages.sh test
	@FUZZ_MINUTES=$(or $(MINUTES),15) FUZZ_SEED=$(SEED) nice $(BIN)/python -m pytest -p no:logging tests/fuzz/for_long.py -s $(T)

migrate: install  ## Write a migration from the models (m="what changes")
	@test -n "$(m)" || { echo 'Say what changes: make migrate m="add the batch to receipts"' >&2; exit 2; }
	@scripts/migration.sh "$(m)"

screenshots: install  ## Take the pictures for README and docs/guide with Chromium
	@scripts/system_packages.sh test
	@$(BIN)/python scripts/screenshots.py

bench: install  ## Measure the web side (ratios inside one run)
	@$(BIN)/clinic-orders bench web

clean:  ## Remove .venv and all caches (never instance/, where the data lies)
	@rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage htmlcov
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
