# Two commands: `make run` and `make test`. Both begin with what `make setup` does.
.PHONY: run setup setup-test test lint lock bench clean
.DEFAULT_GOAL := run

PYTHON_BIN := .venv/bin/python

run: setup
	@exec .venv/bin/eadscope serve

setup:
	@bin/setup run

setup-test:
	@bin/setup test

# Two processes: the tests of the service wait for it more than they compute.
test: lint
	$(PYTHON_BIN) -m pytest -n 2 --dist loadfile

lint: setup-test
	.venv/bin/ruff check .
	.venv/bin/mypy

# The lists with hashes, from the lists of names. The versions that stand there stay unless UPGRADE=--upgrade.
lock: setup-test
	$(PYTHON_BIN) -m pip install --quiet --disable-pip-version-check uv
	for list in run test; do \
	  .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links $(UPGRADE) requirements/$$list.in -o requirements/$$list.txt; \
	done

bench: setup-test
	@for program in bench/*.py; do echo "== $$program"; $(PYTHON_BIN) -P $$program || exit 1; done

# The database and the uploaded files lie in var/, and stay.
clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache
