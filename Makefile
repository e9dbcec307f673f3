# The commands that the README names. One build configuration serves all of them, so that nothing is built twice.

SWIFT ?= swift
CONFIGURATION = release
BIN = .build/$(CONFIGURATION)
# More options of `swift build`.
BUILD_OPTIONS ?=

# Seconds for each fuzz target.
FUZZ_SECONDS ?= 10

.PHONY: demo test evaluation-test build proxy client-check example hostile fuzz benchmark model-check evaluation report-check web-check wheel wheel-check format format-check setup clean

demo: build
	$(BIN)/infenclave demo

# The evaluation's own tests come first, where there is Python: the tests' count ends the output.
test: setup evaluation-test
	SWIFT=$(SWIFT) scripts/test

evaluation-test:
	@if command -v python3 >/dev/null; then python3 -B -m unittest discover -s Evaluation; \
	  else echo "evaluation-test: skipped, it needs Python 3"; fi

build: setup
	$(SWIFT) build -c $(CONFIGURATION) --product infenclave $(BUILD_OPTIONS)
	$(SWIFT) build -c $(CONFIGURATION) --product infenclave-enclave $(BUILD_OPTIONS)

# The proxy with gRPC, which takes minutes more to build.
proxy: build
	INFENCLAVE_GRPC=1 $(SWIFT) build -c $(CONFIGURATION) --product infenclave-proxy $(BUILD_OPTIONS)

# Clients of Triton and KServe from PyPI, and curl, against the proxy; `make client-check CLIENTS=rest_test` takes a part.
CLIENTS ?=

client-check: proxy
	Tests/Clients/run $(BIN) $(CLIENTS)

# The example of the Swift library, as a package that depends on this one.
example: setup
	$(SWIFT) build --package-path Examples/swift-client

# Random schedules of a hostile host against the enclave's own sources; `make hostile SCHEDULES=1000000` for a night.
SCHEDULES ?= 100000
FRAMES ?= 1000000

hostile: setup
	INFENCLAVE_SCHEDULES=$(SCHEDULES) INFENCLAVE_FRAMES=$(FRAMES) SWIFT=$(SWIFT) scripts/test --filter HostileHost

fuzz: setup
	scripts/fuzz $(FUZZ_SECONDS)

# `make benchmark BENCHMARK_OPTIONS="--model resnet50 --threads 1"`; `Benchmarks/run --help` lists the options.
BENCHMARK_OPTIONS ?=

benchmark: build
	Benchmarks/run $(BENCHMARK_OPTIONS)

# Exports classifiers with random weights and compares with ONNX Runtime; PYTHON has torch, torchvision, timm, onnx and
# onnxruntime. `make model-check MODEL_OPTIONS="--only resnet"` takes a part.
PYTHON ?= python3
MODEL_OPTIONS ?=

model-check: build
	$(PYTHON) scripts/model_check.py $(BIN)/infenclave $(MODEL_OPTIONS)

# Measures what Documentation/evaluation.md says and writes it again; an hour of one core.
# `make evaluation EVALUATION_OPTIONS="--only squeezenet-1.1"`; what was measured already is kept in .build/evaluation.
EVALUATION_OPTIONS ?=

evaluation: build
	python3 Evaluation/evaluate.py $(EVALUATION_OPTIONS)

# The report in headless Chromium; `make test` does the same where there is one. Screenshots lie in .build/report-check.
report-check: setup
	@command -v chromium || command -v chromium-browser || command -v google-chrome || { \
	  echo "report-check needs Chromium: apt-get install chromium" >&2; exit 1; }
	@command -v python3 || { echo "report-check needs Python 3: apt-get install python3" >&2; exit 1; }
	INFENCLAVE_REPORT_PICTURES=$(CURDIR)/.build/report-check SWIFT=$(SWIFT) scripts/test --filter BrowserTests

# The browser client in headless Chromium, against a real server; says that it is skipped where there is no Chromium.
web-check: build
	SWIFT=$(SWIFT) scripts/web-check $(BIN)/infenclave

# The Python client, .build/wheel/dist/*.whl; and its tests with pytest in a clean virtual environment. PYTHON is 3.10 or later.
wheel: setup
	SWIFT=$(SWIFT) PYTHON=$(PYTHON) BUILD_OPTIONS="$(BUILD_OPTIONS)" scripts/wheel $(CONFIGURATION)

wheel-check: wheel build
	SWIFT=$(SWIFT) PYTHON=$(PYTHON) scripts/wheel-check $(BIN)/infenclave

format:
	$(SWIFT) format -i -r Package.swift Sources Tests Fuzz/Package.swift Fuzz/Sources

format-check:
	$(SWIFT) format lint --strict -r Package.swift Sources Tests Fuzz/Package.swift Fuzz/Sources

setup:
	@scripts/setup

clean:
	$(SWIFT) package clean
