# make setup   an engine, the images, bin/seatrial          make test   every test
# make demo    one trial, to look at                         make lint   what reviewers should not have to say
# make soak    trials of the clean pipeline with new seeds   make clean  what runs and builds left behind

GO ?= go
SEATRIAL := bin/seatrial
RECORDS ?= 2000
MINUTES ?= 60
# Limit of one test binary; a run that hangs must show where.
TEST_TIMEOUT ?= 20m
TEST_FLAGS ?=

.PHONY: setup engine images test demo lint clean soak $(SEATRIAL)

setup: engine images

engine:
	@fixtures/images/engine.sh

images: engine $(SEATRIAL)
	@$(SEATRIAL) images build

# The toolchain knows better than a list of files whether this is up to date.
$(SEATRIAL):
	@$(GO) build -o $@ ./harness/cmd/seatrial

test: engine
	$(GO) test -timeout $(TEST_TIMEOUT) $(TEST_FLAGS) ./...

demo: setup
	$(SEATRIAL) run loader-killed --records $(RECORDS)

lint:
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	@unformatted="$$(gofmt -l .)"; \
	if [ -n "$$unformatted" ]; then echo "run gofmt -w on:" $$unformatted; exit 1; fi
	$(GO) tool actionlint .github/workflows/*.yml
	sh -n fixtures/images/engine.sh

soak: setup
	@end=$$(( $$(date +%s) + $(MINUTES) * 60 )); \
	while [ $$(date +%s) -lt $$end ]; do $(SEATRIAL) run calm --records $(RECORDS) || exit $$?; done

clean:
	@if [ -x $(SEATRIAL) ]; then $(SEATRIAL) clean; fi
	rm -rf bin reports/out
