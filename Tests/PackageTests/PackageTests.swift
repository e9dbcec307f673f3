// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// What each target may import. A folder's trust is only as good as this list; see `Documentation/architecture.md`.
private let allowedEdges: [String: Set<String>] = [
    // Shared.
    "Tensors": [],
    "ModelGraph": ["Tensors"],
    "Wire": ["Tensors"],
    "Hexadecimal": [],
    "Evidence": ["Hexadecimal", "Tensors"],
    "StrictJSON": [],
    "PlainText": [],
    "CBuildRecord": [],
    "ProductVersion": ["CBuildRecord"],
    "OpenInferenceMessages": ["swift-protobuf/SwiftProtobuf"],
    "BundleFormat": ["Evidence", "StrictJSON", "Tensors"],
    // Transport: the only I/O that host and enclave share.
    "FrameStream": ["Tensors", "Wire"],
    // Confinement: what host and enclave forbid themselves.
    "CSandbox": [],
    "Sandbox": ["CSandbox"],
    // Imaging.
    "CImageCodecs": [],
    "Imaging": ["CImageCodecs", "Tensors"],
    // Secrets.
    "CSecretMemory": [],
    "SecretMemory": ["CSecretMemory", "Tensors"],
    "SealedChannel": ["Hexadecimal", "SecretMemory", "Tensors", "swift-crypto/Crypto"],
    // Engine.
    "COneDNN": [],
    "OneDNN": ["COneDNN", "Tensors"],
    "Inference": ["ModelGraph", "OneDNN", "Tensors"],
    "ReferenceInference": ["ModelGraph", "Tensors"],
    // Trusted: no importer, HTTP server, JSON from strangers, or logging backend.
    "EnclaveCore": [
        "Evidence", "FrameStream", "Inference", "ModelGraph", "SealedChannel", "SecretMemory", "Tensors", "Wire",
        "swift-crypto/Crypto",
    ],
    "CBoot": [],
    "CNitro": [],
    "EnclavePlatform": [
        "CBoot", "CNitro", "EnclaveCore", "Evidence", "FrameStream", "Sandbox", "SecretMemory", "Tensors", "Wire",
        "swift-crypto/Crypto",
    ],
    "infenclave-enclave": [
        "EnclaveCore", "EnclavePlatform", "Evidence", "FrameStream", "Inference", "Sandbox", "SecretMemory", "Wire",
    ],
    // Untrusted: cannot name a key type.
    "CAllocator": [],
    "CSpawn": [],
    "HostCore": [
        "BundleFormat", "CAllocator", "CSpawn", "Evidence", "FrameStream", "Hexadecimal", "Inference", "ModelGraph",
        "Tensors", "Wire",
    ],
    "EngineMessages": ["ModelGraph", "StrictJSON", "Tensors"],
    "HTTPCalls": ["swift-nio/NIOCore", "swift-nio/NIOHTTP1", "swift-nio/NIOPosix"],
    "OpenInferenceBackNet": [
        "EngineMessages", "HTTPCalls", "HostCore", "ModelGraph", "StrictJSON", "Tensors", "swift-nio/NIOCore",
        "swift-nio/NIOHTTP1",
    ],
    "OpenInferenceGRPC": [
        "EngineMessages", "HostCore", "ModelGraph", "OpenInferenceBackNet", "OpenInferenceMessages", "Tensors",
        "grpc-swift-2/GRPCCore", "grpc-swift-nio-transport/GRPCNIOTransportHTTP2Posix", "swift-protobuf/SwiftProtobuf",
    ],
    "TraceExport": ["HTTPCalls", "HostCore", "swift-nio/NIOCore", "swift-nio/NIOHTTP1"],
    "HostServer": [
        "BundleFormat", "Evidence", "HostCore", "PlainText", "Wire", "hummingbird/Hummingbird",
        "hummingbird/HummingbirdCore",
        "swift-nio/NIOCore", "swift-nio/NIOPosix", "swift-service-lifecycle/ServiceLifecycle",
        "swift-service-lifecycle/UnixSignals", "swift-log/Logging",
    ],
    // Verifier.
    "CHTTPClient": [],
    "Attestation": [
        "BundleFormat", "Evidence", "StrictJSON", "Tensors", "swift-crypto/Crypto", "swift-crypto/CryptoExtras",
    ],
    "InfenclaveClient": [
        "Attestation", "BundleFormat", "CHTTPClient", "Evidence", "Hexadecimal", "SealedChannel", "SecretMemory",
        "StrictJSON", "Tensors",
    ],
    "InfenclaveImaging": ["Imaging", "InfenclaveClient"],
    "OpenInference": ["StrictJSON"],
    "CInflate": [],
    "InferenceProxy": [
        "CInflate", "Hexadecimal", "InfenclaveImaging", "OpenInference", "PlainText", "SecretMemory",
        "hummingbird/Hummingbird", "hummingbird/HummingbirdCore", "swift-service-lifecycle/ServiceLifecycle",
        "swift-log/Logging",
    ],
    "infenclave-proxy": [
        "InferenceProxy", "InfenclaveClient", "OpenInference", "OpenInferenceMessages", "PlainText", "ProductVersion",
        "ProxyCommand", "SealedChannel", "SecretMemory", "grpc-swift-2/GRPCCore",
        "grpc-swift-nio-transport/GRPCNIOTransportHTTP2Posix", "swift-argument-parser/ArgumentParser",
        "swift-log/Logging", "swift-protobuf/SwiftProtobuf", "swift-service-lifecycle/ServiceLifecycle",
    ],
    "ProxyCommand": [
        "Attestation", "Evidence", "InferenceProxy", "InfenclaveClient", "ProductVersion", "SealedChannel",
        "swift-argument-parser/ArgumentParser",
        "swift-service-lifecycle/ServiceLifecycle", "swift-service-lifecycle/UnixSignals", "swift-log/Logging",
    ],
    "CInfenclave": [],
    "InfenclaveC": [
        "Attestation", "BundleFormat", "CInfenclave", "Evidence", "SealedChannel", "SecretMemory", "Tensors",
    ],
    // Owner.
    "ONNXFormat": ["swift-protobuf/SwiftProtobuf"],
    "ONNXImport": ["ModelGraph", "ONNXFormat", "Tensors"],
    "ONNXNames": ["ModelGraph"],
    "ONNXExport": ["ModelGraph", "ONNXFormat", "ONNXNames", "Tensors"],
    "DarknetImport": ["ModelGraph", "Tensors"],
    "Differentiation": ["ModelGraph", "Tensors"],
    "COpenBLAS": [],
    "LeakageAssessment": [
        "COpenBLAS", "Differentiation", "Hexadecimal", "Imaging", "Inference", "ModelGraph", "ONNXNames", "OneDNN",
        "ProductVersion", "SealedChannel", "SecretMemory", "StrictJSON", "Tensors", "swift-crypto/Crypto",
    ],
    "AssessmentReport": [
        "Hexadecimal", "Imaging", "LeakageAssessment", "ModelGraph", "PlainText", "StrictJSON", "Tensors",
        "swift-crypto/Crypto",
    ],
    "Partitioning": [
        "BundleFormat", "Evidence", "ModelGraph", "ONNXExport", "SealedChannel", "SecretMemory", "Tensors",
        "swift-crypto/Crypto",
    ],
    "EnclaveImage": ["Attestation", "Evidence", "swift-crypto/Crypto"],
    "KeyRelease": [
        "Attestation", "Evidence", "InfenclaveClient", "SealedChannel", "StrictJSON", "swift-crypto/Crypto",
    ],
    "infenclave": [
        "AssessmentReport", "Attestation", "BundleFormat", "DarknetImport", "EnclaveImage", "EngineMessages",
        "Evidence", "FrameStream", "HostCore", "HostServer", "Imaging", "InfenclaveClient", "InfenclaveImaging",
        "Inference", "InferenceProxy", "KeyRelease", "LeakageAssessment", "ModelGraph", "ONNXImport",
        "ONNXNames", "OpenInferenceBackNet", "Partitioning", "PlainText", "ProductVersion", "ProxyCommand", "Sandbox",
        "SealedChannel", "SecretMemory", "StrictJSON", "Tensors", "TraceExport",
        "swift-argument-parser/ArgumentParser", "swift-crypto/Crypto",
    ],
]

