# Parley. `make help` lists the targets; README.md says what they show.
SHELL := /bin/bash
.DEFAULT_GOAL := help
GO ?= go
BIN := bin
TOOLS := $(BIN)/tools
LINT := $(TOOLS)/golangci-lint
S3 := $(BIN)/versitygw
FUZZTIME ?= 20s
SOAK ?= 1000
SCORES ?= 20
# Tests that play random calls: repeating the scores is about playing the same.
RANDOM := ^(TestHeardLedger|TestRandomCalls|TestRandomAnswers|TestSecretsAreNowhere)$$

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## install what running needs: Debian packages, speech models (checked by sha256)
	@deploy/setup.sh run

.PHONY: setup-test
setup-test: $(S3) ## install what the tests need besides
	@deploy/setup.sh test

.PHONY: build
build: ## build bin/parley
	@mkdir -p $(BIN)
	$(GO) build -o $(BIN)/parley ./cmd/parley

.PHONY: run
run: setup build ## set up, build and answer calls; no key and no server needed; settings from .env, if there is one
	@set -a; if [ -f .env ]; then . ./.env; fi; set +a; exec $(BIN)/parley serve

$(LINT): .tools/go.mod .tools/go.sum
	@mkdir -p $(TOOLS)
	@echo "building golangci-lint (some minutes, once)"
	cd .tools && $(GO) build -o ../$(LINT) github.com/golangci/golangci-lint/v2/cmd/golangci-lint

# An S3 server for tests: a process of its own, never linked in (Apache-2.0).
$(S3): .tools/s3/go.mod .tools/s3/go.sum
	@mkdir -p $(BIN)
	@echo "building versitygw (a minute or two, once)"
	cd .tools/s3 && $(GO) build -o ../../$(S3) github.com/versity/versitygw/cmd/versitygw

.PHONY: lint
lint: $(LINT) ## golangci-lint with the list of .golangci.yml
	$(LINT) run ./...

.PHONY: static
static: build ## format, vet, lint, both builds
	@test -z "$$(gofmt -l cmd media pipeline providers control store bench deploy | tee /dev/stderr)"
	$(GO) vet ./...
	CGO_ENABLED=0 $(GO) build ./...
	$(MAKE) --no-print-directory lint
	$(MAKE) --no-print-directory lint-deploy

.PHONY: lint-deploy
lint-deploy: ## deploy/ held against Helm's, Compose's and systemd's own checks, and against the program
	cd .tools/deploy && $(GO) test -count=1 ./...
	$(GO) test -count=1 ./cmd/parley -run '^(TestDeploy|TestUnit)'

.PHONY: dashboards
dashboards: ## write the Grafana dashboards anew; a test says when that is due
	$(GO) run ./deploy/grafana

.PHONY: check
check: static $(S3) ## all of static, and the fast tests
	$(GO) test -short ./...

.PHONY: test
test: setup-test static $(S3) ## set up and run every check, the end-to-end calls too
	$(GO) test -race ./...
	$(MAKE) --no-print-directory scores SCORES=19
	$(MAKE) --no-print-directory dial-once
	$(MAKE) --no-print-directory e2e
	$(MAKE) --no-print-directory test-contract
	$(MAKE) --no-print-directory bench-smoke
	$(MAKE) --no-print-directory fuzz FUZZTIME=2s

# Each round is a process of its own: the race detector forgets nothing, and a round costs it 270 MB.
.PHONY: scores
scores: ## the scores SCORES times under the race detector (default 20): each time as written
	@mkdir -p $(BIN)
	$(GO) test -race -c -o $(BIN)/score.test ./pipeline/score
	@cd pipeline/score && for i in $$(seq $(SCORES)); do \
	  printf 'round %d of %d: ' $$i $(SCORES); ../../$(BIN)/score.test -test.skip '$(RANDOM)' || exit 1; done

.PHONY: dial-once
dial-once: ## 1,000 tasks, nodes killed at every point of dialling, lost answers: no number rings twice; prints the kills (15 s)
	$(GO) test -count=1 -v ./control/dialer -run '^TestDialOnce$$' -tasks 1000

.PHONY: e2e
e2e: build ## the real binary over real sockets: recorded speech in, spoken answers out (PARLEY_E2E_CALLS: callers at once, 50)
	$(GO) test -tags e2e -count=1 -parallel 4 -timeout 20m -v ./cmd/parley -run 'TestEndToEnd'

.PHONY: test-contract
test-contract: build ## the real server held to the voice-agents contract: every operation, example, key, word, status and message, on both databases
	$(GO) test -count=1 -v ./control/voice/voicetest
	$(GO) test -tags e2e -count=1 -timeout 5m -v ./cmd/parley -run '^TestContract'

