# Everything from a bare checkout: `make quickstart`, `make test`. Python 3.11 or newer, two cores.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNS := runs/quickstart
ALBERT := $(BIN)/python -m albert_jax

.PHONY: help install quickstart test test-tutorial test-slow test-faults test-peers coverage fuzz audit lint format lock clean

help:  ## What there is to make
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

install: $(VENV)/installed  ## A virtual environment in .venv with everything in it

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	touch $@

quickstart: install  ## Pretrain a small ALBERT on real text, 8 minutes on two cores
	$(ALBERT) prepare --config=configs/quickstart.py --workdir=$(RUNS)/shallow
	$(ALBERT) pretrain --config=configs/quickstart.py:stage=shallow --workdir=$(RUNS)/shallow
	$(ALBERT) pretrain --config=configs/quickstart.py:stage=deep --workdir=$(RUNS)/deep --init=$(RUNS)/shallow
	$(ALBERT) fill-mask --model=$(RUNS)/deep \
	  "the congress of the united [MASK]" \
	  "the president of [MASK] united states" \
	  "i have the [MASK] to transmit to the senate" \
	  "it is the duty of the [MASK] to provide for the common defense"
	$(ALBERT) curves $(RUNS)/shallow $(RUNS)/deep

test: install lint  ## The tests that CI runs, under 15 minutes on two cores
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-tutorial: install  ## The tutorial notebook, on a part of its text, two minutes
	$(BIN)/python -m pytest -m slow tests/test_tutorial.py

test-slow: install  ## The tests that take minutes each
	$(BIN)/python -m pytest -m slow

test-faults: install  ## What a run does when it is killed, damaged, without room: all faults
	$(BIN)/python -m pytest tests/faults tests/test_divergence.py

test-peers:  ## The same outputs as transformers and torch, in an environment of their own
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --editable '.[test,peers]'
	.venv-peers/bin/python -m pytest -m peers

coverage: install  ## What the tests run through, and the list of errors, each with a test that causes it
	rm -rf build/coverage build/errors && mkdir -p build/coverage
	-ALBERT_JAX_ERRORS=build/errors $(BIN)/coverage run -m pytest -n 2 -m "not slow"
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage html --quiet
	$(BIN)/coverage report
	$(BIN)/python -m tests.error_list build/errors

fuzz: install  ## Coverage-guided fuzzing of all that reads input, a minute for each reader
	$(BIN)/python -m pip install --quiet --editable '.[fuzz]'
	$(BIN)/python -m experiments.fuzz

audit:  ## Known vulnerabilities of the versions in constraints.txt
	$(PYTHON) -m venv build/audit
	build/audit/bin/python -m pip install --quiet pip-audit
	build/audit/bin/pip-audit --strict --no-deps --disable-pip --requirement constraints.txt

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install  ## Put the code in the house's form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock:  ## Resolve the dependencies anew
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet --editable '.[test]'
	build/lock/bin/python -m pip freeze --exclude-editable > constraints.txt

clean:  ## Remove what was installed and run
	rm -rf $(VENV) .venv-peers build runs
