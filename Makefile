# `make` says what there is.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PY := .venv/bin/python

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

install: ## the locked dependencies into .venv
	@for python in $(PYTHON) python3.12 python3.11 python3 python3.13 python3.14; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			exec $$python config/install.py; \
		fi; \
	done; \
	echo 'Python 3.11 or newer is needed: install it, or name it: make PYTHON=/path/to/python3.11 …' >&2; exit 1

up: install ## everything on this machine; PORT, FUNNEL_DATA_DIR, DEMO=0
	@exec $(PY) -m config.up

test: install ## the whole suite, on the same real parts
	@exec $(PY) -m pytest -n 2 --dist worksteal -m 'not bench' $(ARGS)

lint: install ## format, types, layers, migrations, schema and diagram drift
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) manage.py check --deploy --fail-level WARNING
	$(PY) manage.py api_schema --check
	$(PY) manage.py funnel_diagram --check

schema: install ## write docs/openapi.yaml anew
	$(PY) manage.py api_schema

messages: install ## gather the words of the interface for translators
	$(PY) manage.py messages

bench: install ## benchmarks with ratios; SIZE=10k, 100k, 1M
	@exec $(PY) -m pytest tests/bench -m bench -p no:cacheprovider -s $(ARGS)

faults: install ## fault drills at full size
	@FAULTS=full exec $(PY) -m pytest tests -m faults $(ARGS)

access: install ## every page × theme × language × state, as axe sees it; takes minutes
	@ACCESS=full exec $(PY) -m pytest tests/browser/test_matrix.py $(ARGS)

audit: install ## known vulnerabilities in what is locked
	.venv/bin/pip-audit --require-hashes --disable-pip -r requirements.lock

lock: ## compile requirements.lock anew; needs uv
	uv pip compile pyproject.toml --group dev --extra forecast --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --upgrade -o requirements.lock

.PHONY: help install up test lint schema messages bench faults access audit lock
