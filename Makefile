# poi-server: `make run` for a shop, `make demo` for the whole story, `make test` and `make check` for the code.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
BIN := .venv/bin

.PHONY: help run demo demo-shop web test stories faults check fuzz sanitize gate bench bench-matcher bench-insights bench-sales bench-first-view pictures soak build clean

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

run: ## Install what is missing and serve the demo shop on loopback (SHOP=clothing: one with sizes, apart from it)
	@.ci/prepare run
	@$(BIN)/poi-server serve --demo-shop $(or $(SHOP),pastry) $(if $(SHOP),--data build/$(SHOP))

demo-shop: ## Load a year of real-shaped trade and serve it, apart from your data (SIZE=small|medium|full)
	@.ci/prepare demo
	@$(BIN)/poi-server demo-data --data build/demo-shop --size $(or $(SIZE),small)
	@$(BIN)/poi-server serve --data build/demo-shop

web: ## Make what the pages take from npm: the land for their maps
	@.ci/web

demo: ## Perform the whole story on a fresh server: tap, scan, offers, payment, refund
	@.ci/prepare run
	@$(BIN)/poi-server demo

test: ## Run the test suite (does all its own set-up)
	@.ci/prepare test
	@$(BIN)/python -m pytest -q -n 3 --dist loadfile

stories: ## Live two days in the demo shops with real browsers, told as they go: the pastry cook's, the clothing shop's
	@.ci/prepare test
	@$(BIN)/python -m pytest -q -s -p no:randomly tests/stories

faults: ## Break everything while tills sell: kills, cuts, full disks, races (KILLS=1000, MINUTES=, SEED=, STORAGE=, ONLY=, JSON=)
	@.ci/prepare test
	@PYTHONPATH=.:engine:nfc:qr:offers:cext $(BIN)/python -m tests.faults $(if $(KILLS),--kills $(KILLS)) $(if $(MINUTES),--minutes $(MINUTES)) \
	  $(if $(SEED),--seed $(SEED)) $(if $(STORAGE),--storage $(STORAGE)) $(if $(ONLY),--only $(ONLY)) $(if $(JSON),--json $(JSON))

check: ## Lint, types, import contracts, and the matcher's instructions against their budget
	@.ci/prepare test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@PYTHONPATH=.:engine:nfc:qr:offers:cext $(BIN)/lint-imports
	@$(BIN)/python -m tests.gate

fuzz: ## Compare matcher, twin and oracle on a million random pairs (PAIRS=, SEED=, JOBS=, WORLD=, REPLAY=)
	@.ci/prepare test
	@$(BIN)/python -m tests.fuzz $(if $(PAIRS),--pairs $(PAIRS)) $(if $(SEED),--seed $(SEED)) \
	  $(if $(JOBS),--jobs $(JOBS)) $(if $(WORLD),--world $(WORLD)) $(if $(REPLAY),--replay $(REPLAY))

sanitize: ## The compiled parts under AddressSanitizer and UBSan: their tests and a short fuzz
	@.ci/prepare test
	@.ci/sanitize

gate: ## Count the matcher's instructions against their budget (WRITE=1 writes a new budget)
	@.ci/prepare test
	@$(BIN)/python -m tests.gate $(if $(WRITE),--write)

bench: ## Measure, side by side in one run
	@.ci/prepare bench
	@$(BIN)/python -m bench

bench-matcher: ## Measure the matcher beside nine others (JSON=, MARKDOWN=, OFFERS="1000 10000", QUICK=1)
	@.ci/prepare bench
	@$(BIN)/poi-server bench matcher $(if $(JSON),--json $(JSON)) $(if $(MARKDOWN),--markdown $(MARKDOWN)) \
	  $(if $(OFFERS),--offers $(OFFERS)) $(if $(QUICK),--quick)

bench-sales: ## Measure whole sales beside the usual stack (SECONDS=, ROUNDS=, STORE=sqlite|postgresql, STACK=poi-server|fastapi, JSON=)
	@.ci/prepare bench
	@$(BIN)/python -m bench.sales $(if $(SECONDS),--seconds $(SECONDS)) $(if $(ROUNDS),--rounds $(ROUNDS)) \
	  $(if $(STORE),--store $(STORE)) $(if $(STACK),--stack $(STACK)) $(if $(JSON),--json $(JSON)) $(if $(QUICK),--quick)

bench-insights: ## Measure the dashboard over a long history while 50 stations sell (LINES=, STORAGE=sqlite|postgresql://..., KEEP=, JSON=)
	@.ci/prepare bench
	@$(BIN)/python -m bench.insights $(if $(LINES),--lines $(LINES)) $(if $(STORAGE),--storage $(STORAGE)) \
	  $(if $(KEEP),--keep $(KEEP)) $(if $(JSON),--json $(JSON))

bench-first-view: ## Measure the pages' first view on a processor four times slower (RUNS=, PAGES=me,dashboard, JSON=, MARKDOWN=)
	@.ci/prepare bench
	@$(BIN)/python -m bench.first_view $(if $(RUNS),--runs $(RUNS)) $(if $(PAGES),--pages $(PAGES)) \
	  $(if $(JSON),--json $(JSON)) $(if $(MARKDOWN),--markdown $(MARKDOWN))

pictures: ## Take the pictures of docs/pages.md from the demo shop, in both languages, on a phone and on a desk
	@.ci/prepare test
	@PICTURES=docs/pictures $(BIN)/python -m pytest -q -p no:randomly tests/pages/test_every_page.py

soak: ## The long runs: more simulated sessions, more kills, more fuzzing
	@.ci/prepare test
	@POI_SIMULATION_STEPS=5000000 POI_SOAK=1 $(BIN)/python -m pytest -q --timeout 0 tests/simulation tests/adversity tests/faults \
		tests/fiscal/test_tampering.py

build: ## Source distribution and wheel, in dist/
	@.ci/prepare test
	@$(BIN)/python -m build

clean: ## Remove what was built (never the data folder)
	rm -rf build dist .venv node_modules poi_server/pages/vendor *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find cext -name '*.so' -delete
