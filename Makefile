# make run    install what is missing, start everything, say what to dial
# make demo   on the running system: a real SIP caller dials 112 and talks to the agency
# make check  format, lint, types, unit tests (under a minute)
# make test   everything, with the system tests on a real Asterisk
# make bench  the figures of docs/benchmarks.md
# make chaos  random calls under random faults: make chaos CALLS=500 SEED=7
# make fuzz   100,000 hostile inputs for each of 19 parsers (about 1.5 hours)
.PHONY: run demo check test bench chaos fuzz format lock
.DEFAULT_GOAL := run

VENV := .venv/bin
unexport PYTHONDONTWRITEBYTECODE # with it every process compiles everything anew
KEYS ?= 1,3
CALLS ?= 500
SEED ?= 7

run:
	@scripts/setup run
	@exec scripts/as-service $(VENV)/ivr up

demo:
	@scripts/setup demo
	@exec scripts/as-service $(VENV)/ivr demo --keys $(KEYS)

check:
	@scripts/setup test
	@$(VENV)/ruff format --check .
	@$(VENV)/ruff check .
	@$(VENV)/mypy
	@$(VENV)/pytest -q -m "not system and not thorough" -n 4

test: check
	@$(VENV)/pytest -q -m thorough -n 2
	@scripts/isolated $(VENV)/pytest -m "system and not alone" -n 4
	@scripts/isolated $(VENV)/pytest -m alone

bench:
	@scripts/setup test
	@scripts/isolated $(VENV)/python -m bench

chaos:
	@scripts/setup test
	@scripts/isolated $(VENV)/python -m bench.chaos --calls $(CALLS) --seed $(SEED)

fuzz:
	@scripts/setup test
	@nice -n 10 $(VENV)/python -m bench.fuzz --cases 100000 --seed 112

format:
	@$(VENV)/ruff format .
	@$(VENV)/ruff check --fix .

lock:
	@$(VENV)/pip install --quiet uv
	@$(VENV)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 pyproject.toml --group build -o requirements.lock
	@$(VENV)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 pyproject.toml --group build --group dev -c requirements.lock -o requirements-dev.lock
