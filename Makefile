# SPDX-License-Identifier: Apache-2.0
# The commands that the README names. All of them use one build configuration, so that nothing is built twice.

SWIFT ?= swift
CONFIGURATION = release
BIN = .build/$(CONFIGURATION)
# More options of `swift build`.
BUILD_OPTIONS ?=

# If an environment variable has changed, SwiftPM plans again and compiles SwiftProtobuf again. make exports the variables of its
# command line.
UNSET = MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL MAKE_TERMOUT MAKE_TERMERR BUILD_OPTIONS $(foreach name,$(.VARIABLES),$(if $(findstring command,$(origin $(name))),$(name)))
SWIFT_BUILD = env $(addprefix -u ,$(UNSET)) $(SWIFT) build -c $(CONFIGURATION) $(BUILD_OPTIONS)

# Seconds for each fuzz target.
FUZZ_SECONDS ?= 10

.PHONY: demo install uninstall test evaluation-test build hostile avx2-check python-client-check fuzz benchmark model-check preset-check evaluation report-check format format-check setup clean web-check wheel wheel-check boot-check kernel-check engine-check engine-page-check audit-check cluster-check cluster-manifests enclave reproducible-check release proxy grpc client-check example rest-check library-check proxy-measure install-check peers-check balancer-check attack-check benchmark-serving api-check asan tsan allocation-check instruction-check sbom-check release-check

demo: build
	$(BIN)/infenclave demo

# The evaluation's own tests come first, if there is Python, so that the output ends with the count of the Swift tests.
test: setup evaluation-test
	SWIFT=$(SWIFT) scripts/test

evaluation-test:
	@if command -v python3 >/dev/null; then python3 -B -m unittest discover -s Evaluation; \
	  else echo "evaluation-test: skipped, it needs Python 3"; fi

build: setup
	$(SWIFT_BUILD) --product infenclave
	$(SWIFT_BUILD) --product infenclave-enclave

# Executables, completions of shells, manual pages and the demo's model; DESTDIR is for packagers.
PREFIX ?= /usr/local

install: build
	SWIFT=$(SWIFT) scripts/install $(PREFIX) $(BIN)

# Installs into a temporary folder and uninstalls again; the manual's generator is built once for it.
install-check: build
	SWIFT=$(SWIFT) scripts/install-check $(BIN)

uninstall:
	scripts/install --uninstall $(PREFIX)

# The enclave's executable for images: the same bytes in any folder.
enclave: setup
	SWIFT=$(SWIFT) scripts/build-enclave

# Source, executables, bill of materials, checksums and tag of the last commit: `make release VERSION=0.2.0`.
release: setup
	SWIFT=$(SWIFT) scripts/release $(VERSION)

# Tests what `release` refuses and writes, with stubs for the executables; takes seconds.
release-check: build
	scripts/release-check

# Builds a release's executables in two folders and compares; an hour of two cores.
reproducible-check: setup
	SWIFT=$(SWIFT) scripts/reproducible-check

# The proxy with gRPC, which takes minutes more to build.
proxy: build
	INFENCLAVE_GRPC=1 $(SWIFT_BUILD) --product infenclave-proxy

# The command line with support for gRPC engines in --backnet, which takes minutes more to build.
grpc: build
	INFENCLAVE_GRPC=1 $(SWIFT_BUILD) --product infenclave-grpc

# Clients of Triton and KServe from PyPI, and curl, against the proxy; `make client-check CLIENTS=rest_test` takes a part.
CLIENTS ?=

client-check: proxy
	Tests/Clients/run $(BIN) $(CLIENTS)

# The clients among them that need no gRPC, and so no separate build.
rest-check: build
	Tests/Clients/run $(BIN) rest_test life_test

# Measures the time that the proxy adds to the Swift client's, and whether its memory grows; fails above 1.5 ms at the
# median.
proxy-measure: build
	cd Tests/Clients && INFENCLAVE_BIN=$(CURDIR)/$(BIN) python3 -B measure.py

# The Swift library from outside: public symbols, documentation, the code of the pages, the example against a server.
library-check: build
	SWIFT=$(SWIFT) scripts/library-check $(BIN)

# The example of the Swift library, as a package that depends on this one.
example: setup
	$(SWIFT) build --package-path Examples/swift-client

# Random schedules of a hostile host against the enclave's own sources; `make hostile SCHEDULES=1000000` for a night, or in
# parts: FIRST_SCHEDULE=500000 continues after the first 500,000.
SCHEDULES ?= 100000
FIRST_SCHEDULE ?= 0
FRAMES ?= 1000000

