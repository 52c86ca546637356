# What a person types here. Each target says what it does and leaves nothing behind but target/ and, for `run`, data/.

.PHONY: help run check test soak bench fuzz docs generated

help: ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

run: ## Build the released program and start it with its data in ./data
	@scripts/run

check: ## Formatting, lints, dependencies, documentation: warnings are errors
	@scripts/check

test: ## Every test on both databases, the long ones in their short form
	@scripts/test

soak: ## Every test in its long form: hours
	@COUNTERSIGN_SOAK=1 scripts/test --release

bench: ## The load test that ships, against a server of its own
	@scripts/bench

fuzz: ## Each fuzz target for a minute (SECONDS_EACH=60, TARGETS=all)
	@scripts/fuzz

docs: generated ## The crates' documentation, in target/doc
	@cargo doc --workspace --no-deps --locked --document-private-items

generated: ## Write the generated parts of committed files anew
	@scripts/update-generated
