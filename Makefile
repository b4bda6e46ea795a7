# Parley. `make help` lists the targets; README.md says what they show.
SHELL := /bin/bash
.DEFAULT_GOAL := help
GO ?= go
BIN := bin
TOOLS := $(BIN)/tools
SOURCES := cmd media pipeline providers control store bench deploy
LINT := $(TOOLS)/golangci-lint
S3 := $(BIN)/versitygw
FUZZTIME ?= 20s
SOAK ?= 1000
SCORES ?= 20
# End-to-end tests at once: each waits for speech most of its time.
ATONCE ?= 6
# Tests that play random calls: repeating the scores is about playing the same.
RANDOM := ^(TestHeardLedger|TestRandomCalls|TestRandomAnswers|TestSecretsAreNowhere)$$
# What tests say about sound, not about goroutines: the race detector makes it four times as slow. Every other test
# of the package runs under it.
SOUND := ^(TestCallerIsHeardOverTheAgent|TestEchoIsNoSpeech|TestEdges|TestVoiceIsUnderstood|TestWordErrorRate)$$
# Those that need npm's packages besides Chromium: test-browser runs them.
BROWSERS := ^(TestEndToEndBrowser|TestEndToEndDesk)$$
# SQLite is C that was translated, and keeps its memory outside of Go's: the race detector sees nothing there, and makes it three times as slow.
# kong makes the tree of all commands anew for each that a test gives, huma the description of all routes for each server; expressions and passwords
# take long: each works on one goroutine's memory. Static has vetted the packages. Whatever has sync.Map's code compiled into it (kin-openapi) must not
# be here: the linker takes one of all copies, and with a bare one the detector sees races where there are none.
BARE := modernc.org/... github.com/alecthomas/... github.com/danielgtaylor/... regexp/... golang.org/x/crypto/argon2 golang.org/x/crypto/blake2b
RACE := -race -vet=off $(foreach p,$(BARE),-gcflags='$(p)=-race=false')
# Whole packages that are about sound.
PURE := ./bench/amd ./bench/turns ./media/dtmf ./media/tones
# What only computes, or keeps a time of its own, gives way to what is beside it in real time. (SCHED_IDLE would do so wholly, and never end on a
# machine that others use.)
ASIDE := nice -n 19

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
	@test -z "$$(gofmt -l $(SOURCES) | tee /dev/stderr)"
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
	$(MAKE) --no-print-directory race
	@$(MAKE) --no-print-directory -j 2 test-calls test-aside
	$(MAKE) --no-print-directory bench-smoke SMOKE='$(filter-out $(VIRTUAL),$(SMOKE))'

# Most of a call is waiting for somebody to have spoken; most of sipp's scenarios are waiting for a session to run out.
.PHONY: test-calls
test-calls: build
	PARLEY_E2E_EVERY=3 $(MAKE) --no-print-directory e2e
	$(MAKE) --no-print-directory -j 2 --output-sync=target test-browser sipp
	$(MAKE) --no-print-directory test-contract
	$(MAKE) --no-print-directory dial-once

# Its output is kept in a file, and shown where it fails: two that print at once nobody can read.
.PHONY: test-aside
test-aside: build
	@mkdir -p $(BIN)
	@run() { echo "aside: $$*"; $(ASIDE) $(MAKE) --no-print-directory "$$@" >$(BIN)/aside.log 2>&1 || { cat $(BIN)/aside.log; echo "aside: $$* failed"; exit 1; }; }; \
	  run scores random SCORES=5; run sound; run bench-smoke SMOKE='$(VIRTUAL)'; run fuzz FUZZTIME=2s; echo "aside: all passed"

# Many tests wait, for databases and for clocks: more packages run at once than there are processors.
.PHONY: race
race: ## all packages' tests under the race detector, but those of sound (make sound) and the scores (make scores random)
	$(GO) test $(RACE) -timeout 25m -p 3 -skip '$(SOUND)' $$($(GO) list ./... | grep -vxF "$$($(GO) list $(PURE) ./pipeline/score)")

