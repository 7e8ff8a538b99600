# Hostreeve: one door to everything. `make` alone prints these lines.
PY := .venv/bin/python
STATE ?= .state
PORT ?= 8443
SEED ?= 1
T ?= tests
# Compiled once, not at every start of the hundreds of processes that tests and benchmarks make.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install up check test bench docs format lint types floors golden simulate services wheels

help: ## print this help
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/installed ## build .venv from the lock file (needs nothing but Python 3.11)

.venv/installed: requirements.lock pyproject.toml tools/install.sh
	@sh tools/install.sh
	@touch $@

up: install ## serve a control plane on this machine, enrol this machine as its first node
	@$(PY) -m hostreeve up --state $(STATE) --port $(PORT)

check: install ## everything a commit must pass: format, lint, types, floors, tidy, quick tests
	@$(PY) -m ruff format --check -q . && $(PY) -m ruff check -q .
	@$(PY) -m mypy --no-error-summary
	@.venv/bin/lint-imports --config .importlinter > build/floors.txt 2>&1 || { cat build/floors.txt; exit 1; }
	@$(PY) -m pytest -n 2 --dist worksteal -m "not slow" $(T)

test: install services ## all tests: oracle, both databases, real processes
	@timeout -k 10 2400 $(PY) -m pytest -n 2 --dist worksteal -rs $(T)

services:
	@sh tools/services.sh

bench: install ## print the benchmarks with machine facts (B=name for one of them)
	@$(PY) -m tools.bench $(B)

docs: install ## regenerate docs/reference
	@$(PY) -m tools.docs

format: install ## format the code
	@$(PY) -m ruff format -q . && $(PY) -m ruff check -q --fix .

simulate: install ## the fleet under faults, from one seed (SEED=n)
	@$(PY) -m pytest -q tests/simulation --seed $(SEED)

wheels: install ## build the wheels of the server and of the agent
	@$(PY) -m hatchling build -t wheel && cd agent && ../$(PY) -m hatchling build -t wheel -d ../dist
