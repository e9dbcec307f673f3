import Foundation
import Testing

/// What each target may import. A folder's trust is only as good as this list; see `Documentation/architecture.md`.
private let allowedEdges: [String: Set<String>] = [
    // Shared.
    "Tensors": [],
    "ModelGraph": ["Tensors"],
    "Wire": ["Tensors"],
    "Evidence": ["Tensors"],
    "StrictJSON": [],
    "BundleFormat": ["Evidence", "StrictJSON", "Tensors"],
    // Transport: the only I/O that host and enclave share.
    "FrameSocket": ["Tensors", "Wire"],
    // Imaging.
    "CImageCodecs": [],
    "Imaging": ["CImageCodecs", "Tensors"],
    // Secrets.
    "CSecretMemory": [],
    "SecretMemory": ["CSecretMemory", "Tensors"],
    "SealedChannel": ["SecretMemory", "Tensors", "swift-crypto/Crypto"],
    // Engine.
    "COneDNN": [],
    "OneDNN": ["COneDNN", "Tensors"],
    "Inference": ["ModelGraph", "OneDNN", "Tensors"],
    "ReferenceInference": ["ModelGraph", "Tensors"],
    // Trusted: no importer, HTTP server, JSON from strangers, or logging backend.
    "EnclaveCore": [
        "Evidence", "FrameSocket", "Inference", "ModelGraph", "SealedChannel", "SecretMemory", "Tensors", "Wire",
        "swift-crypto/Crypto",
    ],
    "CNitro": [],
    "EnclavePlatform": ["CNitro", "EnclaveCore", "Evidence", "SecretMemory", "Tensors", "swift-crypto/Crypto"],
    "infenclave-enclave": [
        "EnclaveCore", "EnclavePlatform", "Evidence", "FrameSocket", "Inference", "SecretMemory",
    ],
    // Untrusted: cannot name a key type.
    "CAllocator": [],
    "CSpawn": [],
    "HostCore": [
        "BundleFormat", "CAllocator", "CSpawn", "Evidence", "FrameSocket", "Inference", "ModelGraph", "Tensors", "Wire",
    ],
    "EngineMessages": ["ModelGraph", "StrictJSON", "Tensors"],
    "OpenInferenceBackNet": [
        "HostCore", "ModelGraph", "EngineMessages", "StrictJSON", "Tensors", "swift-nio/NIOCore", "swift-nio/NIOHTTP1",
        "swift-nio/NIOPosix",
    ],
    "HostServer": [
        "BundleFormat", "Evidence", "HostCore", "Wire", "hummingbird/Hummingbird", "hummingbird/HummingbirdCore",
        "swift-service-lifecycle/ServiceLifecycle",
        "swift-service-lifecycle/UnixSignals", "swift-log/Logging",
    ],
    // Verifier.
    "CHTTPClient": [],
    "Attestation": [
        "BundleFormat", "Evidence", "StrictJSON", "Tensors", "swift-crypto/Crypto", "swift-crypto/CryptoExtras",
    ],
    "InfenclaveClient": [
        "Attestation", "BundleFormat", "CHTTPClient", "Evidence", "Imaging", "SealedChannel", "SecretMemory",
        "StrictJSON", "Tensors", "swift-crypto/Crypto",
    ],
    // Owner.
    "ONNXFormat": ["swift-protobuf/SwiftProtobuf"],
    "ONNXImport": ["ModelGraph", "ONNXFormat", "Tensors"],
    "ONNXExport": ["ModelGraph", "ONNXFormat", "Tensors"],
    "DarknetImport": ["ModelGraph", "Tensors"],
    "Differentiation": ["ModelGraph", "Tensors"],
    "COpenBLAS": [],
    "LeakageAssessment": [
        "COpenBLAS", "Differentiation", "Imaging", "Inference", "ModelGraph", "OneDNN", "StrictJSON", "Tensors",
        "swift-crypto/Crypto",
    ],
    "AssessmentReport": ["Imaging", "LeakageAssessment", "ModelGraph", "StrictJSON", "Tensors", "swift-crypto/Crypto"],
    "Partitioning": [
        "BundleFormat", "Evidence", "ModelGraph", "ONNXExport", "SealedChannel", "SecretMemory", "Tensors",
        "swift-crypto/Crypto",
    ],
    "infenclave": [
        "AssessmentReport", "Attestation", "BundleFormat", "DarknetImport", "Evidence", "HostCore", "HostServer",
        "Imaging", "Inference", "InfenclaveClient", "LeakageAssessment", "ModelGraph", "ONNXImport",
        "EngineMessages", "OpenInferenceBackNet", "Partitioning", "SealedChannel",
        "SecretMemory", "StrictJSON", "Tensors", "swift-argument-parser/ArgumentParser", "swift-crypto/Crypto",
    ],
]

