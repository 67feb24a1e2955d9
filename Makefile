# make run   sets everything up and starts the demonstration
# make test  sets everything up, lints and runs all tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: run test lint clean

run: $(VENV)/.run
	@exec $(BIN)/epntap demo

test: $(VENV)/.test lint
	$(BIN)/python -m pytest

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

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
