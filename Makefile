# `make small` runs the main job, `make test` runs the tests; each sets up .venv first, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONSTRAINTS ?= constraints.txt
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS)

.PHONY: small test lint coverage benchmark backends ray hub package docs clean help

small: $(VENV)/.run  ## run suites/small.yaml: table in the terminal, report in results/small/
	$(BIN)/tlbench run suites/small.yaml
	@command -v tlbench >/dev/null || echo "tlbench is in $(BIN); in this shell it is found after: . $(BIN)/activate"

# Tests run side by side, and threads that wait for work spin.
test: export OMP_NUM_THREADS := 1
test: export OPENBLAS_NUM_THREADS := 1
test: export TF_NUM_INTRAOP_THREADS := 1
test: export TF_NUM_INTEROP_THREADS := 1
test: $(VENV)/.dev  ## run the tests; CONSTRAINTS=constraints-lowest.txt with the lowest versions that are allowed
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.dev  ## style, types, import laws
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

coverage: export COVERAGE_FILE := $(CURDIR)/.coverage
coverage: export PYTHONPATH := $(CURDIR)
coverage: $(VENV)/.dev  ## run the tests and measure which lines they reach, children included; fails below 90 %
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

benchmark: $(VENV)/.dev  ## run the timings in tests/benchmarks
	$(BIN)/python -m pytest tests/benchmarks -m benchmark

backends: $(VENV)/.dev $(VENV)-backends/.ready  ## one tiny cell and tests of training on JAX and on torch, in an environment without TensorFlow
	TLBENCH_OTHER_PYTHON="$(CURDIR)/$(VENV)-backends/bin/python" $(BIN)/python -m pytest tests/integration/test_backends.py

ray: $(VENV)/.dev $(VENV)-ray/.ready  ## a run on two machines of a Ray cluster on loopback, one of which is killed
	TLBENCH_RAY_PYTHON="$(CURDIR)/$(VENV)-ray/bin/python" $(BIN)/python -m pytest tests/integration/test_ray.py

hub: $(VENV)-hub/.ready  ## keras-hub's backbones, beside its own and torch's count of their operations; data sets that need another package
	$(VENV)-hub/bin/python -m pytest -m 'slow or not slow' tests/backbones/test_hub.py tests/backbones/test_preset.py tests/modeling/test_hub.py tests/integration/test_hub.py tests/datasets/test_foreign.py tests/datasets/test_arrow.py

$(VENV)-hub/.ready: pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	$(PYTHON) -m venv $(VENV)-hub
	$(VENV)-hub/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) --editable '.[dev,hub,torch,huggingface,tfds]'
	@touch $@

$(VENV)-ray/.ready: pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	$(PYTHON) -m venv $(VENV)-ray
	$(VENV)-ray/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) --editable '.[ray]'
	@touch $@

docs: export NO_MKDOCS_2_WARNING := 1
docs: $(VENV)/.docs  ## build the documentation into site/, without network and without a warning
	$(BIN)/mkdocs build --quiet --clean

package: $(VENV)/.dev  ## build the source distribution and the wheel into dist/
	rm -rf dist
	$(BIN)/hatchling build

$(VENV)-backends/.ready: pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	$(PYTHON) -m venv $(VENV)-backends
	$(BIN)/python -c 'import tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	  extras = project["optional-dependencies"]; \
	  print(*(n for n in project["dependencies"] + extras["jax"] + extras["torch"] if "tensorflow" not in n), sep="\n")' > $(VENV)-backends/needs.txt
	$(VENV)-backends/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) --requirement $(VENV)-backends/needs.txt
	$(VENV)-backends/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "tlbench needs Python 3.11, 3.12 or 3.13; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@# Half an environment, as Debian leaves it without python3-venv, would be taken for a whole one by the next make.
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.run: pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	@echo "Installing TensorFlow and the rest into $(VENV); this takes a minute or more, once."
	$(PIP) --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	@echo "Installing TensorFlow and the tools into $(VENV); this takes a minute or more, once."
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.run

$(VENV)/.docs: pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	$(BIN)/python -c 'import tomllib; \
	  print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["docs"], sep="\n")' > $@.txt
	$(PIP) --requirement $@.txt
	@touch $@

clean:  ## remove the virtual environment and the tools' caches
	rm -rf $(VENV) $(VENV)-backends $(VENV)-ray $(VENV)-hub .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.* build dist site *.egg-info

help:  ## say what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