.PHONY: sound
sound: ## the tests of sound, without the race detector
	$(GO) test -timeout 1h $(PURE)
	$(GO) test -timeout 1h -run '$(SOUND)' ./providers/local

# Each round is a process of its own: the race detector forgets nothing, and a round costs it 270 MB.
.PHONY: scores
scores: $(BIN)/score.test ## the scores SCORES times under the race detector (default 20; make test: 5): each time as written
	@cd pipeline/score && for i in $$(seq $(SCORES)); do \
	  printf 'round %d of %d: ' $$i $(SCORES); ../../$(BIN)/score.test -test.skip '$(RANDOM)' || exit 1; done

.PHONY: random
random: $(BIN)/score.test ## random calls, once, under the race detector
	@cd pipeline/score && ../../$(BIN)/score.test -test.run '$(RANDOM)'

.PHONY: $(BIN)/score.test
$(BIN)/score.test:
	@mkdir -p $(BIN)
	$(GO) test -race -c -o $@ ./pipeline/score

.PHONY: dial-once
dial-once: ## 1,000 tasks, nodes killed at every point of dialling, lost answers: no number rings twice; prints the kills (15 s)
	$(GO) test -count=1 -v ./control/dialer -run '^TestDialOnce$$' -tasks 1000

.PHONY: e2e
e2e: build ## the real binary over real sockets: recorded speech in, spoken answers out (PARLEY_E2E_CALLS: callers at once, 50; PARLEY_E2E_EVERY=n: one in n of the sentences whose words are counted)
	$(GO) test -tags e2e -count=1 -parallel $(ATONCE) -timeout 30m -v ./cmd/parley -run 'TestEndToEnd' -skip '$(BROWSERS)'

.PHONY: sipp
sipp: build ## sipp's scenarios against Parley, both roles, UDP and TCP, 8 at once; prints a table (2 minutes)
	$(GO) run ./bench/sipp -parley $(BIN)/parley

AXE := control/console/node_modules/axe-core/axe.min.js

$(AXE): control/console/package-lock.json
	cd control/console && npm ci --ignore-scripts --no-audit --no-fund
	@touch $(AXE)

.PHONY: console
console: $(AXE) ## build the console's page anew: types of the API's description, its tests, control/console/dist (needs npm)
	$(GO) test -count=1 ./control -run '^TestTypeScript$$' -update
	cd control/console && npm test && npm run build

.PHONY: test-browser
test-browser: $(AXE) ## a headless Chromium with recorded speech for a microphone talks to an agent; every page of the console: no error, axe has nothing serious; pictures in bin/screens
	$(GO) test -tags e2e -count=1 -timeout 10m -v ./cmd/parley -run '^TestConsole|$(BROWSERS)'

.PHONY: test-contract
test-contract: build ## the real server held to the voice-agents contract: every operation, example, key, word, status and message, on both databases; contacts and custom fields held to the CRM contract
	$(GO) test -count=1 -v ./control/voice/voicetest
	$(GO) test -count=1 ./control/crm/...
	$(GO) test -tags e2e -count=1 -timeout 5m -v ./cmd/parley -run '^TestContract'

.PHONY: soak
soak: build ## the long runs, by hand: SOAK times the scores, the playout's random scripts 20,000 times, 10 rounds of calls
	$(MAKE) --no-print-directory scores SCORES=$(SOAK)
	@cd pipeline/score && for i in $$(seq 20); do printf 'random calls, round %d of 20: ' $$i; ../../$(BIN)/score.test -test.run '$(RANDOM)' || exit 1; done
	$(GO) test -timeout 1h ./media -rapid.checks=20000
	$(GO) test -tags e2e -count=10 -timeout 3h -v ./cmd/parley -run 'TestEndToEnd(Fifty|BargeIn|Drain)'
	$(GO) test -tags e2e -count=1 -timeout 20m -v ./cmd/parley -run '^TestEndToEndWER$$'
	$(MAKE) --no-print-directory soak-sip
	$(MAKE) --no-print-directory soak-providers

