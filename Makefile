# What a person types here. Each target says what it does and leaves nothing behind but target/ and, for `run`, data/.

.PHONY: help run demo web check test soak bench fuzz docs generated

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build the released program and start it with its data in ./data
	@scripts/run

demo: ## The sample bank with Countersign behind it, at http://localhost:8080 (PORT=…), until Ctrl-C
	@scripts/demo

web: ## Build the pages for people, which the next build of the program takes up (Node.js 20.19 or later)
	@scripts/web

check: ## Formatting, lints, dependencies, documentation: warnings are errors
	@scripts/check

test: ## Every test on both databases, the long ones in their short form
	@scripts/test

.PHONY: web-test
web-test: ## The tests of the pages alone, with a browser
	@scripts/npm test

.PHONY: screenshots
screenshots: ## The documentation's pictures of the pages and the bank; FOLDER=target/screens for all, in light and dark, on phone and desktop
	@scripts/npm screenshots $(abspath $(FOLDER))

soak: ## Every test in its long form: hours
	@COUNTERSIGN_SOAK=1 scripts/test --release

bench: ## The load test that ships, against a server of its own
	@scripts/bench

fuzz: ## Each fuzz target for a minute (SECONDS_EACH=60, TARGETS="alerts assertions bodies frames ids otpauth policies texts tokens webauthn webhooks workflows")
	@scripts/fuzz

docs: generated ## The crates' documentation, in target/doc
	@cargo doc --workspace --no-deps --locked --document-private-items

generated: ## Write the generated parts of committed files anew
	@scripts/update-generated
