// SPDX-License-Identifier: Apache-2.0
import Foundation
import FuzzEntryPoints
import Testing

/// Inputs that fuzzers found, and their seeds, run without the fuzzers.
@Suite("Parsers of untrusted bytes")
struct ReplayTests {
    /// `Fuzz/Corpus`, a folder per target. A file's name starts with the expected outcome.
    private static let corpus = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fuzz/Corpus")

    private static func files(of target: FuzzTarget) throws -> [URL] {
        let folder = corpus.appending(path: target.rawValue)
        guard FileManager.default.fileExists(atPath: folder.path) else { return [] }
        return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    }

    private static func run(_ target: FuzzTarget, _ bytes: some Sequence<UInt8>) -> FuzzOutcome {
        Array(bytes).withUnsafeBytes(target.run)
    }

    @Test("Each corpus file is accepted or refused as its name states", arguments: FuzzTarget.allCases)
    func corpus(_ target: FuzzTarget) throws {
        for file in try Self.files(of: target) {
            let outcome = Self.run(target, try Data(contentsOf: file))
            switch file.lastPathComponent.prefix(while: { $0 != "-" }) {
            case "accepted": #expect(outcome == .accepted, "\(file.path)")
            case "refused": #expect(outcome != .accepted, "\(file.path)")
            default: Issue.record("\(file.path) says neither accepted- nor refused-")
            }
        }
    }

    @Test("Every seed is accepted, and every target has an accepted input")
    func seeds() throws {
        let seeds = try FuzzSeed.all()
        for seed in seeds where seed.target != .verification {
            #expect(Self.run(seed.target, seed.bytes) == .accepted, "\(seed.target) \(seed.name)")
        }
        for target in FuzzTarget.allCases {
            let files = try Self.files(of: target)
            #expect(seeds.contains { $0.target == target } || !files.isEmpty, "\(target) has no seed")
        }
    }

    @Test(
        "Empty input and truncated seeds are refused where the format has an end", arguments: FuzzTarget.allCases)
    func truncation(_ target: FuzzTarget) throws {
        for seed in try FuzzSeed.all() where seed.target == target {
            // The last byte may be a line feed, or an empty section that may be missing.
            for count in stride(from: 0, to: seed.bytes.count - 1, by: max(1, seed.bytes.count / 64)) {
                let outcome = Self.run(target, seed.bytes.prefix(count))
                // A stream may stop between two frames, a message of RFC 9292 where its rest is empty, an ONNX file
                // after any field, a line of options after any, a key list between two keys, a table of certificates where
                // zeros begin, and a kernel behind its headers; a message of gRPC may stop after any field.
                let mayEndEarly: Set<FuzzTarget> = [
                    .hostFrames, .enclaveFrames, .binaryHTTP, .onnx, .keyConfiguration, .amdReport, .kernel, .epochs,
                    .bootCommandLine, .inferenceMessage,
                ]
                #expect(outcome != .accepted || mayEndEarly.contains(target), "\(target) \(seed.name) \(count)")
            }
        }
    }
}