hostile: setup
	INFENCLAVE_SCHEDULES=$(SCHEDULES) INFENCLAVE_FIRST_SCHEDULE=$(FIRST_SCHEDULE) INFENCLAVE_FRAMES=$(FRAMES) SWIFT=$(SWIFT) scripts/test --filter HostileHost

# The engine's tests with the instructions of processors that have no AVX-512.
avx2-check: setup
	ONEDNN_MAX_CPU_ISA=AVX2 SWIFT=$(SWIFT) scripts/test --filter '^InferenceTests\.'

# Examples/python-client against a real server; its packages go into a virtual environment under .build.
python-client-check: build
	python3 -m venv .build/python-client
	.build/python-client/bin/pip install --quiet --disable-pip-version-check 'cryptography>=48' pillow
	PYTHON=$(CURDIR)/.build/python-client/bin/python Examples/python-client/check $(BIN)

# Examples/attacks in PyTorch on the demo's model; CI runs it if PyTorch is installed.
attack-check: build
	PYTHON=$(PYTHON) scripts/attack-check $(BIN)/infenclave

# The suites in which threads share memory, or Swift with C, under AddressSanitizer and ThreadSanitizer; each has a separate build,
# which takes as long as the first one. `scripts/sanitize thread --filter HostTests` takes a part.
asan: setup
	SWIFT=$(SWIFT) scripts/sanitize address

tsan: setup
	SWIFT=$(SWIFT) scripts/sanitize thread

# Allocations of host and enclave for an answer, against the table in the script; the counts hardly depend on the machine.
allocation-check: build
	python3 -B scripts/allocation_check.py $(BIN)

# Instructions of host and enclave for an answer, by callgrind, against the table in the script; without the network's arithmetic.
# `make instruction-check KEEP=FOLDER` leaves callgrind's files there.
KEEP ?=

instruction-check: build
	python3 -B scripts/instruction_check.py $(BIN) $(KEEP)

# The bill of materials of this build against the schema of CycloneDX.
sbom-check: build
	scripts/sbom 0.0.0 $(BIN)/infenclave $(BIN)/infenclave-enclave >.build/sbom.json
	scripts/sbom-check .build/sbom.json

# Every check with peers of other projects; half an hour of two cores.
peers-check: python-client-check wheel-check client-check boot-check web-check example install-check
	$(MAKE) balancer-check
	$(MAKE) engine-check ENGINES=triton,mlserver
	$(MAKE) engine-check ENGINES=triton,mlserver TRANSPORT=grpc
	$(MAKE) engine-page-check
	$(MAKE) cluster-check CLUSTERS=kubernetes,kserve

# The public interface against that of the last release.
api-check:
	scripts/api-check

fuzz: setup
	scripts/fuzz $(FUZZ_SECONDS)

# `make benchmark BENCHMARK_OPTIONS="--model resnet50 --threads 1"`; `Benchmarks/run --help` lists the options.
BENCHMARK_OPTIONS ?=

benchmark: build
	Benchmarks/run $(BENCHMARK_OPTIONS)

# `infenclave serve` under load, beside ONNX Runtime behind FastAPI; `make benchmark-serving SERVING_OPTIONS="--ours 2x1 --overload"`.
SERVING_OPTIONS ?=

benchmark-serving: build
	Benchmarks/serving/run $(SERVING_OPTIONS)

# Exports classifiers with random weights and compares with ONNX Runtime; PYTHON has onnx, onnxruntime and
# what scripts/model_check.py says for each kind. `make model-check MODEL_OPTIONS="--only resnet"` takes a part.
PYTHON ?= python3
MODEL_OPTIONS ?=
PRESET_OPTIONS ?=

model-check: build
	$(PYTHON) scripts/model_check.py $(BIN)/infenclave $(MODEL_OPTIONS)

# Compares the preprocessing with torchvision, timm and transformers; PYTHON has these, onnx and pillow.
preset-check: build
	$(PYTHON) scripts/preset_check.py $(BIN)/infenclave $(PRESET_OPTIONS)

# The BackNet on real engines from PyPI, in virtual environments of 400 to 550 MB each that stay in .build/engines. `make engine-check
# ENGINES=triton,mlserver` takes a part, `TRANSPORT=grpc` uses infenclave-grpc, `ENGINE_OPTIONS="--model demo"` the demo's model even if
# there are shared ones.
ENGINES ?= triton,mlserver,kserve,ray
TRANSPORT ?= http
ENGINE_OPTIONS ?=

