# The two commands of the README, and what they need; everything else is cargo.

CARGO ?= cargo

.PHONY: demo test needs lint check fuzz bench clean-runs

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
	$(CARGO) rustc --locked --bin squall --profile check -- --cfg alone -D warnings -A unused_imports
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items

check: lint test

# Changes inputs at random for so many seconds a target; another seed gives other inputs, the same seed the same.
SQUALL_FUZZ_SECONDS ?= 60
SQUALL_FUZZ_SEED ?= 1
fuzz:
	SQUALL_FUZZ_SECONDS=$(SQUALL_FUZZ_SECONDS) SQUALL_FUZZ_SEED=$(SQUALL_FUZZ_SEED) \
	$(CARGO) test --locked --test fuzz --test histories -- --nocapture fuzz_

# Ratios against a reference in the same run; see benches/.
bench: needs
	$(CARGO) bench --locked

clean-runs:
	target/release/squall clean
