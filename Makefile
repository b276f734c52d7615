# make demo and make test work on a bare machine with Python 3.11 and make; both make .venv first.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: demo test lint bench tutorials docs clean

demo: $(STAMP)
	$(BIN)/polyome demo --out demo

# Two processes of one thread each take half the time of one with two.
test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --cov --cov-report=term

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports

# One row: make bench ONLY=pbmc3k_split; without ONLY all rows. Results are cached by code and settings.
bench: $(STAMP)
	$(BIN)/python -m benchmarks $(ONLY)

# Runs every tutorial whose text or package changed since, and keeps what it prints and draws.
tutorials: $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	$(BIN)/python docs/execute.py

# Warnings are errors. Open docs/_build/html/index.html.
docs: tutorials
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

# torch first and by itself: its CPU build is chosen where one is at hand.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test,all]'
	touch $@

clean:
	rm -rf .venv demo docs/_build docs/_generated
