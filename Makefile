# make setup   an engine, the images, bin/seatrial          make test   every test
# make demo    five incidents: an import that survives       make lint   what reviewers should not have to say
#              them, and the same import that does not       make clean  what runs and builds left behind
# make matrix  every defect against its scenario, the clean  make soak   clean runs with fresh seeds, and their tally
#              pipeline against all of them
# make spring  a pipeline in Java, hardened, under trial

GO ?= go
SEATRIAL := bin/seatrial
# make matrix: flags of `seatrial matrix`, for example MATRIX="--only 13,14 --seeds 1".
MATRIX ?=
# make soak: how many rounds of all scenarios; 0 goes on until Ctrl-C.
ROUNDS ?= 0
SCENARIOS ?=
OUT ?= reports/out
# The module that uses this one as anybody's would.
EXAMPLE := fixtures/pipelines/example
# make spring: the pipeline, and which scenarios.
SPRING := fixtures/pipelines/spring
SPRING_SCENARIOS ?= calm loader-killed broker-killed
# Limit of one test binary; a run that hangs must show where.
TEST_TIMEOUT ?= 45m
TEST_FLAGS ?=

.PHONY: setup engine images browser test demo lint clean soak matrix spring $(SEATRIAL)

setup: engine images

engine:
	@fixtures/images/engine.sh

images: engine $(SEATRIAL)
	@$(SEATRIAL) images build

# Tests that look at pages skip without one, and say so.
browser:
	@fixtures/images/engine.sh tool chromium || true

# The toolchain knows better than a list of files whether this is up to date.
$(SEATRIAL):
	@$(GO) build -o $@ ./harness/cmd/seatrial

# First what needs no services, under the race detector where there is a C compiler (it needs one); then everything, two
# packages at a time: much of a test is waiting. At last what other modules see of this one: the example's, as it is here.
RACE ?= $(shell command -v cc >/dev/null 2>&1 && echo -race)
test: setup browser
	$(GO) test -short $(RACE) -timeout $(TEST_TIMEOUT) ./...
	$(GO) test -p 2 -timeout $(TEST_TIMEOUT) $(TEST_FLAGS) ./scenarios/... ./fixtures/... ./harness/... ./reports/...
	cd $(EXAMPLE) && $(GO) vet ./... && $(GO) test -timeout $(TEST_TIMEOUT) $(TEST_FLAGS) ./...

demo: setup
	@$(SEATRIAL) demo

lint:
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	@unformatted="$$(gofmt -l .)"; \
	if [ -n "$$unformatted" ]; then echo "run gofmt -w on:" $$unformatted; exit 1; fi
	$(GO) tool actionlint .github/workflows/*.yml
	sh -n fixtures/images/engine.sh && sh -n $(SPRING)/image.sh

matrix: setup
	@$(SEATRIAL) matrix --out $(OUT) $(MATRIX)

soak: setup
	@$(SEATRIAL) soak --rounds $(ROUNDS) --out $(OUT) $(SCENARIOS)

# Compiled by Maven: not a part of the tests, which need Go only.
spring: setup
	@fixtures/images/engine.sh tool jdk
	@fixtures/images/engine.sh tool maven
	$(SPRING)/image.sh
	@$(SEATRIAL) run --pipeline $(SPRING)/hardened/seatrial.yaml --out $(OUT) $(SPRING_SCENARIOS)

clean:
	@if [ -x $(SEATRIAL) ]; then $(SEATRIAL) clean; fi
	rm -rf bin reports/out $(EXAMPLE)/reports $(SPRING)/target
