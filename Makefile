GOLANGCI_LINT_VERSION := v2.15.0
GOFUMPT_VERSION := v0.9.2
# Linters are kept apart by version, so that another pin installs anew.
GOLANGCI_LINT := bin/golangci-lint-$(GOLANGCI_LINT_VERSION)
GOFUMPT := bin/gofumpt-$(GOFUMPT_VERSION)
PORT ?= 8080
# The release that the tree leads to stands in the file VERSION; a build adds its commit.
VERSION ?= $(shell cat VERSION)$(shell git describe --always --dirty --exclude "*" 2>/dev/null | sed "s/^/+/")
PLATFORMS ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64
FUZZTIME ?= 10s
BENCH ?= .
ORACLE_QUERIES ?= 20000
ORACLE_SEED ?= $(shell date +%s)

.PHONY: help build run test test-fast test-decorated cover oracle lint format bench fuzz dist clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## the engine, one static binary
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/dovetail ./cmd/dovetail

run: build ## the demo: two databases and a service joined, on http://localhost:$(PORT)
	./bin/dovetail demo --server-port $(PORT)

test: ## every test, against real servers
	tools/test

test-fast: ## the packages' own tests, without servers of other makes, races or integration
	tools/test $$(go list ./... | grep -v -e /integration -e /cmd/)

cover: ## coverage of all packages by all tests, those through the running engine included, in coverage.txt
	tools/cover

test-decorated: ## the integration tests with an engine whose sources all stand behind a decorator
	DOVETAIL_TEST_TAGS=decorated tools/test -count=1 -timeout 20m ./integration/...

oracle: ## ORACLE_QUERIES random queries over random tables, in one place and apart
	DOVETAIL_ORACLE_QUERIES=$(ORACLE_QUERIES) DOVETAIL_ORACLE_SEED=$(ORACLE_SEED) \
		tools/test -count=1 -timeout 6h -run TestAnswersDoNotDependOnWhereTablesAre ./integration/oracle

lint: $(GOLANGCI_LINT) $(GOFUMPT) ## every linter, and the format
	@unformatted=$$($(GOFUMPT) -l $$(git ls-files --cached --others --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not gofumpt's format:"; echo "$$unformatted"; exit 1; fi
	$(GOLANGCI_LINT) run ./...
	go mod tidy -diff
	go mod verify

format: $(GOLANGCI_LINT) ## gofumpt and the order of imports
	$(GOLANGCI_LINT) fmt ./...

bench: ## the benchmarks; BENCH chooses some
	tools/test -run '^$$' -bench '$(BENCH)' -benchmem -timeout 60m ./...

fuzz: ## every fuzz target for FUZZTIME each
	tools/fuzz $(FUZZTIME)

dist: ## release binaries of every platform, with checksums, in dist/
	tools/dist $(VERSION) $(PLATFORMS)

clean: ## what builds and tests leave
	rm -rf bin dist coverage coverage.txt integration/peers/node_modules integration/remoteschemas/peers/node_modules

$(GOLANGCI_LINT):
	GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	mv bin/golangci-lint $@

$(GOFUMPT):
	GOBIN=$(CURDIR)/bin go install mvdan.cc/gofumpt@$(GOFUMPT_VERSION)
	mv bin/gofumpt $@
