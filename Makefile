# The entry points; what they do is in scripts/. PORT, STATE and the settings named in scripts/setup.sh come
# from the environment or the command line: make dev PORT=9000

.PHONY: help setup build dev demo simulate test bench chaos fuzz screenshots deploy move release clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

setup: ## install what is missing: npm packages, wasm32 target, worker-build
	@sh scripts/setup.sh

build: setup ## build the Worker into build/
	@sh scripts/build.sh

dev: ## run it locally with a local database (PORT, default 8787; STATE, default .wrangler/state)
	@sh scripts/dev.sh

demo: ## fire 30 days' worth of traffic, clicks too, at the local deployment that make dev runs (VISITORS, DAYS)
	@sh scripts/demo.sh

simulate: ## fire a network's real behaviour at the local deployment, and say what became of it (NETWORK=quotex, or all; BASE)
	@sh scripts/simulate.sh

test: ## format, lints, unit tests, and the Worker's tests on workerd
	@sh scripts/test.sh

bench: build ## measure it beside a bare insert and the common three calls, D1 as here and as in production (ROUNDS; BENCH=short; BEFORE=another checkout)
	@sh scripts/bench.sh

chaos: build ## kill it under load, many times, and count what is lost (ROUNDS; CHAOS=short)
	@sh scripts/chaos.sh

fuzz: ## feed the readers with what a coverage-guided fuzzer makes up (SECONDS_EACH, default 60; TARGETS)
	@sh scripts/fuzz.sh

screenshots: build ## retake the pictures of README and docs (needs Chromium)
	@sh scripts/screenshots.sh

deploy: ## create what is missing on Cloudflare and deploy (DATABASES; scripts/deploy.sh --dry-run shows the steps)
	@sh scripts/deploy.sh

release: build ## build a folder and an archive that others deploy with Node alone
	@sh scripts/release.sh

move: ## move a space to another database, also of a deployment (SPACE, TO; ORIGIN, OPERATOR_TOKEN)
	@sh scripts/move.sh

clean: ## remove what a build makes; local data (STATE) stays
	rm -rf build dist target .wrangler/tmp .wrangler/logs
