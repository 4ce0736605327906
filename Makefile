# The commands of a developer's day. Each installs what it needs first, and again only when that has changed.
# A fresh machine has Python 3.11 or newer and make; the browser tests also use Chromium.

.DEFAULT_GOAL := help

# The first Python that is new enough and can make environments; name another with PYTHON=. That of the distribution
# comes first, since it is built for speed, which one that was compiled at hand often is not.
PYTHON ?= $(shell for name in /usr/bin/python3 python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
VENV := .venv
BIN := $(VENV)/bin
JAVASCRIPT := tests/clients/node
# The benchmarks have an environment of their own, and the peers that they install lie beside it.
BENCHMARKS := .bench
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INSTALL := $(PIP) install --require-hashes --requirement
# What building takes is locked with the rest, so that nothing is fetched here that has no hash.
INSTALL_OURSELVES := $(PIP) install --no-deps --no-build-isolation --editable .

DATA ?= .demo
PORT ?= 8080
UV ?= uv
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 pyproject.toml --group build \
	--no-emit-index-url --generate-hashes --no-header

.PHONY: help setup run test check bench lock chromium servers wrk

help:  ## Say what there is.
	@sed -nE 's/^([a-z]+):.*  ## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: $(VENV)/.test $(JAVASCRIPT)/node_modules/.package-lock.json chromium servers  ## Install everything that tests take.

run: $(VENV)/.run  ## Serve the demonstration; DATA= and PORT= say where.
	$(BIN)/appanage serve --demo --data $(DATA) --port $(PORT)

test: setup check  ## Run what CI runs.
	$(BIN)/pytest --numprocesses auto --dist loadfile

check: $(VENV)/.test  ## Check format, lint, types and floors.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(BENCHMARKS)/venv/.bench wrk  ## Run the benchmarks; BENCH= names sections, see docs/benchmarks.
	$(BENCHMARKS)/venv/bin/python bench/run.py

lock:  ## Resolve the dependencies anew with uv; UPGRADE=--upgrade takes the newest.
	$(COMPILE) $(UPGRADE) --output-file requirements/run.lock
	$(COMPILE) $(UPGRADE) --group test --constraint requirements/run.lock --output-file requirements/test.lock
	$(COMPILE) $(UPGRADE) --group bench --constraint requirements/run.lock --output-file requirements/bench.lock

chromium:
	@scripts/ensure_chromium.sh

servers:
	@scripts/ensure_servers.sh

wrk:
	@scripts/ensure_wrk.sh

$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11 or newer is needed; name one with PYTHON=." >&2; exit 1; fi
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/run.lock pyproject.toml | $(BIN)/python
	@echo "Installing what the program needs …"
	$(INSTALL) requirements/run.lock
	$(INSTALL_OURSELVES)
	@touch $@

$(VENV)/.test: requirements/test.lock requirements/run.lock pyproject.toml | $(BIN)/python
	@echo "Installing what the program and its tests need …"
	$(INSTALL) requirements/test.lock
	$(INSTALL_OURSELVES)
	@touch $(VENV)/.run $@

# node and npm are among the locked packages, so that no other ones are needed.
$(JAVASCRIPT)/node_modules/.package-lock.json: $(JAVASCRIPT)/package-lock.json | $(VENV)/.test
	@echo "Installing the JavaScript client for its tests …"
	cd $(JAVASCRIPT) && $(abspath $(BIN))/npm ci --ignore-scripts --loglevel error
	@touch $@

$(BENCHMARKS)/venv/.bench: requirements/bench.lock requirements/run.lock pyproject.toml
	@echo "Installing what the program and its benchmarks need …"
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11 or newer is needed; name one with PYTHON=." >&2; exit 1; fi
	$(PYTHON) -m venv $(BENCHMARKS)/venv
	$(BENCHMARKS)/venv/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes \
		--requirement requirements/bench.lock
	$(BENCHMARKS)/venv/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --no-build-isolation \
		--editable .
	@touch $@
