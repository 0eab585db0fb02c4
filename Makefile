# make demo: set up, run the demonstration campaign, print the answer.    make test: set up, run every test.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo case-studies rehearsal test test-fast test-slurm lint format docs clean pins embedded bench

# auto: what was once chosen, else CUDA where there is a driver; or DEVICE=cpu, DEVICE=cuda (the list that fits
# the driver), DEVICE=cuda12
DEVICE ?= auto
BIN := .venv/bin
CASE_STUDIES := boron fe-nd-b li-co-o cu-si-p cu-si-p-ca

# One thread per job, two jobs side by side: more threads than cores spin and cost a factor of five.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1
export TF_NUM_INTRAOP_THREADS ?= 1
export TF_NUM_INTEROP_THREADS ?= 1
export TF_CPP_MIN_LOG_LEVEL ?= 2

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## /make \1: /p' Makefile

setup: ## build .venv from envs/ (DEVICE=auto|cpu|cuda|cuda12); nothing to do where it is up to date
	@envs/setup.sh $(DEVICE)

demo: setup ## the demonstration campaign, from nothing to results/demo/report.html
	@$(BIN)/snakemake --configfile config/demo.yaml --profile profiles/local

case-studies: setup ## the five case studies on the embedded model, each going on where it stopped; docs/case-studies.md
	@failed=(); trap 'exit 130' INT TERM; \
	for name in $(CASE_STUDIES); do \
	  $(BIN)/snakemake --configfile config/$$name.yaml --config variant=embedded --profile profiles/local \
	    || failed+=("$$name"); \
	done; \
	$(BIN)/python -m tools.documentation case-studies; \
	if (( $${#failed[@]} )); then echo "not finished: $${failed[*]}" >&2; exit 1; fi

rehearsal: setup ## whole campaigns on the published architectures with random weights; ARGS='space_group --steps 4'
	@$(BIN)/python -m tools.rehearsal $(ARGS)

# the order of the files is that of tests/conftest.py: the longest first
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test: setup ## every test, but those on a real SLURM
	@$(PYTEST) -m "not slurm"

test-fast: setup ## the quick tests of every package, for while you write; ARGS='-k word'
	@$(PYTEST) --loadscope-reorder -m "not slurm and not slow" tests/unit tests/contract $(ARGS)
	@echo "the quick tests alone: make test runs the workflow, the executor, the browser and the slow ones too"

test-slurm: setup ## the tests on a real SLURM, which they install (Debian, root) and start; ARGS='-m "not slow"'
	@$(BIN)/python -m pytest tests/slurm $(ARGS)

lint: setup ## style, types and workflow files
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache >/dev/null || { $(BIN)/lint-imports --no-cache; exit 1; }
	@$(BIN)/snakefmt --check workflow rules training

format: setup ## bring the files into the house style
	@$(BIN)/ruff check --fix --exit-zero --quiet .
	@$(BIN)/ruff format .
	@$(BIN)/snakefmt workflow rules training

docs: setup ## the site of docs/, which opens without a network: site/index.html
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo site/index.html

pins: ## refresh envs/*.txt from pyproject.toml (UPGRADE=1 takes newer versions)
	@envs/pins.sh

bench: setup ## benchmarks (REFERENCE=folder of the reference code); tables go to docs/benchmarks.md
	@$(BIN)/python -W ignore -m benchmarks all --reference $(REFERENCE)

embedded: setup ## rebuild the embedded assets: references, GRACE weights, MatterGen checkpoint
	@$(BIN)/snakemake --snakefile training/Snakefile --cores 2 --rerun-incomplete --workflow-profile none

clean: ## remove environments and caches; results stay
	rm -rf .venv .uv build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