/// The package's description, as SwiftPM understands it.
struct Description: Decodable {
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

    /// All that these targets depend on, directly or not, and themselves.
    func reached(from start: Set<String>) -> Set<String> {
        let edges = Dictionary(uniqueKeysWithValues: targets.map { ($0.name, $0.edges) })
        var reached: Set<String> = []
        var open = start
        while let next = open.popFirst() { if reached.insert(next).inserted { open.formUnion(edges[next] ?? []) } }
        return reached
    }
}

func packageRoot() -> URL {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
}

/// - Parameter withGRPC: With what is there only where the environment asks for it.
func describePackage(withGRPC: Bool = true) throws -> Description {
    try JSONDecoder().decode(Description.self, from: dumpPackage(["INFENCLAVE_GRPC": withGRPC ? "1" : nil]))
}

/// - Parameter changes: Variables of the environment; `nil` removes one.
func dumpPackage(_ changes: [String: String?]) throws -> Data {
    let scratch = FileManager.default.temporaryDirectory.appending(path: "infenclave-describe-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: scratch) }
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    // A scratch path of its own: the test runs while SwiftPM holds the lock of the usual one.
    process.arguments = [
        "swift", "package", "--package-path", packageRoot().path, "--scratch-path", scratch.path, "dump-package",
    ]
    var environment = ProcessInfo.processInfo.environment
    for (name, value) in changes { environment[name] = value }
    process.environment = environment
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let json = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "swift package dump-package failed")
    return json
}

