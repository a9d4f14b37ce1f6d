GOLANGCI_LINT_VERSION := v2.15.0
GOFUMPT_VERSION := v0.9.2
# Linters are kept apart by version, so that another pin installs anew.
GOLANGCI_LINT := bin/golangci-lint-$(GOLANGCI_LINT_VERSION)
GOFUMPT := bin/gofumpt-$(GOFUMPT_VERSION)
PORT ?= 8080
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
FUZZTIME ?= 10s
BENCH ?= .
ORACLE_QUERIES ?= 20000
ORACLE_SEED ?= $(shell date +%s)

.PHONY: build run test oracle lint format bench fuzz clean

build: ## the engine, one static binary
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/dovetail ./cmd/dovetail

run: build ## the demo: two databases and a service joined, on http://localhost:$(PORT)
	./bin/dovetail demo --server-port $(PORT)

test: ## every test, against real servers
	tools/test

oracle: ## ORACLE_QUERIES random queries over random tables, in one place and apart
	DOVETAIL_ORACLE_QUERIES=$(ORACLE_QUERIES) DOVETAIL_ORACLE_SEED=$(ORACLE_SEED) \
		tools/test -count=1 -timeout 6h -run TestAnswersDoNotDependOnWhereTablesAre ./integration/oracle

lint: $(GOLANGCI_LINT) $(GOFUMPT) ## every linter, and the format
	@unformatted=$$($(GOFUMPT) -l $$(git ls-files --cached --others --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not gofumpt's format:"; echo "$$unformatted"; exit 1; fi
	$(GOLANGCI_LINT) run ./...

format: $(GOLANGCI_LINT) ## gofumpt and the order of imports
	$(GOLANGCI_LINT) fmt ./...

bench: ## the benchmarks; BENCH chooses some
	tools/test -run '^$$' -bench '$(BENCH)' -benchmem -timeout 60m ./...

fuzz: ## every fuzz target for FUZZTIME each
	tools/fuzz $(FUZZTIME)

clean:
	rm -rf bin integration/peers/node_modules integration/remoteschemas/peers/node_modules

$(GOLANGCI_LINT):
	GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	mv bin/golangci-lint $@

$(GOFUMPT):
	GOBIN=$(CURDIR)/bin go install mvdan.cc/gofumpt@$(GOFUMPT_VERSION)
	mv bin/gofumpt $@