/// The package's description, as SwiftPM understands it.
private struct Description: Decodable {
    struct Target: Decodable {
        let name: String
        let type: String
        let path: String?
        let dependencies: [[String: [Part?]]]

        /// The names of what the target depends on; a product is `package/Product`.
        var edges: Set<String> {
            Set(
                dependencies.compactMap { dependency in
                    if let parts = dependency["product"] {
                        return "\(parts[1]?.string ?? "")/\(parts[0]?.string ?? "")"
                    }
                    return (dependency["byName"] ?? dependency["target"])?[0]?.string
                })
        }
    }

    /// Names are strings; conditions, which nothing here uses, are objects.
    enum Part: Decodable {
        case name(String)
        case other

        init(from decoder: any Decoder) throws {
            let name = try? decoder.singleValueContainer().decode(String.self)
            self = name.map(Part.name) ?? .other
        }

        var string: String? { if case .name(let name) = self { name } else { nil } }
    }

    let targets: [Target]
}

private func packageRoot() -> URL {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
}

private func describePackage() throws -> Description {
    let scratch = FileManager.default.temporaryDirectory.appending(path: "infenclave-describe-\(getpid())")
    defer { try? FileManager.default.removeItem(at: scratch) }
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    // A scratch path of its own: the test runs while SwiftPM holds the lock of the usual one.
    process.arguments = [
        "swift", "package", "--package-path", packageRoot().path, "--scratch-path", scratch.path, "dump-package",
    ]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let json = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "swift package dump-package failed")
    return try JSONDecoder().decode(Description.self, from: json)
}

@Suite("The package's targets")
struct PackageTests {
    @Test("Every target imports only what its folder allows")
    func edges() throws {
        let description = try describePackage()
        let targets = description.targets.filter { $0.type != "test" && $0.path?.hasPrefix("Sources/") == true }
        #expect(targets.count > 20)
        for target in targets {
            let allowed = try #require(allowedEdges[target.name], "\(target.name) is not in the list of allowed edges")
            let forbidden = target.edges.subtracting(allowed)
            #expect(forbidden.isEmpty, "\(target.name) may not import \(forbidden.sorted())")
        }
    }

    @Test("Nothing that the enclave links, directly or not, comes from outside its short list")
    func enclaveDependencies() throws {
        let description = try describePackage()
        let edges = Dictionary(uniqueKeysWithValues: description.targets.map { ($0.name, $0.edges) })
        var reached: Set<String> = []
        var open: Set<String> = ["infenclave-enclave"]
        while let next = open.popFirst() { if reached.insert(next).inserted { open.formUnion(edges[next] ?? []) } }
        #expect(
            reached == [
                "infenclave-enclave", "EnclaveCore", "EnclavePlatform", "Inference", "OneDNN", "COneDNN", "ModelGraph",
                "Tensors", "SealedChannel", "SecretMemory", "CSecretMemory", "Wire", "FrameSocket", "Evidence",
                "CNitro",
                "swift-crypto/Crypto",
            ])
    }

    @Test("The untrusted side reaches no key type")
    func untrustedSide() throws {
        let description = try describePackage()
        let edges = Dictionary(uniqueKeysWithValues: description.targets.map { ($0.name, $0.edges) })
        var reached: Set<String> = []
        var open: Set<String> = ["HostServer", "HostCore", "OpenInferenceBackNet"]
        while let next = open.popFirst() { if reached.insert(next).inserted { open.formUnion(edges[next] ?? []) } }
        #expect(reached.isDisjoint(with: ["SealedChannel", "SecretMemory", "swift-crypto/Crypto"]))
    }
}