.PHONY: soak-inbox
soak-inbox: ## 10,000 webhooks of WhatsApp, each three times and shuffled, across a kill: one effect each, none lost (some minutes)
	PARLEY_E2E_EVENTS=10000 $(GO) test -tags e2e -count=1 -timeout 30m -v ./cmd/parley -run '^TestEndToEndInboxStorm$$'

.PHONY: soak-sip
soak-sip: build ## what SIP must bear, whole, a line each: keys on 17 bad networks, sprayed and malformed packets, 10,000 calls on 200 ports, header injection, floods (20 minutes)
	@set -o pipefail; tell() { grep -v -e '^=== ' -e '^ *--- PASS'; }; \
	  $(GO) test -count=1 -v ./media/rtp -run '^(TestDigits|TestSpray|TestBackToBack)$$' -digits 1000 | tell && \
	  $(GO) test -count=1 -v ./media/sip/edge -run '^(TestRFC.*|TestMalformed.*|TestSlowHeads|TestDeaf|TestGreedy|TestInjection)$$' | tell && \
	  $(GO) test -count=1 -v ./media/sip ./media/stream -run '^TestInjected' | tell && \
	  $(GO) test -count=1 -v ./providers/httptool -run '^TestInjection$$' -texts 5000 | tell && \
	  PARLEY_E2E_INJECTIONS=5000 $(GO) test -tags e2e -count=1 -timeout 30m -v ./cmd/parley -run '^TestEndToEndHeaderInjection$$' | tell
	$(MAKE) --no-print-directory flood

.PHONY: soak-providers
soak-providers: ## 1,000 turns of each class of vendors' faults, with another vendor behind the sick one: silences, words said twice, turns without an answer; prints a table (20 minutes)
	$(GO) test -count=1 -timeout 1h -v ./providers -run '^TestSoak$$' -turns 1000 -calls 100

# All of it runs, whatever fails on the way; what failed is told at the end.
.PHONY: bench
bench: build ## what a call costs, beside floors and baselines: streams, whole calls, the API (under 20 minutes); bin/bench.html shows it; fails where a ratio is missed
	@rm -f $(BIN)/leg.json $(BIN)/calls.json $(BIN)/control.json
	@set -o pipefail; began=$$(date +%s); bad=0; \
	  $(GO) run ./bench/leg -rounds 2 -budget 180s -json $(BIN)/leg.json || bad=1; \
	  $(GO) run ./bench/calls -rounds 2 -hold 8s -budget 5m -servers product,floor,baseline -json $(BIN)/calls.json || bad=1; \
	  $(GO) run ./bench/control -rounds 2 -parley $(BIN)/parley -json $(BIN)/control.json || bad=1; \
	  $(GO) run ./bench/table -began $$began -command "make bench" -title "What a call costs, beside floors and baselines" \
	    -json $(BIN)/bench.json -html $(BIN)/bench.html $(BIN)/calls.json $(BIN)/leg.json $(BIN)/control.json | tee $(BIN)/bench.md || bad=1; \
	  exit $$bad

SMOKE := smoke-offline smoke-calls smoke-scenes smoke-live smoke-start smoke-leg smoke-turns smoke-amd smoke-store smoke-api smoke-crm smoke-bulk smoke-control smoke-sip smoke-webrtc smoke-flood smoke-heard

# Those on virtual clocks.
VIRTUAL := smoke-turns smoke-amd

.PHONY: bench-smoke
bench-smoke: build ## every benchmark at its smallest: that it works, not how fast (some minutes: two at a time)
	@mkdir -p $(BIN)/smoke
	$(GO) build -o $(BIN)/smoke/ $(sort $(patsubst smoke-%,./bench/%,$(filter-out smoke-api smoke-scenes,$(SMOKE))))
	@$(MAKE) --no-print-directory -j 2 --output-sync=target $(SMOKE)

