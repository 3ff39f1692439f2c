# The verbs of this project; `make` alone lists them. They run in .venv, which `make setup` fills from requirements.lock.

PYTHON ?= python3
VENV := .venv
COMPLETE := $(VENV)/.complete
PIP := $(VENV)/bin/python -m pip install -qq --no-input

.DEFAULT_GOAL := help
.PHONY: help setup stress test test-slow fuzz gate lint bench corpus docs
.ONESHELL:
.SHELLFLAGS := -euc

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(COMPLETE) ## create .venv with the locked dependencies and the project; does nothing when that is done

stress: $(COMPLETE) ## does the embedded chat server leak? ARGS="..." goes to `leak-harness run`; the status is the last line
	@trap : INT  # an interrupted harness reports what it has; its status is printed after that
	status=0
	$(VENV)/bin/leak-harness run $(ARGS) || status=$$?
	echo "exit status $$status"
	exit "$$status"

# More at once than there are cores: most of a test is waiting for a server.
test: $(COMPLETE) ## the test suite but for the slow tests; ARGS="..." goes to pytest
	@$(VENV)/bin/python -m pytest -n 4 --dist worksteal -m "not slow" $(ARGS)

test-slow: $(COMPLETE) ## the tests that take longer than ten seconds each
	@$(VENV)/bin/python -m pytest -n 4 --dist worksteal -m slow $(ARGS)

fuzz: $(COMPLETE) ## coverage-guided fuzzing of all that reads foreign bytes, SECONDS_EACH=600; needs CPython 3.11 to 3.13
	@$(PIP) atheris==3.0.0
	corpus=$$(mktemp -d)
	trap 'rm -rf "$$corpus"' EXIT
	for target in record series settings frames log page probe words; do
	    mkdir "$$corpus/$$target"
	    $(VENV)/bin/python tests/fuzz/fuzz.py $$target -max_total_time=$${SECONDS_EACH:-600} "$$corpus/$$target" tests/data/fuzz/$$target
	done

gate: $(COMPLETE) ## the project's own gate: the embedded server is flat; ARGS="--fault untracked-task" must fail it
	@$(VENV)/bin/leak-harness ci character-switch --agent-size 1MiB --limit 16KiB --max-cycles 40 --grace 5s --allow latency --allow cpu $(ARGS)

lint: $(COMPLETE) ## ruff, mypy --strict, and the direction of imports
	@$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo

bench: $(COMPLETE) ## the benchmarks
	@for script in operating_characteristics rules probe_cost heap_cost start_up structure; do
	    echo
	    $(VENV)/bin/python tests/benchmarks/$$script.py
	done

corpus: $(COMPLETE) ## real packages that leaked and the releases that mended them: what does a run say of each?
	@$(VENV)/bin/python tests/corpus/run.py $(ARGS)

docs: $(COMPLETE) ## the documentation as a site in site/; a link that leads nowhere fails it
	@$(VENV)/bin/python docs/make_reference.py --check
	$(VENV)/bin/mkdocs build --quiet --clean
	echo "site/index.html"

# Only .venv/.complete says that the set-up came to its end: a .venv without it is made anew.
$(COMPLETE): pyproject.toml requirements.lock
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
	    echo "make setup: '$(PYTHON)' is missing, or older than Python 3.11." >&2
	    echo "  Name a newer one: make PYTHON=python3.12 setup" >&2
	    exit 1
	}
	echo "make setup: installing the locked packages into $(VENV), about 500 MiB. It takes a minute or two."
	[ -e $(COMPLETE) ] || "$(PYTHON)" -m venv --clear $(VENV)
	rm -f $(COMPLETE)
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation -e .
	touch $(COMPLETE)
	echo "make setup: done. Try: make stress"
