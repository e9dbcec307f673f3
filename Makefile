# The commands that the README names. One build configuration serves all of them, so that nothing is built twice.

SWIFT ?= swift
CONFIGURATION = release
BIN = .build/$(CONFIGURATION)
# More options of `swift build`.
BUILD_OPTIONS ?=

# Seconds for each fuzz target.
FUZZ_SECONDS ?= 10

.PHONY: demo test build fuzz benchmark format format-check setup clean

demo: build
	$(BIN)/infenclave demo

test: setup
	SWIFT=$(SWIFT) scripts/test

build: setup
	$(SWIFT) build -c $(CONFIGURATION) --product infenclave $(BUILD_OPTIONS)
	$(SWIFT) build -c $(CONFIGURATION) --product infenclave-enclave $(BUILD_OPTIONS)

fuzz: setup
	scripts/fuzz $(FUZZ_SECONDS)

# `make benchmark BENCHMARK_OPTIONS="--model resnet50 --threads 1"`; `Benchmarks/run --help` lists the options.
BENCHMARK_OPTIONS ?=

benchmark: build
	Benchmarks/run $(BENCHMARK_OPTIONS)

format:
	$(SWIFT) format -i -r Package.swift Sources Tests Fuzz/Package.swift Fuzz/Sources

format-check:
	$(SWIFT) format lint --strict -r Package.swift Sources Tests Fuzz/Package.swift Fuzz/Sources

setup:
	@scripts/setup

clean:
	$(SWIFT) package clean