@Suite("The package's targets")
struct PackageTests {
    @Test("Every target imports only what its folder allows")
    func edges() throws {
        let description = try describePackage()
        let targets = description.targets.filter { $0.type != "test" && $0.path?.hasPrefix("Sources/") == true }
        #expect(targets.count > 20)
        for target in targets {
            // The same program, with one more.
            let isGRPC = target.name == "infenclave-grpc"
            let listed = allowedEdges[isGRPC ? "infenclave" : target.name]
            let allowed = try #require(listed, "\(target.name) is not in the list of allowed edges")
            let forbidden = target.edges.subtracting(isGRPC ? allowed.union(["OpenInferenceGRPC"]) : allowed)
            #expect(forbidden.isEmpty, "\(target.name) may not import \(forbidden.sorted())")
        }
    }

    @Test("The architecture page lists exactly the allowed imports of each target")
    func architecturePage() throws {
        let page = try String(
            contentsOf: packageRoot().appending(path: "Documentation/architecture.md"), encoding: .utf8)
        let rows = try Self.importTable(page)
        // The command line: its row says in words what it may import.
        let inWords: Set = ["infenclave", "infenclave-grpc"]
        #expect(Set(rows.flatMap(\.targets)) == Set(allowedEdges.keys).union(inWords))
        for row in rows where inWords.isDisjoint(with: row.targets) {
            // Targets of one row, a C target and its wrapper, may import each other.
            let allowed = row.targets.reduce(into: Set<String>()) { $0.formUnion(allowedEdges[$1] ?? []) }
                .subtracting(row.targets)
            let products = Set(allowed.filter { $0.contains("/") }.map { String($0.split(separator: "/")[1]) })
            let listed = row.imports.filter { allowedEdges[$0] != nil }
            #expect(listed == allowed.filter { !$0.contains("/") }, "\(row.targets)")
            let named = row.imports.subtracting(listed).subtracting(["…"])
            for name in named {
                #expect(products.contains { Self.covers(name, $0) }, "\(row.targets) may not import \(name)")
            }
            let missing = products.filter { product in !named.contains { Self.covers($0, product) } }
            #expect(missing.isEmpty || row.imports.contains("…"), "\(row.targets): \(missing.sorted())")
        }
        let trusted = try describePackage().targets.filter { $0.path?.hasPrefix("Sources/Trusted/") == true }
        #expect(trusted.count >= 5)
        #expect(try reached(from: inWords).isDisjoint(with: trusted.map(\.name)))
    }

