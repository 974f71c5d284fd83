# The two commands of the README, and what they need; everything else is cargo.

CARGO ?= cargo

.PHONY: demo test needs lint check bench clean-runs

# Builds squall, checks the machine, runs scenarios/quickstart.yaml.
demo: needs
	$(CARGO) build --release --locked
	target/release/squall doctor
	target/release/squall run scenarios/quickstart.yaml

# All tests: pure floors and real clusters. --no-fail-fast shows every failure of a long run.
test: needs
	$(CARGO) test --locked --no-fail-fast

# Installs what is missing with apt-get when root, else names it.
needs:
	@sh .ci/needs

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items

check: lint test

# Ratios against a reference in the same run; see benches/.
bench: needs
	$(CARGO) bench --locked

clean-runs:
	target/release/squall clean
