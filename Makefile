# The verbs of this project; `make` alone lists them. They run in .venv, which `make setup` fills from requirements.lock.

PYTHON ?= python3
VENV := .venv
COMPLETE := $(VENV)/.complete
# What .venv and the downloads take; checked before anything is made.
ROOM_MIB := 800

.DEFAULT_GOAL := help
.PHONY: help setup stress test gate lint bench corpus docs
.ONESHELL:
.SHELLFLAGS := -euc

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(COMPLETE) ## create .venv with the pinned dependencies and the project; nothing when that is done

stress: $(COMPLETE) ## does the embedded chat server leak? ARGS="..." goes to `leak-harness run`; the status is the last line
	@trap : INT  # the harness reports what it has when it is interrupted; its status comes after that
	status=0
	$(VENV)/bin/leak-harness run $(ARGS) || status=$$?
	echo "exit status $$status"
	exit "$$status"

test: $(COMPLETE) ## the whole test suite; ARGS="..." goes to pytest
	@$(VENV)/bin/python -m pytest -n 2 --dist worksteal $(ARGS)

gate: $(COMPLETE) ## the project's own gate: the embedded server is flat; ARGS="--fault untracked-task" must fail it
	@$(VENV)/bin/leak-harness ci character-switch --agent-size 1MiB --limit 16KiB --max-cycles 40 --grace 5s --allow latency --allow cpu $(ARGS)

lint: $(COMPLETE) ## ruff, mypy --strict, and the direction of imports
	@$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo

bench: $(COMPLETE) ## the benchmarks
	@for one in operating_characteristics probe_cost heap_cost start_up; do echo; $(VENV)/bin/python tests/benchmarks/$$one.py; done

corpus: $(COMPLETE) ## real packages that leaked and the releases that mended them: what does a run say of each?
	@$(VENV)/bin/python tests/corpus/run.py $(ARGS)

docs: $(COMPLETE) ## the documentation as a site in site/; a link that leads nowhere fails it
	@$(VENV)/bin/python docs/make_reference.py --check
	$(VENV)/bin/mkdocs build --quiet --clean
	echo "site/index.html"

# A .venv without the mark is half-made and is made anew; one that has it is only brought up to date.
$(COMPLETE): pyproject.toml requirements.lock
	@refuse() { printf 'make setup: %s\n  %s\n' "$$1" "$$2" >&2; exit 1; }
	again="then again: make setup"
	free_mib() { df -Pk . | awk 'NR == 2 { print int($$4 / 1024) }'; }
	need_mib() {
	    [ "$$(free_mib)" -ge "$$1" ] ||
	        refuse "the disk is too full: $$(free_mib) MiB are free here, $$1 MiB are needed" "make room, $$again"
	}

	command -v "$(PYTHON)" >/dev/null ||
	    refuse "there is no '$(PYTHON)' on this machine" \
	        "install Python 3.11 or later (Debian: apt-get install python3 python3-venv), $$again"
	"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
	    refuse "$$("$(PYTHON)" --version 2>&1) is too old, 3.11 or later is needed" \
	        "name a newer one: make PYTHON=python3.12 setup"
	"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null ||
	    refuse "'$(PYTHON)' has no module venv or ensurepip" \
	        "install them (Debian: apt-get install $(notdir $(PYTHON))-venv), $$again"

	if [ ! -e $(COMPLETE) ]; then
	    rm -rf $(VENV)
	    need_mib $(ROOM_MIB)
	    "$(PYTHON)" -m venv $(VENV) || refuse "'$(PYTHON) -m venv' failed, as said above" "mend that, $$again"
	fi
	rm -f $(COMPLETE)
	echo "installing the pinned dependencies into $(VENV): about 500 MiB, a minute or so"
	mkdir -p $(VENV)/tmp  # downloads go to the disk that was checked
	install() { TMPDIR="$(CURDIR)/$(VENV)/tmp" $(VENV)/bin/python -m pip install -qq --no-input "$$@"; }
	{ install --require-hashes -r requirements.lock && install --no-deps --no-build-isolation -e .; } || {
	    need_mib 100
	    refuse "pip failed, as said above" "look at the network and the disk ($$(free_mib) MiB free), $$again"
	}
	rm -rf $(VENV)/tmp
	touch $(COMPLETE)
