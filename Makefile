# A fresh clone needs Python 3.11 or newer and make, nothing else: every command makes .venv first, and
# installs again only when the lock (requirements*.txt) has changed.
#
#   make serve               run the service on http://127.0.0.1:8000 (ARGS="--port 9000" to say more)
#   make demo                post made-up traffic to that service, for a first look (ARGS=--live to go on)
#   make test                run the tests (ARGS="tests/plan -k strict" to choose)
#   make fuzz                go on with what strangers may send, made at random (MINUTES=60)
#   make contract            hold a running service to its OpenAPI document (ARGS="--examples 100")
#   make check               lint, format, types, tidiness, documentation
#   make audit               ask for known vulnerabilities of the locked dependencies
#   make sbom                list what a service is made of, in CycloneDX, in dist/footfall.cdx.json
#   make bench               measure, beside others (ARGS=growth: how it grows; ARGS=--help: the rest)
#   make wheel               build the wheels of the service and of the Python client into dist/, to install elsewhere
#   make lock                write the lock from pyproject.toml (UPGRADE=1: with the newest releases)
#   make clean               remove .venv and what the tools leave behind; never your data
#
# PYTHON=/path/to/python3.12 chooses the interpreter that .venv is made with.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
PYTHON ?= python3 python3.13 python3.12 python3.11
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help serve demo test fuzz contract check audit sbom bench wheel lock clean

help:
	@sed -n 's/^#   //p' Makefile

serve: $(VENV)/run.stamp
	@exec $(BIN)/footfall serve $(ARGS)

demo: $(VENV)/run.stamp
	@exec $(BIN)/footfall demo $(ARGS)

# Three at once, for many tests wait; those of a file stay together, for they share what is dear to make.
test: $(VENV)/dev.stamp
	@$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder $(ARGS)

# Each round has twenty times the examples of the suite, and another seed, which a failure names.
MINUTES ?= 60
FUZZERS := tests/fuzz tests/ingest/test_fast_path.py tests/web/test_events_endpoint_property.py \
	tests/journal/test_model.py tests/plan/test_properties.py
fuzz: $(VENV)/dev.stamp
	@end=$$(($$(date +%s) + 60 * $(MINUTES))); seed=$$(date +%s); \
	while [ $$(date +%s) -lt $$end ]; do \
	    seed=$$((seed + 1)); echo "seed $$seed"; \
	    nice -n 19 $(BIN)/python -m pytest --hypothesis-profile thorough --hypothesis-seed $$seed --timeout 0 -x \
	        $(FUZZERS) $(ARGS) || exit 1; \
	done

contract: $(VENV)/dev.stamp
	@$(BIN)/python bench/contract.py --work $$(mktemp -d)/contract $(ARGS)

check: $(VENV)/dev.stamp
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy --strict src clients/python/src
	@$(BIN)/python -m pytest tests/test_tidy.py tests/test_docs.py
	@$(MAKE) --no-print-directory audit

audit: $(VENV)/audit.stamp
	@.ci/audit $(VENV)/audit/bin/pip-audit requirements.txt

sbom: $(VENV)/audit.stamp
	@mkdir -p dist
	@$(VENV)/audit/bin/python -W ignore -m cyclonedx_py requirements requirements.txt --pyproject pyproject.toml \
	    --output-reproducible --output-file dist/footfall.cdx.json
	@ls dist/footfall.cdx.json

bench: $(VENV)/bench.stamp
	@$(BIN)/python bench $(ARGS)

wheel: $(VENV)/run.stamp
	@$(PIP) wheel --quiet --no-deps --no-build-isolation --wheel-dir dist . ./clients/python
	@ls dist/*.whl

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests clients -name __pycache__ -type d -prune -exec rm -rf {} +

# The package itself comes last and without its dependencies: those are exactly the locked ones.
$(VENV)/run.stamp: requirements.txt pyproject.toml | $(BIN)/python
	@echo "setting up $(VENV): about 280 MB to download, 1.1 GB on disk, one to three minutes"
	@$(PIP) install -qq --require-hashes -r requirements.txt
	@$(PIP) install -qq --no-deps --no-build-isolation --editable .
	@touch $@

# The development lock holds the same releases as the other and more, so this only adds to it.
$(VENV)/dev.stamp: requirements-dev.txt $(VENV)/run.stamp
	@echo "adding the tools for tests to $(VENV)"
	@$(PIP) install -qq --require-hashes -r requirements-dev.txt
	@touch $@

# What only measuring needs: the peers' libraries, and the curves'.
$(VENV)/bench.stamp: requirements-bench.txt $(VENV)/dev.stamp
	@echo "adding the libraries for measuring to $(VENV)"
	@$(PIP) install -qq --require-hashes -r requirements-bench.txt
	@touch $@

# What looks at the dependencies is none of them: its own packages stand in an environment of their own.
$(VENV)/audit.stamp: requirements-audit.txt | $(BIN)/python
	@$(BIN)/python -m venv $(VENV)/audit
	@$(VENV)/audit/bin/python -m pip --disable-pip-version-check --no-input install -qq --require-hashes \
	    -r requirements-audit.txt
	@touch $@

# The first candidate that runs and is new enough makes the environment; what is wrong is said in plain words.
$(BIN)/python:
	@found=; \
	for candidate in $(PYTHON); do \
	    if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        found=$$candidate; break; \
	    fi; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "footfall needs Python 3.11 or newer, and found none among: $(PYTHON)" >&2; \
	    for candidate in $(PYTHON); do \
	        echo "  $$candidate: $$("$$candidate" --version 2>&1 | head -n 1)" >&2; \
	    done; \
	    echo "Install one, or name one: make PYTHON=/path/to/python3.12" >&2; \
	    exit 1; \
	fi; \
	if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo "$$found lacks the venv module. On Debian and Ubuntu: apt install python3-venv" >&2; \
	    exit 1; \
	fi; \
	"$$found" -m venv --clear $(VENV)

# One resolution serves every supported Python and system. The other locks follow the development lock, so that all
# hold the same releases. The options keep out of the files where the packages were fetched from.
COMPILE := $(VENV)/lock/bin/uv --quiet pip compile --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade)
LOCK := $(COMPILE) pyproject.toml

lock: | $(VENV)/lock/bin/uv
	$(LOCK) --group dev --output-file requirements-dev.txt
	$(LOCK) --group build --constraint requirements-dev.txt --output-file requirements.txt
	$(LOCK) --group bench --constraint requirements-dev.txt --output-file requirements-bench.txt
	$(COMPILE) --group audit --output-file requirements-audit.txt
	@for file in requirements.txt requirements-dev.txt requirements-bench.txt requirements-audit.txt; do \
	    { echo "# Made by make lock from pyproject.toml: change that instead."; grep -v '^# Made by' $$file; } \
	        > $$file.new && mv $$file.new $$file; \
	done

$(VENV)/lock/bin/uv: | $(BIN)/python
	$(BIN)/python -m venv $(VENV)/lock
	$(VENV)/lock/bin/python -m pip --disable-pip-version-check install --quiet uv
