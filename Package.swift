// swift-tools-version:6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

// Folders state trust and an arrow is the only import allowed: `Tests/PackageTests` reads this description and fails
// on any edge that `Documentation/architecture.md` does not list.

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    // Parsers read a `RawSpan`, which cannot outlive its bytes.
    .enableExperimentalFeature("Lifetimes"),
    .treatAllWarnings(as: .error),
]

/// A library target in `Sources/<folder>/<name>`.
func library(_ name: String, in folder: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/\(folder)/\(name)", swiftSettings: settings)
}

/// A test target in `Tests/<name>`; `exclude` names what is there and is not Swift.
func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, path: "Tests/\(name)", exclude: exclude, swiftSettings: settings)
}

/// What `--version` says of a build, where the build tells: `scripts/build-enclave`.
let buildRecord: [CSetting] = ["INFENCLAVE_COMMIT", "INFENCLAVE_BUILD_OPTIONS"].compactMap { name in
    Context.environment[name].map { .define(name, to: "\"\($0)\"") }
}

let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
// RSA-PSS, which AMD signs with.
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")

let package = Package(
    name: "infenclave",
    products: [
        .executable(name: "infenclave", targets: ["infenclave"]),
        .executable(name: "infenclave-enclave", targets: ["infenclave-enclave"]),
        // Sends tensors, and links no codec.
        .library(name: "InfenclaveClient", targets: ["InfenclaveClient"]),
        // For clients in other languages: `make wheel`.
        .library(name: "InfenclaveC", type: .dynamic, targets: ["InfenclaveC"]),
        // The same for pictures.
        .library(name: "InfenclaveImaging", targets: ["InfenclaveImaging"]),
        // For the package in `Fuzz`.
        .library(name: "FuzzEntryPoints", targets: ["FuzzEntryPoints"]),
    ],
    dependencies: [
        // HPKE with X-Wing, AES-GCM, Ed25519, P-256/P-384.
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        // ONNX files are protocol buffers.
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        // The host's HTTP server. Without its traits it needs neither swift-configuration nor all of Foundation.
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        // The host's requests to other engines; the HTTP server has it already.
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        // Shutdown on signals.
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        // Shared: no I/O, clock, randomness or keys.
        library("Tensors", in: "Shared"),
        library("ModelGraph", in: "Shared", ["Tensors"]),
        library("Wire", in: "Shared", ["Tensors"]),
        library("Hexadecimal", in: "Shared"),
        library("Evidence", in: "Shared", ["Hexadecimal", "Tensors"]),
        library("StrictJSON", in: "Shared"),
        library("PlainText", in: "Shared"),
        .target(name: "CBuildRecord", path: "Sources/Shared/CBuildRecord", cSettings: buildRecord),
        library("ProductVersion", in: "Shared", ["CBuildRecord"]),
        library("BundleFormat", in: "Shared", ["Evidence", "StrictJSON", "Tensors"]),

        // Transport: the only I/O that host and enclave share.
        library("FrameStream", in: "Transport", ["Tensors", "Wire"]),

        // Confinement: what host and enclave forbid themselves.
        .target(name: "CSandbox", path: "Sources/Confinement/CSandbox"),
        library("Sandbox", in: "Confinement", ["CSandbox"]),

        // Imaging: never linked by Trusted.
        .target(
            name: "CImageCodecs",
            path: "Sources/Imaging/CImageCodecs",
            linkerSettings: [
                .linkedLibrary("turbojpeg"), .linkedLibrary("png16"), .linkedLibrary("webp"), .linkedLibrary("z"),
            ]
        ),
        library("Imaging", in: "Imaging", ["CImageCodecs", "Tensors"]),

        // Secrets.
        .target(name: "CSecretMemory", path: "Sources/Secrets/CSecretMemory"),
        library("SecretMemory", in: "Secrets", ["CSecretMemory", "Tensors"]),
        library("SealedChannel", in: "Secrets", ["Hexadecimal", "SecretMemory", "Tensors", crypto]),

        // Engine.
        .target(
            name: "COneDNN",
            path: "Sources/Engine/COneDNN",
            linkerSettings: [.linkedLibrary("dnnl"), .linkedLibrary("gomp")]
        ),
        library("OneDNN", in: "Engine", ["COneDNN", "Tensors"]),
        library("Inference", in: "Engine", ["ModelGraph", "OneDNN", "Tensors"]),
        library("ReferenceInference", in: "Engine", ["ModelGraph", "Tensors"]),

        // Trusted.
        library(
            "EnclaveCore", in: "Trusted",
            [
                "Evidence", "FrameStream", "Inference", "ModelGraph", "SealedChannel", "SecretMemory", "Tensors",
                "Wire",
                crypto,
            ]
        ),
        .target(name: "CBoot", path: "Sources/Trusted/CBoot"),
        .target(name: "CNitro", path: "Sources/Trusted/CNitro"),
        library(
            "EnclavePlatform", in: "Trusted",
            [
                "CBoot", "CNitro", "EnclaveCore", "Evidence", "FrameStream", "Sandbox", "SecretMemory", "Tensors",
                "Wire",
                crypto,
            ]),
        .executableTarget(
            name: "infenclave-enclave",
            dependencies: [
                "EnclaveCore", "EnclavePlatform", "Evidence", "FrameStream", "Inference", "Sandbox", "SecretMemory",
                "Wire",
            ],
            path: "Sources/Trusted/infenclave-enclave",
            swiftSettings: settings
        ),

        // Untrusted.
        .target(name: "CAllocator", path: "Sources/Untrusted/CAllocator"),
        .target(name: "CSpawn", path: "Sources/Untrusted/CSpawn"),
        library(
            "HostCore", in: "Untrusted",
            [
                "BundleFormat", "CAllocator", "CSpawn", "Evidence", "FrameStream", "Hexadecimal", "Inference",
                "ModelGraph", "Tensors", "Wire",
            ]
        ),
        library("EngineMessages", in: "Untrusted", ["ModelGraph", "StrictJSON", "Tensors"]),
        library(
            "HTTPCalls", in: "Untrusted",
            [
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]
        ),
        library(
            "OpenInferenceBackNet", in: "Untrusted",
            [
                "EngineMessages", "HTTPCalls", "HostCore", "ModelGraph", "StrictJSON", "Tensors",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]
        ),
        library(
            "TraceExport", in: "Untrusted",
            [
                "HTTPCalls", "HostCore",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]
        ),
        library(
            "HostServer", in: "Untrusted",
            [
                "BundleFormat", "Evidence", "HostCore", "PlainText", "Wire",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
            ]
        ),

        // Verifier.
        .target(
            name: "CHTTPClient",
            path: "Sources/Verifier/CHTTPClient",
            linkerSettings: [.linkedLibrary("curl")]
        ),
        library(
            "Attestation", in: "Verifier", ["BundleFormat", "Evidence", "StrictJSON", "Tensors", crypto, cryptoExtras]),
        library(
            "InfenclaveClient", in: "Verifier",
            [
                "Attestation", "BundleFormat", "CHTTPClient", "Evidence", "Hexadecimal", "SealedChannel",
                "SecretMemory", "StrictJSON", "Tensors",
            ]
        ),
        library("InfenclaveImaging", in: "Verifier", ["Imaging", "InfenclaveClient"]),
        library("OpenInference", in: "Verifier", ["StrictJSON"]),
        .target(name: "CInflate", path: "Sources/Verifier/CInflate", linkerSettings: [.linkedLibrary("z")]),
        .target(
            name: "InferenceProxy",
            dependencies: [
                "CInflate", "Hexadecimal", "InfenclaveImaging", "OpenInference", "PlainText", "SecretMemory",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Sources/Verifier/InferenceProxy",
            resources: [
                .embedInCode("Console/console.css"), .embedInCode("Console/console.html"),
                .embedInCode("Console/console.js"),
            ],
            swiftSettings: settings
        ),
        library(
            "ProxyCommand", in: "Verifier",
            [
                "Attestation", "Evidence", "InferenceProxy", "InfenclaveClient", "ProductVersion", "SealedChannel",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        .target(name: "CInfenclave", path: "Sources/Verifier/CInfenclave"),
        library(
            "InfenclaveC", in: "Verifier",
            ["Attestation", "BundleFormat", "CInfenclave", "Evidence", "SealedChannel", "SecretMemory", "Tensors"]),

        // Owner.
        .target(
            name: "ONNXFormat",
            dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
            path: "Sources/Owner/ONNXFormat",
            exclude: ["onnx.proto"],
            swiftSettings: settings
        ),
        library("ONNXImport", in: "Owner", ["ModelGraph", "ONNXFormat", "Tensors"]),
        library("DarknetImport", in: "Owner", ["ModelGraph", "Tensors"]),
        library("Differentiation", in: "Owner", ["ModelGraph", "Tensors"]),
        library("ONNXNames", in: "Owner", ["ModelGraph"]),
        library("ONNXExport", in: "Owner", ["ModelGraph", "ONNXFormat", "ONNXNames", "Tensors"]),
        .target(
            name: "COpenBLAS",
            path: "Sources/Owner/COpenBLAS",
            linkerSettings: [.linkedLibrary("openblas")]
        ),
        library(
            "LeakageAssessment", in: "Owner",
            [
                "COpenBLAS", "Differentiation", "Hexadecimal", "Imaging", "Inference", "ModelGraph", "ONNXNames",
                "OneDNN", "ProductVersion", "SealedChannel", "SecretMemory", "StrictJSON", "Tensors", crypto,
            ]),
        library(
            "AssessmentReport", in: "Owner",
            [
                "Hexadecimal", "Imaging", "LeakageAssessment", "ModelGraph", "PlainText", "StrictJSON", "Tensors",
                crypto,
            ]),
        library(
            "Partitioning", in: "Owner",
            [
                "BundleFormat", "Evidence", "ModelGraph", "ONNXExport", "SealedChannel", "SecretMemory", "Tensors",
                crypto,
            ]
        ),
        library("EnclaveImage", in: "Owner", ["Attestation", "Evidence", crypto]),
        library(
            "KeyRelease", in: "Owner",
            ["Attestation", "Evidence", "InfenclaveClient", "SealedChannel", "StrictJSON", crypto]),
        .executableTarget(
            name: "infenclave",
            dependencies: [
                "AssessmentReport", "Attestation", "BundleFormat", "DarknetImport", "EnclaveImage", "EngineMessages",
                "Evidence", "FrameStream", "HostCore", "HostServer", "Imaging", "InfenclaveClient", "InfenclaveImaging",
                "Inference", "InferenceProxy", "KeyRelease", "LeakageAssessment", "ModelGraph", "ONNXImport",
                "ONNXNames", "OpenInferenceBackNet", "Partitioning", "PlainText", "ProductVersion", "ProxyCommand",
                "Sandbox", "SealedChannel", "SecretMemory", "StrictJSON", "Tensors", "TraceExport",
                crypto,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/Owner/infenclave",
            swiftSettings: settings
        ),

        // Tests.
        .target(
            name: "TestSupport",
            dependencies: ["ModelGraph", "Tensors"],
            path: "Tests/TestSupport",
            swiftSettings: settings
        ),
        // Evidence of each TEE under roots of the tests' own.
        .target(
            name: "AttestationFixtures",
            dependencies: ["Attestation", "BundleFormat", "Evidence", "Tensors", crypto, cryptoExtras],
            path: "Tests/AttestationFixtures",
            swiftSettings: settings
        ),
        // Enters an enclave's sandbox, and tries to leave it.
        .executableTarget(
            name: "SandboxProbe",
            dependencies: ["EnclavePlatform", "Evidence", "Sandbox"],
            path: "Tests/SandboxProbe",
            swiftSettings: settings
        ),
        // A model small enough to compute by hand, its owner and clients.
        .target(
            name: "EnclaveFixtures",
            dependencies: ["Evidence", "ModelGraph", "SealedChannel", "SecretMemory", "Tensors", "Wire"],
            path: "Tests/EnclaveFixtures",
            swiftSettings: settings
        ),
        // The enclave's sources a second time, by a link, with defences that a test can remove.
        .target(
            name: "MutantEnclave",
            dependencies: [
                "Evidence", "FrameStream", "Inference", "ModelGraph", "SealedChannel", "SecretMemory", "Tensors",
                "Wire",
                crypto,
            ],
            path: "Tests/MutantEnclave/Sources",
            swiftSettings: settings + [.define("MUTANTS")]
        ),
        .target(
            name: "FuzzEntryPoints",
            dependencies: [
                "AssessmentReport", "Attestation", "AttestationFixtures", "BundleFormat", "DarknetImport",
                "EnclaveImage", "EnclavePlatform", "EngineMessages", "Evidence", "FrameStream", "Imaging", "Inference",
                "KeyRelease", "LeakageAssessment", "ModelGraph", "ONNXExport", "ONNXFormat", "ONNXImport",
                "OpenInference", "SealedChannel", "SecretMemory", "Tensors",
                "Wire",
            ],
            path: "Tests/FuzzEntryPoints",
            swiftSettings: settings
        ),
        tests("FuzzTests", ["FuzzEntryPoints"]),
        tests("TensorsTests", ["Tensors"]),
        tests("PlainTextTests", ["PlainText"]),
        tests("ModelGraphTests", ["ModelGraph", "ReferenceInference", "Tensors", "TestSupport"]),
        tests("WireTests", ["FrameStream", "Wire", "Tensors"]),
        tests("EvidenceTests", ["BundleFormat", "Evidence", "StrictJSON", "Tensors"]),
        tests(
            "ImagingTests", ["Hexadecimal", "Imaging", "Tensors", crypto], exclude: ["Fixtures", "make_vectors.py"]),
        tests(
            "SealedChannelTests", ["SealedChannel", "SecretMemory", "Tensors", "TestSupport", crypto],
            exclude: ["noise.json", "noise_reference.py", "ohttp_reference.py", "vectors.json"]
        ),
        tests(
            "InferenceTests",
            ["Inference", "ModelGraph", "OneDNN", "ONNXImport", "ReferenceInference", "Tensors", "TestSupport"]
        ),
        tests(
            "ONNXTests",
            [
                "Inference", "ModelGraph", "ONNXExport", "ONNXFormat", "ONNXImport", "ONNXNames", "ReferenceInference",
                "Tensors", "TestSupport",
            ],
            exclude: ["Fixtures", "make_vectors.py"]
        ),
        tests(
            "DarknetTests",
            [
                "DarknetImport", "Hexadecimal", "Imaging", "Inference", "ModelGraph", "ReferenceInference", "Tensors",
                "TestSupport", crypto,
            ]
        ),
        tests(
            "EnclaveTests",
            [
                "Attestation", "AttestationFixtures", "BundleFormat", "CNitro", "EnclaveCore", "EnclaveFixtures",
                "EnclavePlatform",
                "Evidence", "FrameStream", "Inference",
                "ModelGraph", "Sandbox", "SandboxProbe", "SealedChannel", "SecretMemory", "Tensors",
                "TestSupport", "Wire",
                "infenclave-enclave", crypto,
            ]
        ),
        tests(
            "HostileHost",
            [
                "Attestation", "AttestationFixtures", "BundleFormat", "EnclaveCore", "EnclaveFixtures", "Evidence",
                "ModelGraph",
                "MutantEnclave", "SealedChannel", "SecretMemory", "Tensors", "Wire", crypto,
            ]
        ),
        tests(
            "HostTests",
            ["Evidence", "HostCore", "HostServer", "Tensors", "TestSupport", "TraceExport", "Wire"]),
        tests(
            "OpenInferenceBackNetTests",
            ["EngineMessages", "HostCore", "ModelGraph", "OpenInferenceBackNet", "Tensors", "TestSupport"]),
        tests(
            "AttestationTests",
            ["Attestation", "AttestationFixtures", "BundleFormat", "Evidence", "Tensors", "TestSupport", crypto]),
        tests(
            "EnclaveImageTests",
            [
                "Attestation", "AttestationFixtures", "EnclaveImage", "EnclavePlatform", "Evidence", "FrameStream",
                "Sandbox", "TestSupport", crypto,
            ],
            exclude: ["make_signed_image.py"]),
        tests(
            "DifferentiationTests",
            [
                "Differentiation", "Inference", "ModelGraph", "ONNXImport", "ReferenceInference", "Tensors",
                "TestSupport",
            ]),
        .testTarget(
            name: "LeakageAssessmentTests",
            dependencies: [
                "LeakageAssessment", "AssessmentReport", "Imaging", "ModelGraph", "ONNXImport", "Tensors",
                "TestSupport",
            ],
            path: "Tests/LeakageAssessmentTests",
            // Read from the source folder.
            exclude: [
                "vectors.json", "make_vectors.py", "bounds-vectors.json", "make_bounds_vectors.py", "Browser/check.py",
                "Browser/devtools.py", "Browser/layout.json",
            ],
            swiftSettings: settings
        ),
        tests(
            "PartitioningTests",
            [
                "BundleFormat", "Evidence", "ModelGraph", "Partitioning", "ReferenceInference", "SealedChannel",
                "SecretMemory", "Tensors", "TestSupport",
            ]
        ),
        // The executables are run, not called: the edges have them built.
        tests(
            "CommandTests",
            [
                "Attestation", "AttestationFixtures", "BundleFormat", "EnclaveImage", "Evidence", "infenclave",
                "InfenclaveClient", "InfenclaveImaging", "Inference", "KeyRelease", "ModelGraph", "ONNXExport",
                "SealedChannel", "SecretMemory", "Tensors", "TestSupport",
                "infenclave-enclave", crypto,
            ]
        ),
        // Calls the C interface from C.
        .target(
            name: "CInterfaceCaller", dependencies: ["CInfenclave"], path: "Tests/CInterfaceCaller",
            cSettings: [.unsafeFlags(["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"])]),
        tests(
            "InfenclaveCTests",
            [
                "Attestation", "AttestationFixtures", "BundleFormat", "CInfenclave", "CInterfaceCaller", "Evidence",
                "InfenclaveC", "SealedChannel", "SecretMemory", "Tensors",
            ]
        ),
        tests("OpenInferenceTests", ["OpenInference"], exclude: ["make_requests.py", "requests.json"]),
        tests(
            "InferenceProxyTests",
            [
                "InferenceProxy", "InfenclaveImaging", "OpenInference",
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        tests("PackageTests", ["TestSupport"], exclude: ["public-interface.txt"]),
    ],
    swiftLanguageModes: [.v6]
)

// Proxy and host with gRPC (`make proxy`, `make grpc`) are there only where the environment asks for it: whatever builds all targets, as the
// tests do, would take minutes longer with gRPC, and fetch more.
if Context.environment["INFENCLAVE_GRPC"] != nil {
    package.dependencies += [
        // HTTP/2 and gRPC. Its code generator is not used: the calls are written by hand.
        .package(url: "https://github.com/grpc/grpc-swift-2", exact: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", exact: "2.9.2"),
    ]
    package.products += [
        .executable(name: "infenclave-proxy", targets: ["infenclave-proxy"]),
        .executable(name: "infenclave-grpc", targets: ["infenclave-grpc"]),
    ]
    package.targets += [
        .target(
            name: "OpenInferenceMessages",
            dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
            path: "Sources/Shared/OpenInferenceMessages",
            exclude: ["open_inference.proto"],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "infenclave-proxy",
            dependencies: [
                "InferenceProxy", "InfenclaveClient", "OpenInference", "OpenInferenceMessages", "ProductVersion",
                "PlainText", "ProxyCommand", "SealedChannel", "SecretMemory",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "GRPCCore", package: "grpc-swift-2"),
                .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            path: "Sources/Verifier/infenclave-proxy",
            swiftSettings: settings
        ),
        .target(
            name: "OpenInferenceGRPC",
            dependencies: [
                "EngineMessages", "HostCore", "ModelGraph", "OpenInferenceBackNet", "OpenInferenceMessages", "Tensors",
                .product(name: "GRPCCore", package: "grpc-swift-2"),
                .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            path: "Sources/Untrusted/OpenInferenceGRPC",
            swiftSettings: settings
        ),
        // The command line a second time, by a link, with engines that are reached over gRPC.
        .executableTarget(
            name: "infenclave-grpc",
            dependencies: (package.targets.first { $0.name == "infenclave" }?.dependencies ?? [])
                + ["OpenInferenceGRPC"],
            path: "Sources/Owner/infenclave-grpc",
            swiftSettings: settings + [.define("GRPC_ENGINES")]
        ),
    ]
}
