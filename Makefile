# Runs Dongliang and its tests. Python 3.11 or later and make are all that a machine needs beforehand.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
UV := $(BIN)/uv
# What agrees comes first: a fast wrong answer is worth nothing.
BENCHMARKS := bench/accuracy.py $(sort $(filter-out bench/accuracy.py bench/bars.py bench/rscript.py,$(wildcard bench/*.py)))
CATALOGUES := $(shell find src -name '*.po' 2>/dev/null)
# A step that asks for more of Python than is there finds it missing at once, and does not fetch one.
export UV_PYTHON_DOWNLOADS := never
# Every command starts Python anew: what it compiled once it finds again, whatever the machine is set to.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## List what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: .venv/core.stamp ## Build the invented season and serve it (ARGS="--no-serve --seed 7")
	$(BIN)/dongliang demo --home .demo $(ARGS)

.PHONY: serve
serve: .venv/core.stamp ## Serve the installation in dongliang-data/, or in $DONGLIANG_HOME (ARGS="--port 8100")
	$(BIN)/dongliang serve $(ARGS)

.PHONY: test test-sqlite test-postgres
test: .venv/all.stamp browser ## Run every test, on SQLite and again on PostgreSQL (ARGS="-k name")
	@$(MAKE) --no-print-directory --keep-going test-sqlite test-postgres
test-sqlite: .venv/all.stamp
	$(BIN)/pytest -n 2 --dist worksteal $(ARGS)
test-postgres: .venv/all.stamp
	$(BIN)/python tests/postgres.py -- $(BIN)/pytest -n 2 --dist worksteal --database-only $(ARGS) \
	  || test $$? = 5 -a -n "$(ARGS)"  # 5: what was asked for uses no database

.PHONY: handbook
handbook: .venv/all.stamp browser ## Take the pictures of docs/handbook anew
	HANDBOOK=1 $(BIN)/pytest -n0 tests/journeys/test_assessment.py

.PHONY: check
check: .venv/all.stamp ## Check format, lint, types, imports, templates, catalogues, migrations, lock file
	@$(MAKE) --no-print-directory --keep-going --jobs=2 --output-sync=target $(CHECKS)

.PHONY: fmt
fmt: .venv/all.stamp ## Format the code and mend what the linter can
	$(BIN)/ruff check --fix --exit-zero --quiet
	$(BIN)/ruff format
	$(BIN)/python tools/catalogues.py update

.PHONY: bench
bench: .venv/bench.stamp ## Run the benchmarks, about a quarter of an hour (ARGS="--full --large": much longer)
	@set -e; export BENCH_SUMMARY=$$(mktemp); trap 'rm -f "$$BENCH_SUMMARY"' EXIT; \
	  for benchmark in $(BENCHMARKS); do echo "== $$benchmark"; $(BIN)/python $$benchmark $(ARGS); done; \
	  echo '== all bars'; cat "$$BENCH_SUMMARY"

# Set-up. A stamp is older than what it was made from exactly when there is something to do.

.venv/bin/uv:
	@for python in python3.11 python3 python; do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    $$python -m venv .venv && exec $(BIN)/python -m pip install --quiet uv==0.13.9; exit 1; \
	  fi; \
	done; echo 'Dongliang needs Python 3.11 or later, and finds none: install python3.11.' >&2; exit 1

.venv/core.stamp: pyproject.toml uv.lock tools/catalogues.py $(CATALOGUES) | .venv/bin/uv
	$(UV) sync --frozen --inexact --group build
	$(BIN)/python tools/catalogues.py compile
	@touch $@

.venv/all.stamp: .venv/core.stamp
	$(UV) sync --frozen --inexact --all-extras --group build --group dev
	@touch $@

.venv/bench.stamp: .venv/all.stamp
	$(UV) sync --frozen --inexact --all-extras --all-groups
	@touch $@

.PHONY: browser
browser: .venv/all.stamp
	@$(BIN)/python tests/browser.py

# The parts of `make check`, each to be called alone as well.

CHECKS := check-format check-lint check-types check-imports check-templates check-catalogues check-migrations \
	check-settings check-lock
# Looks at the code, never at an installation's data.
DJANGO := DJANGO_SETTINGS_MODULE=dongliang.settings DONGLIANG_HOME=.venv/check-home

.PHONY: $(CHECKS)
check-format:
	$(BIN)/ruff format --check --output-format concise
check-lint:
	$(BIN)/ruff check --output-format concise
check-types:
	$(DJANGO) $(BIN)/mypy
check-imports:
	$(BIN)/lint-imports
check-templates:
	$(BIN)/djlint --quiet --lint src
check-catalogues:
	$(BIN)/python tools/catalogues.py check
check-migrations:
	$(DJANGO) $(BIN)/django-admin makemigrations --check --dry-run
check-settings:
	$(DJANGO) $(BIN)/django-admin check --fail-level WARNING
check-lock:
	$(UV) lock --check
