# materia: every command a person or CI needs. `make help` lists them.

GO          ?= go
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS     := -s -w -X main.version=$(VERSION)
CYCLONEDX   := github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
TEST_FLAGS  ?=
LONG_FLAGS  ?=
FUZZ_TIME   ?= 10s
SOAK_MINUTES ?= 30
FUZZ_PACKAGES ?= ./internal/...
SHELL_FILES := .ci/run infra/supervisor/start-materia $(shell git ls-files '*.sh' 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: sbom vulncheck lint-ci infra-test secrets-decrypt-dev secrets-decrypt-prod secrets-edit-dev secrets-edit-prod build demo test cover bench lint lint-fix format css-build css-watch long kill-trials fuzz screenshots systemd-test systemd-deploy-test soak yardstick-sqlmesh clean help

build: ## build bin/materia
	@echo "building bin/materia (the first build compiles SQLite and links DuckDB: a few minutes)"
	CGO_ENABLED=1 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/materia ./cmd/materia

demo: build ## sample data from upstream to dashboard on http://localhost:8080, Ctrl-C stops it
	./bin/materia demo

test: ## all tests with the race detector, short forms of the slow ones
	$(GO) test -race -timeout 25m $(TEST_FLAGS) ./...

cover: ## test coverage: a line per function on the terminal, coverage.out for tools
	$(GO) test -timeout 25m -coverpkg=./... -coverprofile=coverage.out ./...
	$(GO) tool cover -func=coverage.out | tail -n 1

bench: ## benchmarks, as ratios against a baseline in the same run
	$(GO) test -run '^$$' -bench . -benchtime 3x -timeout 30m ./...

lint: ## gofmt, vet, staticcheck, shellcheck, rules and layout of models
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt would change:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	shellcheck $(SHELL_FILES)
	$(GO) run ./cmd/materia lint
	$(GO) run ./cmd/materia format --check

lint-fix: format ## what a machine can mend: gofmt and go fix
	$(GO) fix ./...

format: ## gofmt, and the layout of models
	gofmt -w $$(git ls-files '*.go')
	$(GO) run ./cmd/materia format

css-build: ## compile the dashboard's CSS (npm); the result is committed
	npm ci --no-audit --no-fund
	npm run css-build

css-watch: ## the same again at every change
	npm ci --no-audit --no-fund
	npm run css-watch

long: ## the slow suites in full: kill trials, rotations, fuzzing, browser, SQLMesh side by side
	MATERIA_LONG=1 $(GO) test -timeout 120m $(LONG_FLAGS) ./...
	$(MAKE) fuzz FUZZ_TIME=60s
	$(MAKE) systemd-test
	$(MAKE) systemd-deploy-test
	$(MAKE) yardstick-sqlmesh

kill-trials: ## 10,000 extractions killed at random moments; stops and resumes, the count is in tmp/kill-trials.json
	mkdir -p tmp
	MATERIA_TRIALS=10000 MATERIA_TRIALS_FILE=$(CURDIR)/tmp/kill-trials.json $(GO) test -count=1 -timeout 24h -run TestFaultKilledAtRandomMoments -v ./internal/extract/psdonline/

soak: ## 30 minutes (SOAK_MINUTES) of weeks on a fast clock, with faults, kills and a dashboard under load; part of long
	MATERIA_LONG=1 MATERIA_SOAK_MINUTES=$(SOAK_MINUTES) $(GO) test -count=1 -timeout 3h -run 'TestSoak$$' -v ./cmd/materia/

systemd-test: build ## the units under a real systemd in a Debian root of its own (root, debootstrap; skips loudly)
	scripts/systemd_test.sh

systemd-deploy-test: build ## from a bare Debian root to a self-updating server under a real systemd (root, debootstrap, sops; skips loudly)
	scripts/systemd_deploy_test.sh

fuzz: ## every fuzz target of FUZZ_PACKAGES for FUZZ_TIME
	@GO=$(GO) scripts/fuzz.sh $(FUZZ_TIME) $(FUZZ_PACKAGES)

sbom: ## what is linked in, as CycloneDX, into sbom.cdx.json
	$(GO) run $(CYCLONEDX) mod -json -licenses -output sbom.cdx.json .

vulncheck: ## known vulnerabilities in what is called (asks the Go vulnerability database)
	$(GO) run $(GOVULNCHECK) ./...

lint-ci: ## the GitLab pipeline against GitLab's published schema (a Python environment of its own)
	python3 -m venv tmp/lint-ci
	tmp/lint-ci/bin/pip install --quiet check-jsonschema==0.39.0
	tmp/lint-ci/bin/check-jsonschema --builtin-schema vendor.gitlab-ci .gitlab/.gitlab-ci.yml

infra-test: ## the Pulumi program, a module of its own (cold build: minutes)
	cd infra/pulumi && $(GO) vet ./... && $(GO) test ./...

secrets-decrypt-dev: build ## .env.dev.sops in the clear to .env (mode 0600, ignored by git)
	./bin/materia secrets write --env dev --out .env

secrets-decrypt-prod: build ## .env.prod.sops in the clear to .env (mode 0600, ignored by git)
	./bin/materia secrets write --env prod --out .env

secrets-edit-dev: build ## edit .env.dev.sops in the editor
	./bin/materia secrets edit --env dev

secrets-edit-prod: build ## edit .env.prod.sops in the editor
	./bin/materia secrets edit --env prod

screenshots: ## every page at 1280 and 390 px, light and dark, into tmp/screenshots
	mkdir -p tmp/screenshots
	MATERIA_SCREENSHOTS=$(CURDIR)/tmp/screenshots $(GO) test -count=1 -run 'Browser|Screenshot' ./internal/web/

yardstick-sqlmesh: build ## plan the same transform/ with SQLMesh (own virtual environment) and compare every table
	python3 scripts/yardstick_sqlmesh.py

clean: ## remove what was built; data stays
	rm -rf bin coverage.out tmp

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F '\t' '{printf "  make %-18s %s\n", $$1, $$2}'