.PHONY: $(SMOKE)
smoke-offline smoke-flood: PROGRAM := -binary $(BIN)/parley
smoke-start smoke-control: PROGRAM := -parley $(BIN)/parley
smoke-heard: PROGRAM := -pesq ''
$(filter-out smoke-api smoke-scenes,$(SMOKE)): smoke-%:
	$(BIN)/smoke/$* -quick $(PROGRAM)
smoke-api:
	$(BIN)/smoke/store -api -quick
smoke-scenes:
	$(BIN)/smoke/calls -point voice,overload,api -calls 20 -rounds 1 -hold 2s

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

.PHONY: bench-sip
bench-sip: ## calls over SIP and RTP a core with speech detection and recording, beside two floors in one run; fails above 1.25 x floor's time a packet or below 1.35 x a socket each (8 minutes)
	$(GO) run ./bench/sip

.PHONY: bench-webrtc
bench-webrtc: setup-test ## calls from browsers a core, Opus both ways, with speech detection and recording, beside bare pion in one run; fails above 1.10 x the time a packet of pion with Opus (5 minutes)
	$(GO) run ./bench/webrtc

.PHONY: bench-heard
bench-heard: ## what callers sound like over bad networks: the jitter buffer beside a fixed one of 60 ms, graded by PESQ
	$(GO) run ./bench/heard

.PHONY: flood
flood: build ## 10,000 SIP messages a second for 20 s each of INVITE, REGISTER, OPTIONS, MESSAGE from one source and from 1,000, and 1,100 TCP peers, while 20 calls talk (4 minutes)
	$(GO) run ./bench/flood

.PHONY: bench-providers
bench-providers: ## what each vendor's adapter adds to the first of what it is asked for, beside a bare socket and a bare request in one run (1 minute)
	$(GO) test -count=1 -run '^$$' -bench '^BenchmarkProviders$$' -benchtime 1000x ./cmd/parley

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

.PHONY: bench-crm
bench-crm: ## searches among 1,000,000 contacts on SQLite and Postgres beside the bare query: p99 and memory; fails above 2 x the bare query's p99
	$(GO) run ./bench/crm

.PHONY: bench-bulk
bench-bulk: ## conversations of the CRM that one bulk request makes a second, 10,000 at once, and the heap at its peak, on SQLite and Postgres (2 minutes)
	$(GO) run ./bench/bulk

.PHONY: bench-api
bench-api: ## what the API adds to its queries at 1,000,000 calls on SQLite and Postgres; fails above 150 us p50
	$(GO) run ./bench/store -api

# A package's targets are built once, and run from where go test would run them, with its cache of inputs.
# Go's fuzzer now and then takes the end of its own time for a failure ("context deadline exceeded"); what a target truly fails on is kept in
# testdata, and fails the second time as well.
.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (default 20s)
	@mkdir -p $(BIN)/fuzz
	@set -e; cache=$$($(GO) env GOCACHE)/fuzz; bin=$(CURDIR)/$(BIN)/fuzz/fuzz.test; \
	for dir in $$(grep -rl --include='*_test.go' '^func Fuzz' $(SOURCES) | xargs -n 1 dirname | sort -u); do \
	  $(GO) test -vet=off -c -fuzz . -ldflags='-s -w' -o $$bin ./$$dir; \
	  targets=$$(cd $$dir; $$bin -test.list '^Fuzz'); \
	  for t in $$targets; do \
	    echo "fuzz $$dir $$t"; \
	    f="$$bin -test.run ^$$ -test.fuzz ^$$t$$ -test.fuzztime $(FUZZTIME) -test.fuzzminimizetime 10x -test.fuzzcachedir $$cache/parley/$$dir"; \
	    (cd $$dir; $$f || $$f); \
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
