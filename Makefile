# Everything is installed into .venv; nothing outside this folder is written.

VENV   := .venv
STAMP  := $(VENV)/.installed
LOCK   := .ci/lock
PY     := $(VENV)/bin/python
JOBS   ?= 2
BOARD  ?= ulx3s-85f
TORUS  ?= 1x1
PYTEST := $(PY) -m pytest
PIP    := $(PY) -m pip install --quiet --disable-pip-version-check
LOCKED := $(PIP) --require-hashes --no-deps --force-reinstall
# Of built models and of the compiled golden model, which else lies in the user's cache.
export CLOSTORUS_CACHE ?= $(CURDIR)/build/verilator

# The first Python that is new enough; empty if there is none.
PYTHON := $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
    $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && \
    echo $$name && break; done)

.PHONY: help sim train-sim test test-slow prove fpga fpga-table docs lint clean tools \
    install-locked
.DEFAULT_GOAL := help

help:
	@echo "make sim        verify the routers, then run a trained ClosNet on the RTL torus"
	@echo "make train-sim  train a ClosNet from scratch on the RTL torus"
	@echo "make test       lint, types and tests (JOBS=$(JOBS) at a time)"
	@echo "make test-slow  the tests that take minutes"
	@echo "make prove      all formal proofs, with a table (sim/proofs)"
	@echo "make fpga       a bitstream for a board (BOARD=ulx3s-85f TORUS=1x1), docs/fpga.md"
	@echo "make fpga-table build what the table of docs/fpga.md has; goes on where it stopped"
	@echo "make docs       the documentation as a site, in build/site"
	@echo "make lint       ruff and pyright alone"
	@echo "make install-locked  install by the hashes of .ci/lock, docs/SECURITY.md"
	@echo "make clean      remove what was built; the virtual environment stays"

sim: $(STAMP)
	$(PYTEST) -q -m "router and not slow" tests/sim/testbenches
	$(PY) -m sw_driver.cli.demo

train-sim: $(STAMP)
	$(PY) -m sw_driver.cli.train_demo

test: lint
	$(PYTEST) -m "not slow" -n $(JOBS) --dist worksteal

test-slow: $(STAMP)
	$(PYTEST) -m slow -n $(JOBS) --dist worksteal || test $$? -eq 5  # 5: there is no such test.

prove: $(STAMP)
	$(PY) -m sim.proofs

fpga: $(STAMP)
	$(VENV)/bin/clostorus build --board $(BOARD) --torus $(TORUS)

fpga-table: $(STAMP)
	$(PY) -m sim.measure.board_table

# A dead link, a dead anchor or any other warning ends it, which `--quiet` would hide even from
# `--strict`. The variable silences a notice.
docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict -f docs/site/mkdocs.yml
	@echo "build/site/index.html is there; its search needs a server:"
	@echo "    $(PY) -m http.server --bind 127.0.0.1 --directory build/site"

lint: $(STAMP)
	$(VENV)/bin/ruff check
	$(VENV)/bin/pyright --warnings -p pyproject.toml

clean:
	rm -rf build out .pytest_cache .ruff_cache .hypothesis *.egg-info
	find clostorus hw golden sw_driver sim fpga tests docs -name __pycache__ -prune -exec rm -rf {} +

# The versions of the lock. PyTorch may be any build of its version, and what else that needs.
$(STAMP): pyproject.toml .ci/constraints.txt $(LOCK)/wheels.txt $(LOCK)/sources.txt | tools
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	sed -n 's/ *\\$$//; /^[^# ]/p' $(LOCK)/wheels.txt $(LOCK)/sources.txt > $(VENV)/versions.txt
	$(PIP) -c .ci/constraints.txt -c $(VENV)/versions.txt -e '.[dev]'
	@touch $@

# Everything anew, also what is there already, and only files whose hashes the lock has. TORCH=own
# leaves PyTorch as it is in .venv: a build of your own choice.
install-locked: | tools
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(LOCKED) --only-binary :all: -r $(LOCK)/wheels.txt
	$(LOCKED) --no-build-isolation -r $(LOCK)/sources.txt
	test "$(TORCH)" = own || \
	    $(LOCKED) --only-binary :all: -r $(LOCK)/torch.txt
	$(PIP) --no-deps --no-build-isolation -e .
	$(PY) -m pip check
	@touch $(STAMP)

# One line that says what to install, before anything is downloaded.
tools:
	@missing() { echo "$$1 is missing; install it, for instance: apt-get install $$2" >&2; exit 3; }; \
	test -n "$(PYTHON)" || missing "Python 3.11 or later" python3; \
	test -x $(PY) || $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    missing "Python's venv module" python3-venv; \
	for tool in g++ perl; do command -v $$tool >/dev/null || missing $$tool $$tool; done
