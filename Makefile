# The commands that people and CI share. Each installs what it needs first.
.DEFAULT_GOAL := help
SHELL := /bin/bash

# uv from the machine, else one of our own from PyPI, so that Python is all a new machine needs.
UV := $(shell command -v uv 2>/dev/null || echo .devstack/uv/bin/uv)
RUN := $(UV) run --frozen --no-sync

.PHONY: help install demo test nightly chaos model bench simulate migrations docs check screenshots format clean

help:  ## List the commands
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.devstack/uv/bin/uv:
	python3 -m venv .devstack/uv
	.devstack/uv/bin/python -m pip install --quiet --disable-pip-version-check uv

install: $(if $(findstring .devstack,$(UV)),.devstack/uv/bin/uv)
	@$(UV) sync --frozen --quiet

demo: install  ## Run the whole system (ONCE=1: deliver, verify, exit; PROTOCOLS=all: queues too; TENANTS=1: a shop's customers)
	@$(RUN) python -m devstack.demo$(if $(filter-out 0,$(TENANTS)),_customers) $(if $(filter-out 0,$(ONCE)),--once) \
		$(if $(PROTOCOLS),--protocols $(PROTOCOLS))

# Two processes, each with its own servers: the tests mostly wait. A file's tests stay together.
test: install  ## Every test, on real Postgres, Supabase Lite and Valkey
	@$(RUN) pytest --numprocesses 2 --dist loadfile --reruns 1 -raR $(ARGS)

nightly: install  ## A real n8n, the image's steps (needs root and mmdebstrap), and new examples for what must always hold
	@NIGHTLY=1 $(RUN) pytest tests/nightly $(ARGS)
	@$(RUN) pytest --hypothesis-profile=default tests/unit tests/adapters/test_heads.py tests/adapters/test_no_internal_error.py

chaos: install  ## The faults of tests/chaos in full; the report is .devstack/tests/chaos.json
	@CHAOS_FULL=1 $(RUN) pytest tests/chaos $(ARGS)

model: install  ## The SQL against its model, an hour or so (MODEL_RUNS=500: the number of runs)
	@MODEL_RUNS=$(or $(MODEL_RUNS),4000) $(RUN) pytest --capture=no tests/model/test_model.py tests/model/test_storm.py $(ARGS)

bench: install  ## Measure, 90 minutes (SHORT=1: 15; SCENARIOS="k l": those; BEFORE=a revision to compare with)
	@$(RUN) python -m bench $(if $(filter-out 0,$(SHORT)),--short,$(if $(SCENARIOS)$(MINUTES),,--keep)) $(if $(MINUTES),--minutes $(MINUTES)) \
		$(if $(filter undefined,$(origin BEFORE)),,--before '$(BEFORE)') $(SCENARIOS)

simulate: install  ## A day of 100 million events, from the figures of the last bench
	@$(RUN) python -m bench.simulate $(ARGS)

migrations: install  ## Produce supabase/migrations from supabase/schemas
	@$(RUN) python -m devstack.schemas
	@$(RUN) python -m devstack.expected

docs: install  ## Build the documentation site into .devstack/docs; a broken link is an error
	@$(RUN) sphinx-build --quiet --fail-on-warning --keep-going docs .devstack/docs

check: install docs  ## Format, lint, types, layers, words, migrations, workflows, deployment files and documentation
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(RUN) python -m devstack.portal
	$(RUN) lint-imports
	$(RUN) python -m devstack.words
	$(RUN) squawk supabase/migrations/*.sql supabase/optional/*.sql
	$(RUN) check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(RUN) zizmor --offline .github/workflows
	$(RUN) hadolint Dockerfile
	$(RUN) check-jsonschema --builtin-schema vendor.compose-spec compose.yaml
	$(RUN) kubernetes-validate --quiet deploy/kubernetes/webhooks.yaml

screenshots: install  ## Retake docs/screenshots with sample data (needs a Chromium; pngquant makes them small)
	@$(RUN) python -m devstack.screenshots

format: install  ## Format, and fix what the linters can
	$(RUN) ruff check --fix --exit-zero .
	$(RUN) ruff format .

clean:  ## Remove what demo and tests left behind
	rm -rf .devstack .mypy_cache .ruff_cache .pytest_cache .import_linter_cache dist
