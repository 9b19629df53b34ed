# Everything works from a bare Python 3.11 and make. `make help` lists the targets.
PYTHON ?= python3
BIN    := .venv/bin
PIP    := $(BIN)/pip --disable-pip-version-check --quiet

.PHONY: fuzz help setup setup-run demo test lint check bench ci lock clean

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("mdms needs Python 3.11 or newer; say which with make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv

.venv/run.stamp: $(BIN)/python requirements/run.txt pyproject.toml
	$(PIP) install --require-hashes -r requirements/run.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev.stamp: .venv/run.stamp requirements/dev.txt
	$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

setup: .venv/dev.stamp        ## create .venv with everything a developer needs
setup-run: .venv/run.stamp    ## create .venv with what the service needs

demo: setup-run  ## five weeks of a small city, from radio frames to the bill (two or three minutes)
	$(BIN)/mdms demo $(DEMO)

test: setup      ## all tests that need no server of yours
	$(BIN)/python -m pytest -q -n auto

lint: setup      ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint      ## lint and the fast tests: before every commit
	$(BIN)/python -m pytest -q -n auto -m "not db and not broker and not slow"

bench: setup     ## measure against the named limits; ONLY=ingest,vee,billing,files,command,accuracy,faults chooses, DATA=DIR has series
	$(BIN)/python -m tests.bench $(if $(ONLY),--only $(ONLY)) $(if $(DATA),--data $(DATA)) $(if $(TIMESCALE),--timescale "$(TIMESCALE)")

fuzz: setup      ## hostile messages to ingest, guided by coverage, for SECONDS (600); Linux only
	$(PIP) install --require-hashes -r requirements/fuzz.txt
	mkdir -p build/fuzz
	$(BIN)/python -m tests.fuzz build/fuzz -max_total_time=$(or $(SECONDS),600)

ci: lint         ## what continuous integration runs
	HYPOTHESIS_PROFILE=ci $(MAKE) test

lock:            ## re-resolve requirements/ (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header -q pyproject.toml --group build -o requirements/run.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header -q pyproject.toml --group build --group dev -c requirements/run.txt -o requirements/dev.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header -q --group fuzz -o requirements/fuzz.txt

clean:           ## remove what the other targets made
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
