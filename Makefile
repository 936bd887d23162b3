# patchcord: `make` prints the targets.
# Everything that ships is built without CGO; only the race detector needs a C compiler.

export CGO_ENABLED = 0
# What fails in front of a pipe fails.
SHELL       := bash
.SHELLFLAGS := -o pipefail -c
GO      ?= go
TOOLS   := $(CURDIR)/.tools
LINT    := $(TOOLS)/golangci-lint
LINT_V  := v2.15.0
# Every test that wants a server fails without it here, instead of skipping.
SERVERS := REQUIRE_SERVERS=1
# Within a package; many tests wait for servers.
SIDE    := -parallel 4
# SQLite in Go is C that was translated. To check every access of that takes half to three quarters of the processor time of what stores
# in it under the race detector; the driver around it, which touches our memory, is checked.
UNCHECKED := $(foreach p,modernc.org/sqlite/lib modernc.org/libc/... modernc.org/memory,'-gcflags=$(p)=-race=false -d=checkptr=0')
COVERED := ./ami/... ./buffer/... ./crm/... ./push/... ./sync/...

.PHONY: help
help: ## print the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

.PHONY: demo
demo: ## start everything on embedded defaults with a simulated PBX
	$(GO) run ./cmd/patchcord demo

.PHONY: build
build: ## build bin/patchcord, static
	$(GO) build -trimpath -ldflags '-s -w' -o bin/patchcord ./cmd/patchcord

.PHONY: servers
servers:
	@.ci/servers redis-server postgres mariadbd chromium odoorpc

.PHONY: test
test: servers ## run every test (RACE=1: under the race detector)
ifdef RACE
	@.ci/servers gcc
	$(SERVERS) CGO_ENABLED=1 $(GO) test -race $(UNCHECKED) $(SIDE) -timeout 30m ./...
else
	$(SERVERS) $(GO) test $(SIDE) -timeout 20m ./...
endif

.PHONY: check
check: format vet lint ## what CI runs: format, vet, lint, tests under the race detector
	@$(MAKE) --no-print-directory test RACE=1

.PHONY: format
format:
	@bad=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$bad" ]; then echo "gofmt -w these:"; echo "$$bad"; exit 1; fi

.PHONY: vet
vet:
	$(GO) vet ./...

.PHONY: lint
lint: $(LINT)-$(LINT_V)
	$(LINT)-$(LINT_V) run ./...

$(LINT)-$(LINT_V):
	GOBIN=$(TOOLS) GOFLAGS=-mod=mod $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_V)
	mv $(LINT) $@

.PHONY: cover
cover: servers ## print the coverage of the library packages
	$(SERVERS) $(GO) test $(SIDE) -timeout 20m -coverpkg=$$(echo $$($(GO) list $(COVERED)) | tr ' ' ',') -coverprofile=cover.out ./... | { grep -vE '^(ok|\?|	)' || true; }
	@.ci/cover cover.out

.PHONY: seeds
seeds: ## fold SEEDS simulated PBXs against their ledgers (default 20,000), and try the laws and the readers on every trace
	PATCHCORD_SEEDS=$${SEEDS:-20000} $(GO) test -timeout 6h -count=1 -run '^Test(Seeds$$|Law)' -v ./ami/calls | grep -vE '^(=== | +--- PASS)'
	$(GO) test ./ami ./ami/amitest

.PHONY: breaks
breaks: ## switch every rule of the call record off, and want that what holds it fails
	$(GO) test -count=1 -run '^TestRules' -v ./ami/calls -breaks | grep -vE '^=== '

.PHONY: nightly
nightly: ## fold a million seeds that nobody had, from the date on: half an hour and more
	@PATCHCORD_SEED=$$(date +%Y%m%d)000000 $(MAKE) --no-print-directory seeds SEEDS=1000000

.PHONY: fuzz
fuzz: ## fuzz every parser of outside bytes, FUZZTIME each (default 30s)
	@.ci/fuzz $${FUZZTIME:-30s}

.PHONY: bench
bench: servers ## take the speed figures and hold them to their goals (ONLY="ring memory": those)
	@.ci/bench

.PHONY: chaos
chaos: servers ## kill, cut and fill what the daemon needs, under load, and compare (FULL=1: for hours; ONLY="redis")
	@.ci/chaos

.PHONY: test-asterisk
test-asterisk: ## run the daemon against real Asterisk 22 and 16 (root; the first start takes minutes)
	@.ci/servers debootstrap openssl python3 sipp
	PATCHCORD_ASTERISK=1 $(GO) test -timeout 25m -count=1 -run 'TestAsterisk' -v ./cmd/patchcord

.PHONY: walks
walks: ## place COUNT calls at random from SEED on each of three real Asterisks, and hold the records against their bridges (root)
	@.ci/servers debootstrap openssl python3
	@.ci/walks