    /// Whether a name in the page's table means a product: two names stand for all products of a package.
    private static func covers(_ name: String, _ product: String) -> Bool {
        name == product || ["NIO", "Hummingbird"].contains(name) && product.hasPrefix(name)
    }

    /// The rows of the table of targets: the targets, and the imports after the last arrow and in the lines below it.
    private static func importTable(_ page: String) throws -> [(targets: [String], imports: Set<String>)] {
        let block = try #require(page.firstMatch(of: /(?s)```\nSources\/\n(.*?)```/)).output.1
        var rows: [(targets: [String], imports: Set<String>)] = []
        var column = Int.max
        for line in block.split(separator: "\n") {
            let isRow = line.firstMatch(of: /^ {4}([A-Za-z-]+(?:, [A-Za-z-]+)*)\s/)
            if let isRow {
                rows.append((isRow.output.1.split(separator: ", ").map(String.init), []))
                column =
                    line.ranges(of: "-> ").last.map { line.distance(from: line.startIndex, to: $0.upperBound) }
                    ?? Int.max
            } else if !line.hasPrefix("     ") {
                continue
            }
            let imports = line.dropFirst(column).split { $0 == " " || $0 == "," }.map(String.init)
            rows[rows.count - 1].imports.formUnion(imports)
        }
        return rows
    }

    private func reached(from targets: Set<String>) throws -> Set<String> {
        try describePackage().reached(from: targets)
    }

