# The commands that the README names. One build configuration serves all of them, so that nothing is built twice.

SWIFT ?= swift
CONFIGURATION = release
BIN = .build/$(CONFIGURATION)

.PHONY: demo test build format format-check setup clean

demo: build
	$(BIN)/infenclave demo

test: setup
	$(SWIFT) test -c $(CONFIGURATION) --disable-testable-imports

build: setup
	$(SWIFT) build -c $(CONFIGURATION) --product infenclave
	$(SWIFT) build -c $(CONFIGURATION) --product infenclave-enclave

format:
	$(SWIFT) format -i -r Package.swift Sources Tests

format-check:
	$(SWIFT) format lint --strict -r Package.swift Sources Tests

setup:
	@scripts/setup

clean:
	$(SWIFT) package clean
