# Everything a person or a build machine runs. `make` alone lists the targets.

ENV   := .venv
BENCH := .venv-bench
RL    := .venv-rl
MUTATE := .venv-mutate
BIN   := $(ENV)/bin

# Keeps the theme's notice about its own successor out of every build.
export NO_MKDOCS_2_WARNING := 1

.DEFAULT_GOAL := help
.PHONY: help env demo test lint lint-packages lint-style lint-format lint-types lint-docs lint-layers format docs bench replicate soak mutate test-rl lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

# ---- environments: rebuilt when the lock file, pyproject.toml or the script that builds them changes ----

env: $(ENV)/.stamp ## create or refresh the environment (.venv); PYTHON=... picks the interpreter

$(ENV)/.stamp: requirements.lock pyproject.toml tools/make-venv
	@PYTHON="$(PYTHON)" tools/make-venv $(ENV) requirements.lock
	@touch $@

$(BENCH)/.stamp: requirements-bench.lock pyproject.toml tools/make-venv
	@PYTHON="$(PYTHON)" tools/make-venv $(BENCH) requirements-bench.lock
	@touch $@

# PyTorch is not in the lock: its wheels for processors alone are on no registry on Linux. There, let pip see PyTorch's own index of
# them (PIP_EXTRA_INDEX_URL), or it takes the one for accelerators, which does not run without their libraries.
$(RL)/.stamp: requirements-rl.lock pyproject.toml tools/make-venv
	@PYTHON="$(PYTHON)" tools/make-venv $(RL) requirements-rl.lock
	@$(RL)/bin/python -m pip install --quiet --no-deps torch==2.13.0
	@$(RL)/bin/python -c "import torch" || { echo "PyTorch does not load: see the comment in the Makefile." >&2; exit 1; }
	@touch $@

$(MUTATE)/.stamp: requirements-mutate.lock pyproject.toml tools/make-venv
	@PYTHON="$(PYTHON)" tools/make-venv $(MUTATE) requirements-mutate.lock
	@touch $@

# ---- use ----

demo: $(ENV)/.stamp ## solve the Krusell-Smith economy and write its report
	@$(BIN)/walras solve krusell-smith --preset standard --out runs/demo --force; status=$$?; \
	if [ $$status -eq 0 ] || [ $$status -eq 3 ]; then echo "The report is in runs/demo/report.html: open it in a browser."; fi; \
	exit $$status

bench: $(BENCH)/.stamp ## compare with peer packages (own environment, .venv-bench)
	$(BENCH)/bin/python benchmarks/run.py

replicate: $(ENV)/.stamp ## reproduce the published tables
	$(BIN)/python benchmarks/replicate.py

soak: $(ENV)/.stamp ## kills, faults, damage and bad input by the thousand (hours; ONLY=kills,fuzz for some)
	$(BIN)/python -m benchmarks.soak $(if $(ONLY),--only $(ONLY))

mutate: $(MUTATE)/.stamp ## mutants against the tests of their modules (hours; own environment, .venv-mutate; ARGS='--sample 20')
	$(MUTATE)/bin/python -m benchmarks.mutate $(ARGS)

# ---- check ----

test: $(ENV)/.stamp ## run the tests
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

test-rl: $(RL)/.stamp ## run the tests of the wrappers for Gymnasium and PettingZoo (own environment, .venv-rl: it brings PyTorch)
	$(RL)/bin/python -m pytest tests/rl

lint: lint-packages lint-style lint-format lint-types lint-docs lint-layers ## style, types, documentation, layers (with -k: all of them, whatever fails)

lint-packages: $(ENV)/.stamp
	$(BIN)/python -m pip check

lint-style: $(ENV)/.stamp
	$(BIN)/ruff check

lint-format: $(ENV)/.stamp
	$(BIN)/ruff format --check

lint-types: $(ENV)/.stamp
	$(BIN)/basedpyright

lint-docs: $(ENV)/.stamp
	$(BIN)/mkdocs build --strict --quiet

lint-layers: $(ENV)/.stamp
	$(BIN)/python -m pytest tests/test_layers.py

format: $(ENV)/.stamp ## rewrite the code in the house format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(ENV)/.stamp ## build the documentation into site/
	$(BIN)/mkdocs build --strict
	@echo "Open site/index.html in a browser."

# ---- maintain ----

UV      = $(firstword $(wildcard $(BIN)/uv) uv)
COMPILE = $(UV) pip compile pyproject.toml --group build --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" --no-config --quiet $(if $(UPGRADE),--upgrade)

# What only the PyTorch for accelerators needs, and PyTorch itself (see .venv-rl above).
WITHOUT_TORCH = $(addprefix --no-emit-package ,torch triton cuda-bindings cuda-pathfinder cuda-toolkit $(addprefix nvidia-,cublas \
	cuda-cccl cuda-cupti cuda-nvrtc cuda-runtime cudnn-cu13 cufft cufile cusolver cusparse cusparselt-cu13 nccl-cu13 nvjitlink \
	nvshmem-cu13 nvtx))

lock: ## write the lock files again after a change in pyproject.toml (UPGRADE=1: newest versions)
	$(COMPILE) --extra dev -o requirements.lock
	$(COMPILE) --extra bench -o requirements-bench.lock
	$(COMPILE) --extra test-rl --constraint requirements.lock $(WITHOUT_TORCH) -o requirements-rl.lock
	$(COMPILE) --extra dev --extra mutate -o requirements-mutate.lock
	@if grep -n '://' requirements.lock requirements-bench.lock requirements-rl.lock requirements-mutate.lock; then echo "An address got into a lock file." >&2; exit 1; fi

clean: ## remove caches and what was built; runs/ and the environments stay
	rm -rf site dist build .pytest_cache .ruff_cache .hypothesis
	find . -path './.venv*' -prune -o -type d -name __pycache__ -exec rm -rf {} +