.PHONY: soak
soak: build ## the long runs, by hand: SOAK times the scores, the playout's random scripts 20,000 times, 10 rounds of calls
	$(MAKE) --no-print-directory scores SCORES=$(SOAK)
	@cd pipeline/score && for i in $$(seq 20); do printf 'random calls, round %d of 20: ' $$i; ../../$(BIN)/score.test -test.run '$(RANDOM)' || exit 1; done
	$(GO) test -timeout 1h ./media -rapid.checks=20000
	$(GO) test -tags e2e -count=10 -timeout 3h -v ./cmd/parley -run 'TestEndToEnd(Fifty|BargeIn|Drain)'

.PHONY: bench
bench: build ## what a call costs, beside floors and baselines: streams, whole calls, the control plane (under 20 minutes); fails where a ratio is missed
	$(GO) run ./bench/leg -rounds 2 -budget 4m
	$(GO) run ./bench/calls -rounds 2 -budget 6m -json $(BIN)/calls.json -html $(BIN)/calls.html
	$(GO) run ./bench/control -rounds 2

.PHONY: bench-smoke
bench-smoke: build ## every benchmark at its smallest: that it works, not how fast
	$(GO) run ./bench/leg -quick
	$(GO) run ./bench/calls -quick
	$(GO) run ./bench/control -quick
	$(GO) run ./bench/start -quick
	$(GO) run ./bench/offline -quick
	$(GO) run ./bench/store -quick
	$(GO) run ./bench/store -api -quick
	$(GO) run ./bench/turns -quick
	$(GO) run ./bench/amd -quick
	$(GO) run ./bench/live -quick

.PHONY: bench-go
bench-go: ## the benchmarks of all packages
	$(GO) test -run '^$$' -bench . -benchmem ./...

.PHONY: bench-calls
bench-calls: build ## whole calls a core beside floor and baseline, and what the product costs in other situations; bin/calls.html shows it (20 minutes)
	$(GO) run ./bench/calls -json $(BIN)/calls.json -html $(BIN)/calls.html

.PHONY: bench-control
bench-control: ## requests a second of the control plane on one core beside net/http and encoding/json; fails below 0.75 x
	$(GO) run ./bench/control

.PHONY: bench-start
bench-start: ## time until serve listens, idle memory, what 100,000 ended calls leave behind (20 minutes)
	$(GO) run ./bench/start

.PHONY: bench-offline
bench-offline: setup-test ## how many calls a machine carries with offline speech, and what callers get when it is full
	$(GO) run ./bench/offline

.PHONY: bench-leg
bench-leg: ## Twilio streams a core, beside floor and baseline in one run; fails below 2.5 x baseline or 0.85 x floor
	$(GO) run ./bench/leg

.PHONY: bench-turns
bench-turns: setup-test ## turn-taking on recorded speech: cut-offs, delays, interruptions, echo, the heard-ledger, beside their targets
	$(GO) run ./bench/turns

.PHONY: bench-amd
bench-amd: setup-test ## who answers outbound calls: verdicts, their times, messages after beeps, beside their targets
	$(GO) run ./bench/amd

.PHONY: bench-live
bench-live: ## what 100 readers on 50 calls cost the agents' audio: p99 of its lateness with and without; fails above 1 ms (4 minutes)
	$(GO) run ./bench/live

.PHONY: bench-store
bench-store: ## inserts and lists a second at 1,000,000 calls on SQLite and Postgres; fails where p99 grows with the offset
	$(GO) run ./bench/store

.PHONY: bench-api
bench-api: ## what the API adds to its queries at 1,000,000 calls on SQLite and Postgres; fails above 150 us p50
	$(GO) run ./bench/store -api

# Go's fuzzer now and then takes the end of its own time for a failure ("context deadline exceeded"); what a target truly fails on is kept in
# testdata, and fails the second time as well.
.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (default 20s)
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for t in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "fuzz $$pkg $$t"; f="$(GO) test -run ^$$ -fuzz ^$$t$$ -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$pkg"; $$f || $$f; \
	  done; done

SQLC := $(TOOLS)/sqlc

$(SQLC): .tools/go.mod .tools/go.sum
	@mkdir -p $(TOOLS)
	@echo "building sqlc (some minutes, once)"
	cd .tools && $(GO) build -o ../$(SQLC) github.com/sqlc-dev/sqlc/cmd/sqlc

.PHONY: generate
generate: $(SQLC) ## regenerate store/sql/db from its queries; a test says when that is due
	$(GO) generate ./store/...

.PHONY: clean
clean: ## remove what make built
	rm -rf $(BIN)
