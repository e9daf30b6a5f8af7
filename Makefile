# REGAL : une commande par besoin. Tout s'installe dans .venv, tout ce que la démonstration garde est dans var.

PYTHON ?= python3
PY := .venv/bin/python
REGAL := $(PY) -m regal.config.cli
TRANSLATIONS := $(shell find regal -name '*.po' 2>/dev/null)

# Certificates of the system, not uv's own: many town halls look into their own traffic.
export UV_SYSTEM_CERTS ?= 1

# Else each process that the tests start compiles everything again: three seconds of it.
unexport PYTHONDONTWRITEBYTECODE

RANDOM_KEY = $$($(PY) -c 'import base64, secrets; print(base64.b64encode(secrets.token_bytes(32)).decode())')
AS_IN_PRODUCTION = REGAL_DEMO=0 DATABASE_URL=postgresql://regal_app@/regal DATABASE_OWNER_URL=postgresql://regal_owner@/regal \
  DATABASE_VERIFY_URL=postgresql://regal_verify@/regal REGAL_GUICHET_URL=https://payer.exemple.fr \
  REGAL_BUREAU_URL=https://bureau.exemple.fr REGAL_MAIL_URL=smtps://courriel.exemple.fr REGAL_MAIL_FROM=regal@exemple.fr \
  REGAL_SECRET_KEY="$(RANDOM_KEY)$(RANDOM_KEY)" REGAL_SECRET_KEYS="k1:$(RANDOM_KEY)"

# A worker that has nothing left takes half of what the other has left.
AT_ONCE := $(PY) -m pytest -n 2 --dist worksteal
# Journeys file by file, screens twenty by twenty; each worker has a demonstration of its own.
IN_BROWSERS := $(PY) -m pytest -n 2 --dist loadgroup
# Only the files that hold such tests: to look for them in all the others takes half a minute each time.
BROWSERS = $(shell grep -rlE --include='test_*.py' 'mark\.browser' tests regal regal_sandbox)
CRASHES = $(shell grep -rlE --include='test_*.py' 'mark\.crash' tests regal regal_sandbox)

.DEFAULT_GOAL := help
.PHONY: help run test test-quick test-hostile test-killed simulate check bench reset

help: ## affiche cette aide
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

run: .venv/ready .venv/messages ## lance toute la démonstration ; Ctrl-C arrête tout (REGAL_PORT=9000 pour d'autres ports)
	@exec $(REGAL) demo

test: .venv/ready .venv/messages ## tous les tests, deux à la fois ; à la fin, seuls, ceux qui tuent des processus
	@$(AT_ONCE) -m "not browser and not crash"
	@$(IN_BROWSERS) -m "browser and not crash" $(BROWSERS)
	@$(PY) -m pytest -m crash $(CRASHES)

test-quick: .venv/ready .venv/messages ## les tests sans navigateur ni processus tués ; quelques minutes
	@$(AT_ONCE) -m "not browser and not crash and not slow"

test-hostile: .venv/ready .venv/messages ## cent mille messages malveillants à PayFiP, autant à Paybox : une demi-heure ou plus (make test : cinq mille)
	@REGAL_HOSTILE_LETTERS=100000 $(AT_ONCE) tests/test_hostile_notifications.py tests/test_hostile_paybox.py

test-killed: .venv/ready .venv/messages ## chaque parcours d’argent, un processus tué avant chaque instruction et à chaque COMMIT : un quart d’heure ou plus
	@REGAL_KILLS=all $(AT_ONCE) tests/simulation/test_killed_at_every_statement.py

simulate: .venv/ready .venv/messages ## histoires simulées : N=10000 en joue dix mille, SEED=7 rejoue celle-là et la raconte
	@REGAL_HISTORIES=$(N) REGAL_SEED=$(SEED) $(if $(SEED),$(PY) -m pytest -s,$(AT_ONCE)) tests/simulation/test_histories.py -k every_history

check: .venv/ready .venv/messages ## style, types, frontières entre modules, migrations, réglages de production
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy regal regal_sandbox tests
	@.venv/bin/lint-imports --no-logo
	@REGAL_VAR=var/check $(REGAL) makemigrations --check --dry-run
	@$(AS_IN_PRODUCTION) $(REGAL) check --deploy --fail-level WARNING

bench: .venv/ready .venv/messages ## les mesures de vitesse
	@$(REGAL) bench

reset: .venv/ready ## vide la démonstration
	@$(REGAL) demo --reset

# Installed again when the list of packages or the project's own description has changed, or the folder has moved.
ifneq ($(shell cat .venv/place 2>/dev/null),$(CURDIR))
.PHONY: .venv/ready
endif

.venv/ready: requirements/dev.txt pyproject.toml
	@command -v "$(PYTHON)" >/dev/null 2>&1 || { echo "Python manque : apt install python3 python3-venv"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Il faut Python 3.11 ou plus récent : apt install python3 python3-venv, ou make PYTHON=/chemin/de/python3.11"; \
	  exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Le module venv de Python manque : apt install python3-venv"; exit 1; }
	@[ ! -e .venv/place ] || [ "$$(cat .venv/place)" = "$(CURDIR)" ] || rm -rf .venv
	@$(PY) -m pip --version >/dev/null 2>&1 || { \
	  echo "Installation (la première fois seulement)…"; "$(PYTHON)" -m venv --clear .venv; }
	@$(PY) -m uv --version >/dev/null 2>&1 || $(PY) -m pip install --quiet --disable-pip-version-check uv
	@$(PY) -m uv pip sync --quiet --python $(PY) --require-hashes requirements/dev.txt
	@$(PY) -m uv pip install --quiet --python $(PY) --no-deps --no-build-isolation --editable .
	@printf '%s\n' "$(CURDIR)" > .venv/place
	@touch .venv/ready

.venv/messages: .venv/ready $(TRANSLATIONS)
	@$(REGAL) messages --compile
	@touch .venv/messages
