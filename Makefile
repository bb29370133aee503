# Two commands do everything: `make run` and `make test`. `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes
HOST ?= 127.0.0.1
PORT ?= 8000
WORKERS ?= 3
unexport WORKERS # of the tests: the application would take it for its own
PYTEST ?= $(BIN)/python -m pytest
SUITE = $(PYTEST) -n $(WORKERS) --dist worksteal -q
MEASURE := --cov=app --cov-report=
MEASURE_TOO := --cov=app --cov-append --cov-report=term:skip-covered --cov-fail-under=95

.PHONY: help run test test-postgresql check format migration openapi client console fuzz lock bench bench-profile bench-growth bench-growth-calls audit-scale kill-9 kill-workers saturate flood attack faults soak torture replay administrators clean

help: ## Show this list.
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

run: $(VENV)/.runtime ## Start the product with demo data on http://127.0.0.1:8000.
	@$(BIN)/python -m app migrate
	@$(BIN)/python -m app seed
	@echo "Attest is at http://$(HOST):$(PORT)/ (API documentation: /docs). Ctrl+C stops it."
	@exec $(BIN)/python -m app serve --host $(HOST) --port $(PORT)

test: $(VENV)/.development ## Run the whole suite on the embedded default, SQLite.
	@$(SUITE) -m "not postgresql" $(if $(COVERAGE),$(MEASURE))

test-postgresql: $(VENV)/.development ## Run on PostgreSQL whatever uses a database; COVERAGE=1 measures, after make test.
	@$(SUITE) -m postgresql $(if $(COVERAGE),$(MEASURE_TOO))

check: $(VENV)/.development ## Lint, format, types, security, dependencies, imports, migrations, the API contract.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/bandit --quiet --configfile bandit.yaml --recursive app scripts seeds alembic
	@$(BIN)/python -m scripts.audit_dependencies
	@$(BIN)/python -m scripts.check_migrations
	@$(BIN)/python -m scripts.contract check

format: $(VENV)/.development ## Format the code and apply safe lint fixes.
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

migration: $(VENV)/.development ## Make a migration for what changed in the models: make migration m="add suppliers".
	@$(BIN)/python -m app migrate
	@$(BIN)/alembic revision --autogenerate -m "$(m)"
	@$(MAKE) --no-print-directory openapi

openapi: $(VENV)/.development ## Renew docs/openapi.json, the collection, and (with Node.js) the types of the client.
	@$(BIN)/python -m scripts.contract write
	@if command -v npm >/dev/null; then $(BIN)/python -m scripts.typescript generate; fi

client: $(VENV)/.development ## Lint the document; compile clients of three generators; test them against a real server.
	@$(BIN)/python -m scripts.typescript check

console: ## Install, check, test and build the console into app/static/console (needs Node.js).
	@cd clients/console && npm ci --silent && npm run --silent check

fuzz: $(VENV)/.development ## Fuzz a real server with Schemathesis, over the whole API, for ten minutes.
	@$(BIN)/python -m scripts.fuzz --max-time 600 -n 100

bench: $(VENV)/.development ## Compare with bare FastAPI, Fastify, Litestar and Django: make bench, or SHORT=1, or PART=all.
	@$(BIN)/python -m scripts.bench $(PART) $(if $(SHORT),--short)

bench-profile: $(VENV)/.development ## Print where the CPU of a request goes.
	@$(BIN)/python -m scripts.bench.profile

bench-growth: $(VENV)/.development ## Time every list of tasks and products while their tables grow to a million rows.
	@$(BIN)/python -m scripts.bench.growth

bench-growth-calls: $(VENV)/.development ## Time a get, a list and a create while a table grows to ten million rows.
	@$(BIN)/python -m scripts.bench.growth_calls

audit-scale: $(VENV)/.development ## Ask an auditor's questions of 10 million changes and 30 million requests; or CHANGES=100000.
	@$(BIN)/python -m scripts.bench.audit_scale $(if $(CHANGES),--changes $(CHANGES))

replay: $(VENV)/.development ## 10,000 random operations on each database, then rebuild every table from the change log.
	@$(BIN)/python -m scripts.replay

administrators: $(VENV)/.development ## 1,000 runs of up to 50 steps of administrators with partial permissions; or RUNS=100.
	@ADMINISTRATORS=$(or $(RUNS),1000) $(PYTEST) -n $(WORKERS) --dist worksteal -q -rP tests/modules/rbac/test_administrators.py

kill-9: $(VENV)/.development ## Kill the API, the sealer and PostgreSQL under load, 50 times, and account for every write.
	@$(BIN)/python -m scripts.kill_9

kill-workers: $(VENV)/.development ## 1,000 jobs, 90 ticks; workers and schedulers are killed 30 times on each database; or MODE=rabbitmq.
	@ASKED=$(or $(ASKED),1000) TICKS=90 KILLS=$(or $(KILLS),30) MODE=$(or $(MODE),table) $(PYTEST) -n $(WORKERS) -q -rP tests/system/test_kill_workers.py tests/system/test_kill_schedulers.py

saturate: $(VENV)/.development ## 256 parallel connections against a pool of 5, for 20 s.
	@$(BIN)/python -m scripts.saturate --connections 256 --seconds 20

flood: $(VENV)/.development ## 200 parallel wrong sign-ins for 20 s, and what another endpoint feels of it.
	@$(BIN)/python -m scripts.flood --clients 200 --seconds 20

attack: $(VENV)/.development ## Attack a server, on granian and on uvicorn, and print what each attack costs.
	@$(BIN)/python -m scripts.attack --servers granian uvicorn
	@$(BIN)/python -m scripts.attack.refused_bodies
	@$(BIN)/python -m scripts.attack.imports

faults: $(VENV)/.development ## Break PostgreSQL, the network and the server under load, and account for every write.
	@$(BIN)/python -m scripts.faults

torture: $(VENV)/.development ## Write for ten minutes while sealers are killed, and check the order of every entry.
	@SEALING_SECONDS=600 $(BIN)/python -m pytest -q tests/system/test_sealing.py

soak: $(VENV)/.development ## Send 200,000 mixed requests to one process and print its memory.
	@$(BIN)/python -m scripts.soak

lock: ## Renew every requirements*.txt from its requirements*.in.
	@$(PYTHON) -m venv var/lock && var/lock/bin/python -m pip install --quiet uv
	@for file in requirements requirements-dev clients/generators/requirements; do \
	  var/lock/bin/uv pip compile $$file.in -o $$file.txt --upgrade --quiet --universal --python-version 3.11 \
	    --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
	    --no-emit-package ecdsa --no-emit-package rsa --no-emit-package pyasn1 --no-emit-package passlib \
	    --no-emit-package six --no-emit-package pip; done

clean: ## Remove what was installed and made, the embedded database too.
	@rm -rf clients/*/node_modules clients/*/build clients/typescript/dist
	@rm -rf clients/generators/generated clients/generators/python_modules
	@rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.*

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Attest needs Python 3.11 or newer")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.txt | $(VENV)/bin/python
	@echo "Installing the locked requirements …"
	@$(INSTALL) -r requirements.txt
	@touch $@

$(VENV)/.development: requirements-dev.txt $(VENV)/.runtime
	@echo "Installing the development tools …"
	@$(INSTALL) -r requirements-dev.txt
	@touch $@