    @Test("Clients that send tensors link no image codec, and nothing of server or owner")
    func clientDependencies() throws {
        #expect(
            try reached(from: ["InfenclaveClient"]) == [
                "InfenclaveClient", "Attestation", "BundleFormat", "CHTTPClient", "Evidence", "Hexadecimal",
                "SealedChannel", "SecretMemory", "CSecretMemory", "StrictJSON", "Tensors", "swift-crypto/Crypto",
                "swift-crypto/CryptoExtras",
            ])
    }

    @Test("Every code file states its licence, and no file in Sources is longer than 400 lines")
    func files() throws {
        let root = packageRoot()
        var (count, faults) = (0, [String]())
        for folder in ["Sources", "Tests", "Fuzz/Sources", "Examples"] {
            let files = FileManager.default.enumerator(atPath: root.appending(path: folder).path)
            while let name = files?.nextObject() as? String {
                let isKept = ["/Generated/", "/Fixtures/", "/.build/"].allSatisfy { !"/\(name)".contains($0) }
                guard isKept, name.hasSuffix(".swift") || name.hasSuffix(".c") || name.hasSuffix(".h"),
                    let text = try? String(contentsOf: root.appending(path: "\(folder)/\(name)"), encoding: .utf8)
                else { continue }
                let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
                if !lines.prefix(2).contains("// SPDX-License-Identifier: Apache-2.0") { faults.append(name) }
                if folder == "Sources", lines.count > 401 { faults.append("\(name) has \(lines.count - 1) lines") }
                count += 1
            }
        }
        #expect(count > 800)
        #expect(faults.isEmpty, "\(faults)")
    }

    @Test("The command line prints only through functions that escape untrusted text")
    func printing() throws {
        let folder = packageRoot().appending(path: "Sources/Owner/infenclave")
        let files = try #require(FileManager.default.enumerator(atPath: folder.path))
        var found: Set<String> = []
        for case let name as String in files where name.hasSuffix(".swift") {
            let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
            let calls = ["Swift.print(", "FileHandle.standardOutput", "FileHandle.standardError", "fputs("]
            if calls.contains(where: text.contains) { found.insert(name) }
        }
        // Its progress has no text from outside.
        #expect(found.isSubset(of: ["Output.swift", "ProgressLine.swift"]), "\(found)")
        #expect(found.contains("Output.swift"))
    }

    @Test("Programs, wheel and chart have the same version, which is defined once for all programs")
    func version() throws {
        func text(_ path: String) throws -> String {
            try String(contentsOf: packageRoot().appending(path: path), encoding: .utf8)
        }
        let version = try #require(
            try text("Sources/Shared/ProductVersion/ProductVersion.swift").firstMatch(of: /text = "([0-9.]+)"/)?.output
                .1)
        #expect(try text("Clients/python/pyproject.toml").contains("\nversion = \"\(version)\"\n"))
        let chart = try text("Examples/cluster/helm/Chart.yaml")
        #expect(chart.contains("\nversion: \(version)\n") && chart.contains("\nappVersion: \"\(version)\""))
        let sources = try #require(
            FileManager.default.enumerator(
                at: packageRoot().appending(path: "Sources"), includingPropertiesForKeys: nil))
        let files = sources.compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }
        #expect(files.count > 300)
        let literal = "\"\(version)\""
        let others = try files.filter { file in
            let source = String(decoding: try Data(contentsOf: file), as: UTF8.self)
            return file.lastPathComponent != "ProductVersion.swift" && source.contains(literal)
        }
        #expect(others.isEmpty, "\(others)")
    }

    @Test(
        "`--version` has the stated commit and build options, and the enclave is independent of the commit"
    )
    func buildRecord() throws {
        let names = ["INFENCLAVE_COMMIT", "INFENCLAVE_BUILD_OPTIONS"]
        let untold = String(
            decoding: try dumpPackage([names[0]: String?.none, names[1]: String?.none]), as: UTF8.self)
        for name in names { #expect(!untold.contains(name)) }
        let told = String(
            decoding: try dumpPackage([names[0]: "0123abc", names[1]: "-c release -Xlinker -s"]), as: UTF8.self)
        let values = [
            "INFENCLAVE_COMMIT=\\\"0123abc\\\"",
            "INFENCLAVE_BUILD_OPTIONS=\\\"-c release -Xlinker -s\\\"",
        ]
        for value in values { #expect(told.contains(value), "\(value)") }
        #expect(try !reached(from: ["infenclave-enclave"]).contains("CBuildRecord"))
    }

    @Test("gRPC is part of the package only on request: neither a build nor the tests need it")
    func gRPC() throws {
        let targets = try describePackage(withGRPC: false).targets
        #expect(!targets.contains { $0.name == "infenclave-proxy" })
        #expect(!targets.contains { $0.edges.contains { $0.contains("grpc") } })
        let names = try describePackage().targets.map(\.name)
        #expect(Set(names).isSuperset(of: ["infenclave-proxy", "infenclave-grpc"]))
        for program in ["infenclave", "infenclave-enclave"] {
            #expect(
                try reached(from: [program]).allSatisfy { !$0.contains("grpc") && !$0.hasSuffix("GRPC") }, "\(program)")
        }
    }

    @Test("Everything that the enclave links, directly or indirectly, is on its short list of dependencies")
    func enclaveDependencies() throws {
        #expect(
            try reached(from: ["infenclave-enclave"]) == [
                "infenclave-enclave", "EnclaveCore", "EnclavePlatform", "Inference", "OneDNN", "COneDNN", "ModelGraph",
                "Tensors", "SealedChannel", "SecretMemory", "CSecretMemory", "Wire", "FrameStream", "Evidence",
                "Hexadecimal",
                "CBoot", "CNitro", "CSandbox", "Sandbox",
                "swift-crypto/Crypto",
            ])
    }

    @Test("The untrusted side reaches no key type")
    func untrustedSide() throws {
        let reached = try reached(from: [
            "HostServer", "HostCore", "OpenInferenceBackNet", "OpenInferenceGRPC", "TraceExport",
        ])
        #expect(reached.isDisjoint(with: ["SealedChannel", "SecretMemory", "swift-crypto/Crypto"]))
    }
}