engine-check: build $(if $(filter grpc,$(TRANSPORT)),grpc)
	python3 scripts/engine_check.py $(BIN) --engines $(ENGINES) --transport $(TRANSPORT) $(ENGINE_OPTIONS)

# The worked examples of Documentation/engines.md, with the engines from PyPI.
engine-page-check: build
	python3 scripts/engine_check.py $(BIN) --page --engines triton,kserve,ray

# Counts false alarms of the owner's audit with honest engines, every result computed again; 100,000 requests take most of an
# hour.
REQUESTS ?= 100000

audit-check: build
	python3 scripts/audit_check.py $(BIN) --requests $(REQUESTS)

# Two hosts with two replicas each behind HAProxy and nginx; `make balancer-check BALANCERS=nginx` takes a part.
BALANCERS ?= haproxy,nginx

balancer-check: build
	python3 scripts/balancer_check.py $(BIN) --balancers $(BALANCERS)

# Chart and manifests, the image, and assessments on Slurm and Ray. `make cluster-check CLUSTERS=kubernetes` takes a part; as root.
CLUSTERS ?= kubernetes,kserve,image,slurm,ray

cluster-check: build
	python3 scripts/cluster_check.py $(BIN) --only $(CLUSTERS)

# Writes Examples/cluster/kubernetes/infenclave.yaml again from the chart.
cluster-manifests:
	WRITE=1 python3 scripts/cluster_check.py . --only kubernetes

# Measures what Documentation/evaluation.md says and writes it again; an hour of one core.
# `make evaluation EVALUATION_OPTIONS="--only squeezenet-1.1"`; what was measured already is kept in .build/evaluation.
EVALUATION_OPTIONS ?=

evaluation: build
	python3 Evaluation/evaluate.py $(EVALUATION_OPTIONS)

# Checks the report in headless Chromium, as `make test` does if there is one. Screenshots are in .build/report-check.
report-check: setup
	@command -v chromium || command -v chromium-browser || command -v google-chrome || { \
	  echo "report-check needs Chromium: apt-get install chromium" >&2; exit 1; }
	@command -v python3 || { echo "report-check needs Python 3: apt-get install python3" >&2; exit 1; }
	INFENCLAVE_REPORT_PICTURES=$(CURDIR)/.build/report-check SWIFT=$(SWIFT) scripts/test --filter BrowserTests

# Tests the browser client in headless Chromium, against a real server; prints that it is skipped if there is no
# Chromium.
web-check: build
	SWIFT=$(SWIFT) scripts/web-check $(BIN)/infenclave

# The Python client, .build/wheel/dist/*.whl; and its tests with pytest in a clean virtual environment. PYTHON is 3.10 or later.
wheel: setup
	$(SWIFT_BUILD) --product InfenclaveC
	SWIFT=$(SWIFT) PYTHON=$(PYTHON) scripts/wheel $(BIN)/libInfenclaveC.so

wheel-check: wheel build
	SWIFT=$(SWIFT) PYTHON=$(PYTHON) scripts/wheel-check $(BIN)/infenclave

# Boots the enclave as a virtual machine under QEMU's software emulation, and serves from it; scripts/boot-check says what
# it needs. `make boot-check BOOT_OPTIONS=--short` leaves out resets and the loss of the host.
BOOT_OPTIONS ?=

boot-check: build
	CONFIGURATION=$(CONFIGURATION) scripts/boot-check $(BOOT_OPTIONS)

# Builds the kernel of images/kernel (once) and does the same with it: machines have two processors,
# and a table of the host's with code.
GUEST_KERNEL = .build/kernel/bzImage

$(GUEST_KERNEL): images/kernel/build images/kernel/infenclave.config images/kernel/acpi-tables-only.patch
	images/kernel/build $(CURDIR)/$(dir $(GUEST_KERNEL))

kernel-check: build $(GUEST_KERNEL)
	INFENCLAVE_KERNEL=$(CURDIR)/$(GUEST_KERNEL) CONFIGURATION=$(CONFIGURATION) scripts/boot-check $(BOOT_OPTIONS)

format:
	$(SWIFT) format -i -r Package.swift Sources Tests Fuzz/Package.swift Fuzz/Sources

format-check:
	$(SWIFT) format lint --strict -r Package.swift Sources Tests Fuzz/Package.swift Fuzz/Sources

setup:
	@scripts/setup

clean:
	$(SWIFT) package clean
