# Two commands from a bare clone: `make run` and `make test`. Needs Python 3.11+, a C++ compiler,
# cmake and make.

PYTHON ?= python3
# Address of another package index, asked as well as the default one. For CPU wheels of torch.
TORCH_INDEX_URL ?=
# Documents that `make run` ingests, and the collection that they go into.
DOCS ?= examples/knowledge
COLLECTION ?= default
# How long `make fuzz` takes.
MINUTES ?= 20
# Empty: what the settings say. Set with `=`, because some shells export HOST for other reasons.
HOST =
PORT =

# How llama.cpp is compiled. LLAVA is image input, which nothing here uses: a third of the build.
CMAKE_ARGS ?= -DLLAVA_BUILD=OFF
export CMAKE_ARGS

VENV := .venv
PY := $(VENV)/bin/python
RAG := $(VENV)/bin/rag
STAMP := $(VENV)/.installed
# Two processes; the tests of a file share what is dear to make.
PYTEST := $(VENV)/bin/python -m pytest -n 2 --dist loadfile
BENCH_STAMP := $(VENV)/.installed-bench
PIP_INSTALL = $(PY) -m pip install --disable-pip-version-check \
	$(if $(TORCH_INDEX_URL),--extra-index-url "$(TORCH_INDEX_URL)") -c constraints.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install run test check format bench crash fuzz scale clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  Variables: DOCS=folder COLLECTION=name HOST=address PORT=number PYTHON=python3.12"
	@echo "             TORCH_INDEX_URL=address of PyTorch's CPU wheels (a download smaller by several GB)"

install: $(STAMP) ## Make .venv with everything pinned in constraints.txt

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed; '$(PYTHON)' is missing or older." \
			"Try: make install PYTHON=python3.11" >&2; exit 1; }
	@command -v c++ >/dev/null || echo "No C++ compiler found: llama-cpp-python cannot be built without one." >&2
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@echo "Installing. llama-cpp-python is compiled here: 6 to 10 minutes on two cores, once; pip caches the result."
	$(PIP_INSTALL) -e '.[dev]'
	@touch $@

$(BENCH_STAMP): $(STAMP)
	$(PIP_INSTALL) -e '.[dev,bench]'
	@touch $@

run: $(STAMP) ## Ingest DOCS (default: the sample knowledge base), then serve on 127.0.0.1:8000
	@# Exit code 3 means that some files failed and were listed: the others can be served.
	$(RAG) ingest "$(DOCS)" --collection "$(COLLECTION)" || test $$? -eq 3
	$(RAG) serve $(if $(HOST),--host "$(HOST)") $(if $(PORT),--port "$(PORT)")

test: $(STAMP) ## Run the tests
	$(PYTEST)

check: $(STAMP) ## Format, lint, types, import arrows and tests: what continuous integration runs
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PYTEST)

format: $(STAMP) ## Reformat the code and apply the linter's safe fixes
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

bench: $(BENCH_STAMP) ## Run the benchmarks (installs what they compare with)
	$(PY) -m benchmarks

crash: $(STAMP) ## Kill ingestion again and again and check that nothing is lost; takes minutes
	$(PY) -m benchmarks.crash

fuzz: $(STAMP) ## Feed damaged files to the loaders and the chunker for MINUTES (default: 20)
	$(PY) -m benchmarks.fuzz --minutes "$(MINUTES)" --jobs 2 --keep build/fuzz

scale: $(STAMP) ## Ingest 100,000 files and 1 GB in one file; takes an hour
	$(PY) -m benchmarks.scale

clean: ## Remove caches and build output; keeps .venv and data
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage
	find . \( -path ./.venv -o -path ./data \) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
