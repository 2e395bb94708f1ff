# The one task vocabulary, for people, hooks and CI. `make` lists it.
SHELL := /bin/bash
PYTHON ?= python3
# stage commands of dvc.yaml take `python` from PATH
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DO_NOT_TRACK := 1
INSTALLED := .venv/.installed
CHECKOV := .venv-checkov/.installed
LANGUAGE := .node/language.cjs
DEVICE ?= cpu
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow datasets rehearse rehearse-all kill-test soak-test lint format bench serve lambda ui bootstrap plan apply destroy image-train image-test image-lambda lock clean

help: ## list the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(INSTALLED) ## create .venv and install everything, pinned and hashed

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v < (3, 14) or sys.exit(f"error: Python 3.11 to 3.13 is needed, this is {v[0]}.{v[1]}: make setup PYTHON=python3.12")'
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@echo "Installing some 240 packages into .venv (one to three minutes, once) ..."
	@python -m pip install -qq --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@python -m pip install -qq --disable-pip-version-check "$$(grep -o 'torch==[0-9.]*' pyproject.toml | head -1)"
	@python -m pip install -qq --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

# checkov asks for other versions of boto3 and its like than we do, so it has an environment of its own
$(CHECKOV): terraform/checkov.txt | $(INSTALLED)
	@uv venv --quiet --clear --python .venv/bin/python .venv-checkov
	@uv pip install --quiet --python .venv-checkov --require-hashes --no-deps --compile-bytecode -r terraform/checkov.txt
	@touch $@

# GitHub's workflow parser and expression evaluator in one file, for the rehearsal's runner; without node its tests skip
NODE := src/slipway/rehearsal/runner/node
$(LANGUAGE): $(NODE)/language.mjs $(NODE)/package.json $(NODE)/package-lock.json
	@command -v npm >/dev/null || { echo "note: no workflows are replayed without Node.js 20 or newer (https://nodejs.org/en/download)" >&2; exit 0; }; \
	mkdir -p .node && cp $^ .node && cd .node && npm ci --ignore-scripts --no-audit --no-fund --silent && \
	node_modules/.bin/esbuild language.mjs --bundle --platform=node --format=cjs --outfile=.language.cjs.new --log-level=warning && \
	mv .language.cjs.new language.cjs

demo: $(INSTALLED) ## run the whole pipeline, and print what came of it
	@SLIPWAY_COMPUTE=$${SLIPWAY_COMPUTE:-local} dvc repro --quiet
	@slipway summary

# on two cores: others work while one waits for what it started. What it covers takes half as long again to find out
PYTEST := pytest -n 4 --dist loadscope --no-loadscope-reorder
test: $(INSTALLED) $(LANGUAGE) lint ## run all checks, and all tests but the slow ones
	@$(PYTEST) -m "not slow and not rehearsal" $(if $(SLIPWAY_COVERAGE),--cov --cov-report= --cov-fail-under=0)

test-slow: $(INSTALLED) $(CHECKOV) $(LANGUAGE) ## run the slow ones: whole pipelines, whole accounts, crashes
	@$(PYTEST) -m "slow and not rehearsal" $(if $(SLIPWAY_COVERAGE),--cov --cov-append --cov-report=term)

datasets: $(INSTALLED) ## bring the public data set that most tests read: SLIPWAY_DATASETS=.slipway/datasets make test
	@python tests/fetch_datasets.py .slipway/datasets

SCENARIO ?=
rehearse: $(INSTALLED) $(LANGUAGE) ## play it all, from pull request to production, without an account; `make rehearse SCENARIO=event-lost`
	@python -m slipway.rehearsal $(SCENARIO)

rehearse-all: $(INSTALLED) $(LANGUAGE) ## play the story, and each scenario of what may go wrong
	@SLIPWAY_NO_SKIPS=1 pytest -m rehearsal -rP --show-capture=stdout

kill-test: $(INSTALLED) ## kill training at 40 random moments, dvc, and who submits at each call; compare what comes out
	@SLIPWAY_KILLS=40 pytest -n 2 --dist loadscope tests/training/test_kills.py tests/compute/sagemaker/test_crash.py \
		tests/pipeline/test_repro.py::test_a_job_that_a_killed_dvc_left_is_found_and_not_trained_twice \
		-rP --show-capture=stdout

soak-test: $(INSTALLED) ## ask the function 21,000 strange and 50,000 right questions, and by 32 clients for a minute
	@SLIPWAY_SOAK=1 pytest -rP --show-capture=stdout tests/lambda/test_fuzz.py tests/lambda/test_load.py

lint: $(INSTALLED) ## check style and types
	@ruff check
	@ruff format --check
	@mypy

format: $(INSTALLED) ## mend what a tool can mend
	@ruff check --fix
	@ruff format

