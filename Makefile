# MailSonar's commands. Each sets up what it needs; `make help` lists them.
# Where this machine's python3 is older than 3.11, name another one: make test PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
APT := $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get
PYTEST := $(BIN)/python -X dev -m pytest
# The tests wait for mail more than they compute: four workers, whole modules each, on as few as two cores; then, two by
# two, the modules that measure time.
WORKERS := --dist loadfile --no-loadscope-reorder --numprocesses
CROWDED := $(PYTEST) $(WORKERS) 4 -m 'not needs_calm'
CALM := $(PYTEST) $(WORKERS) 2 -m needs_calm
COMPILE = $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
  --generate-hashes --no-header

.DEFAULT_GOAL := help
.PHONY: help demo test bench soak lint fast dashboards chart clean pins

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

demo: $(VENV)/.run ## run the agent against embedded mail servers whose faults come and go
	@$(BIN)/mailsonar demo

test: $(VENV)/.test $(VENV)/.debian lint ## install what the tests need, Debian's packages included, and run all of them
	$(CROWDED)
	$(CALM)

BENCH ?=
bench: $(VENV)/.test $(VENV)/.debian ## measure cost, capacity, memory and exactness beside yardsticks; make bench BENCH=scrape for one
	$(BIN)/python -m tests.bench $(BENCH)

soak: $(VENV)/.test $(VENV)/.debian ## kill the agent 200 times, reload it 500 times, watch servers that are well for 30 minutes
	MAILSONAR_SOAK=1 $(PYTEST) \
	  tests/system/test_crash.py tests/system/test_reloads.py tests/system/test_health.py

FAST := tests/unit tests/dialogue tests/contract tests/integration
fast: $(VENV)/.test ## run the tests that need no mail server of Debian's
	$(CROWDED) $(FAST)
	$(CALM) $(FAST)

lint: $(VENV)/.test ## check style, types and the layers of the house
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

LABELS ?= customer
dashboards: $(VENV)/.test ## write dashboards/*.json anew; make dashboards LABELS=customer,site for other declared labels
	$(BIN)/python -m dashboards.generate "$(LABELS)"
	$(BIN)/python -m helm.generate

chart: $(VENV)/.test ## write anew what helm/mailsonar holds of the rest: dashboards, rules, its table of values
	$(BIN)/python -m helm.generate

clean: ## remove what the commands made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist

pins: $(VENV)/.test ## write the pinned requirements anew from pyproject.toml
	$(BIN)/pip install --quiet uv
	$(COMPILE) pyproject.toml -o requirements/run.txt
	$(COMPILE) --group build -c requirements/run.txt -o requirements/build.txt
	$(COMPILE) --group test -c requirements/run.txt -c requirements/build.txt -o requirements/test.txt

$(VENV)/bin/pip:
	@command -v $(PYTHON) >/dev/null && $(PYTHON) -c 'import ensurepip' 2>/dev/null \
	  || { $(APT) update -qq && $(APT) install -y -qq --no-install-recommends python3 python3-venv; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/pip pyproject.toml requirements/run.txt requirements/build.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt -r requirements/build.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.run requirements/test.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.txt
	@touch $@

$(VENV)/.debian: tests/debian-packages.txt
	@[ "$$(xargs dpkg-query --show --showformat='$${db:Status-Abbrev}\n' <$< 2>/dev/null | grep -c '^ii')" = "$$(wc -l <$<)" ] \
	  || { $(APT) update -qq && xargs $(APT) install -y -qq --no-install-recommends <$<; }
	@touch $@
