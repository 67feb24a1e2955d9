# make run   sets everything up and starts the demonstration
# make test  sets everything up, lints and runs all tests
# make differential OURS=URL DACHS=URL   compares with a running DaCHS
# make evaluate CASE=icme|sir|earth_boundaries|mercury_boundaries|mercury_boundaries.active|pit_depths|mars_mounds|mars_pits   prints the tables of a science case's README
# make bench [PARTS=small,download] [BENCH=--quick]   measures, beside DaCHS where it is installed
# make soak [MINUTES=10] [CLIENTS=200]   a crowd of clients
# make fuzz  looks for queries and uploads that break something
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

OURS ?= http://127.0.0.1:8000/tap
DACHS ?= http://127.0.0.1:8080/tap
SECONDS ?= 600
PARTS ?=
BENCH ?=
MINUTES ?= 10
CLIENTS ?= 200
CASE ?= icme

.PHONY: run test lint differential evaluate bench soak fuzz clean

run: $(VENV)/.run
	@exec $(BIN)/epntap demo

# Two processes: many tests wait for servers to start and for clients to be slow.
test: $(VENV)/.test lint
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The corpus of queries on the same rows here and in DaCHS; see docs/differential.md.
differential: $(VENV)/.test
	$(BIN)/python -m tests.differential.run --ours $(OURS) --dachs $(DACHS) --report differences.md

# Tables of pipelines/<case>/README.md; ARGS="--real SERIES LABELS" scores a series besides.
evaluate: $(VENV)/.run
	$(BIN)/python -m pipelines.$(CASE).report $(ARGS)

# The table of docs/benchmarks.md, written by it; see docs/performance.md.
bench: $(VENV)/.test
	$(BIN)/python -m bench $(if $(PARTS),--parts $(PARTS)) $(BENCH)

soak: $(VENV)/.test
	$(BIN)/python -m bench.soak --minutes $(MINUTES) --clients $(CLIENTS)

# Random queries and uploads for ten minutes; see docs/fuzzing.md.
fuzz: $(VENV)/.test
	PYTHONPATH=tests $(BIN)/python -m fuzz.run --seconds $(SECONDS)

# One environment serves both; it is made again only when what it is made from has changed.
$(BIN)/python:
	$(PYTHON) -c "import sys; sys.exit('Python 3.11 or newer is needed: make PYTHON=python3.11' if sys.version_info < (3, 11) else 0)"
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing (about a minute) ..."
	$(PIP) install --constraint constraints.txt --editable ".[pipelines]"
	@touch $@

$(VENV)/.test: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing (about a minute) ..."
	$(PIP) install --constraint constraints.txt --editable ".[pipelines,dev]"
	@touch $@ $(VENV)/.run

clean:
	rm -rf $(VENV)