bench: $(INSTALLED) ## measure: what each file of benchmarks/ prints
	@for file in benchmarks/*.py; do echo "== $$file"; python "$$file" || exit 1; done

BUNDLE ?= models/bundle
PORT ?= 8000
serve: $(INSTALLED) $(BUNDLE) ## answer on this machine, with a page to try the model
	@SLIPWAY_BUNDLE=$(BUNDLE) uvicorn --app-dir lambda serve:app --port $(PORT) --no-access-log

lambda: $(INSTALLED) $(BUNDLE) ## run the function itself, under AWS's emulator: in its image if docker has it
	@python -m slipway.rehearsal.function $(BUNDLE)

$(BUNDLE):
	@echo "error: there is no $@: \`dvc repro package\` makes it" >&2; exit 2

ui: $(INSTALLED) ## open MLflow on the recorded runs
	@slipway ui

ROOT ?=
ENV ?=
bootstrap: $(INSTALLED) ## make the bucket of Terraform's states and GitHub's roles in AWS, and tell GitHub; once, by a person
	@python -m slipway.delivery.terraform bootstrap bootstrap

plan apply destroy: $(INSTALLED)
	@python -m slipway.delivery.terraform $@ "$(ROOT)" "$(ENV)"
plan: ## say what would change in AWS: `make plan ROOT=platform`, or `ROOT=serving ENV=staging`
apply: ## change it, once it is approved
destroy: ## remove all of a root, once its name is typed

# SageMaker runs x86, and refuses the index of images that attestations come in
image-train: $(INSTALLED) ## build the training image; `make image-train DEVICE=gpu` for SageMaker's GPUs
	@command -v docker >/dev/null || { echo "error: docker is missing: install Docker Engine (https://docs.docker.com/engine/install), or train with SLIPWAY_COMPUTE=local" >&2; exit 2; }
	@tag=$$(python -m slipway.compute.image $(DEVICE)) && DOCKER_BUILDKIT=1 BUILDX_NO_DEFAULT_ATTESTATIONS=1 docker build --platform linux/amd64 \
		--build-arg DEVICE=$(DEVICE) --file docker/train.Dockerfile --tag slipway-train:$$tag . && echo "slipway-train:$$tag"

image-test: image-train ## train in the image that was built, with docker
	@SLIPWAY_DOCKER=1 pytest tests/compute/test_container.py

image-lambda: $(INSTALLED) $(BUNDLE) ## build the function's image; needs docker
	@command -v docker >/dev/null || { echo "error: docker is missing: install Docker Engine (https://docs.docker.com/engine/install); \`make lambda\` does without" >&2; exit 2; }
	@test "$(BUNDLE)" = models/bundle || { echo "error: the image holds models/bundle, and no other bundle" >&2; exit 2; }
	@tag=$$(python -m slipway.delivery.image.tag) && DOCKER_BUILDKIT=1 BUILDX_NO_DEFAULT_ATTESTATIONS=1 docker build --platform linux/amd64 \
		--file lambda/Dockerfile --tag slipway-serve:$$tag . && echo "slipway-serve:$$tag"

PIN := uv pip compile --quiet --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command 'make lock' $(UPGRADE)
IMAGE := --python-platform x86_64-unknown-linux-gnu
lock: $(INSTALLED) ## pin anew what pyproject.toml asks for; `make lock UPGRADE=--upgrade` for the newest
	@$(PIN) --universal --all-extras pyproject.toml --output-file requirements.lock
	@$(PIN) $(IMAGE) --group train --constraint requirements.lock --output-file docker/requirements.txt
	@$(PIN) --no-deps --group lambda --constraint requirements.lock --output-file lambda/requirements.txt
	@grep -o 'torch==[0-9.]*' pyproject.toml | head -1 | $(PIN) $(IMAGE) --no-config \
		--constraint docker/requirements.txt --output-file docker/torch-gpu.txt -
	@printf 'checkov>=3.3\npolicy-sentry\n' | $(PIN) --universal --no-config --output-file terraform/checkov.txt -
	@grep -q "$$(grep -o 'torch==[0-9.]*' pyproject.toml | head -1)+cpu " docker/torch-cpu.txt || \
		{ echo "error: docker/torch-cpu.txt pins another torch than pyproject.toml: it says how to change it" >&2; exit 2; }

# template-only: begin
.PHONY: rename copy-test copy-test-full
rename: ## make this very folder a project of its own: `make rename project_name="News sorter" github_owner=acme`
	@$(PYTHON) -B hooks/rename.py $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))

WHOLE ?=
copy-test: $(INSTALLED) $(LANGUAGE) ## make copies of all kinds, and run the checks of each; `make copy-test WHOLE=1` for all tests in each
	@SLIPWAY_WHOLE=$(WHOLE) pytest -n 4 --dist worksteal tests/template/matrix.py -rP --show-capture=stdout

TASKS ?=
copy-test-full: $(INSTALLED) ## make a copy, and run `make test`, `demo` and `rehearse` there, in an environment of its own
	@python tests/template/full.py $(TASKS)

# template-only: end
clean: ## remove what the pipeline and the tools made here (the DVC cache stays)
	rm -rf .venv .venv-checkov .node .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage* htmlcov
	rm -rf .slipway data/raw data/prepared models mlruns mlflow.db
	git clean -fdqX reports
