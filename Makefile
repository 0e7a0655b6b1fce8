# What to type. `make` alone lists it; tools/ does the work.

PYTHON ?=
ARGS ?=
export PYTHON

bin := .venv/bin

.NOTPARALLEL:
.PHONY: help install dev lab demo test lint format bench lock clean

help: ## list what there is to type
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

install: ## set up .venv, the workbench and Kafka, once (PYTHON=... picks another Python)
	@sh tools/install.sh
	@$(bin)/python -m workbench.brokers.local.fetch

lab: install ## open JupyterLab on the first notebook
	@$(bin)/workbench lab $(ARGS)

demo: install ## run the order choreography on a real Kafka, with a crash in it
	@$(bin)/workbench demo $(ARGS)

test: dev install ## run every test, after installing what the tests need (ARGS="-k billing")
	@$(bin)/python -m tools.test_needs
	@$(bin)/python -m tools.run_tests $(ARGS)

lint: dev ## check style and types
	@$(bin)/ruff check
	@$(bin)/ruff format --check
	@$(bin)/mypy

format: dev ## let ruff mend what it can
	@$(bin)/ruff check --fix --exit-zero
	@$(bin)/ruff format

bench: dev install ## measure, beside peers, and print a table
	@$(bin)/python -m benchmarks $(ARGS)

lock: dev ## write the locks and environment.yml anew from pyproject.toml (ARGS=--upgrade)
	@$(bin)/python tools/lock.py $(ARGS)

clean: ## remove what make made here; Kafka stays in its own folder
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

dev:
	@sh tools/install.sh dev
