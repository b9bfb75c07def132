VENV := .venv
VENV_PYTHON := $(VENV)/bin/python
READY := $(VENV)/.ready
# TensorFlow Serving's own messages; without what it depends on, which is TensorFlow with GPU libraries.
TENSORFLOW_SERVING_API := tensorflow-serving-api==2.21.0
.DEFAULT_GOAL := help
.PHONY: help local test test-serving check format bench docs images lock clean

help: ## What there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

local: $(READY) ## Deploy the digits example onto an AWS on this machine, and predict
	@$(VENV_PYTHON) -m scripts.local_demo

test: $(READY) ## Run the tests
	@$(VENV_PYTHON) -m pytest -n 2 --dist worksteal -m "not serving"

test-serving: .venv-serving/.ready .venv-checkov/.ready ## Run the tests that need PyTorch, TensorFlow, a real model server or checkov
	@.venv-serving/bin/python -m pytest -m serving

check: $(READY) ## Check format, lint and types
	@$(VENV_PYTHON) -m ruff format --check .
	@$(VENV_PYTHON) -m ruff check .
	@$(VENV_PYTHON) -m mypy

format: $(READY) ## Format the code
	@$(VENV_PYTHON) -m ruff format .
	@$(VENV_PYTHON) -m ruff check --fix-only .

bench: .venv-bench/.ready ## Measure synth and archive against their alternatives
	@.venv-bench/bin/python -m benchmarks.synth
	@$(VENV_PYTHON) benchmarks/archive.py
	@$(VENV_PYTHON) -m benchmarks.cli
	@$(VENV_PYTHON) -m benchmarks.charts
	@$(VENV_PYTHON) -m benchmarks.job_handler

docs: $(READY) ## Write the schema and the reference pages anew
	@$(VENV_PYTHON) -m scripts.inference schema > inference.schema.json
	@$(VENV_PYTHON) -m scripts.settings_reference
	@$(VENV_PYTHON) -m scripts.constructs_reference

images: .venv-images/.ready ## Distil images and instance types anew from the SageMaker SDK and botocore
	@.venv-images/bin/python -m scripts.refresh_images
	@.venv-images/bin/python -m scripts.record_image_uris
	@$(VENV_PYTHON) -m scripts.refresh_instances
	@.venv-images/bin/python -m pytest tests/contracts/test_images_match_sdk.py

lock: $(READY) ## Lock the development environment anew (needs uv)
	@scripts/lock.sh

clean: ## Remove everything that make has made
	rm -rf $(VENV) .venv-bench .venv-checkov .venv-images .venv-serving node_modules cdk.out .local-aws .mypy_cache .pytest_cache .ruff_cache

$(READY): requirements/dev.txt pyproject.toml package-lock.json scripts/setup.sh $(wildcard scripts/launchers/*)
	@scripts/setup.sh

.venv-serving/.ready: $(READY) examples/digits/requirements.txt tests/serving/requirements.txt
	@echo "setup: .venv-serving, with PyTorch, what else trains the digits, model servers and their Java"
	@$(VENV_PYTHON) -m venv .venv-serving
	@.venv-serving/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@.venv-serving/bin/python -m pip install --quiet --disable-pip-version-check -r examples/digits/requirements.txt -r tests/serving/requirements.txt
	@.venv-serving/bin/python -m pip install --quiet --disable-pip-version-check --no-deps $(TENSORFLOW_SERVING_API)
	@.venv-serving/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv-%/.ready: requirements/%.txt $(READY)
	@echo "setup: .venv-$*"
	@$(VENV_PYTHON) -m venv .venv-$*
	@.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/$*.txt
	@touch $@
