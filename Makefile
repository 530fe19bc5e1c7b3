# Assumes git, make and Python >= 3.11 only. Everything else comes into .venv.
PYTHON ?= python3
# For pip install, such as --extra-index-url https://download.pytorch.org/whl/cpu for the smaller CPU build of torch.
PIP_ARGS ?=
# Files of tests that run at a time; each may start simulators, and a Showdown server of 1 GB.
TEST_PROCESSES ?= 2
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: install demo test lint format docs clean

install: $(INSTALLED)

# Stamped: runs again only when what is to be installed changes.
$(INSTALLED): pyproject.toml constraints.txt hatch_build.py src/pokenash/games/showdown/js/simulator-lock.json
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'pokenash needs Python 3.11 or newer; set PYTHON=/path/to/python3.11' >&2; exit 1; }
	@echo 'Installing into .venv; the first time this takes a few minutes, for torch is large.'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(INSTALLED)
	$(BIN)/pokenash psro --preset demo --output runs/demo

test: $(INSTALLED)
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	rm -rf docs/reference/generated
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(INSTALLED)
	rm -rf docs/reference/generated
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

clean:
	rm -rf build dist docs/_build docs/reference/generated .mypy_cache .pytest_cache .ruff_cache .hypothesis
