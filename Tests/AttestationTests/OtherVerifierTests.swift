// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import Foundation
import TestSupport
import Testing

/// Independent verifiers in other languages get every appraisal of these tests.
@Suite("Verifiers in other languages")
struct OtherVerifierTests {
    private static let browser = Chromium.path

    /// Every shared vector and mutation, every single fault, and fixtures that are accepted.
    private static func records() throws -> [AppraisalRecord] {
        func peer(_ fixture: some EvidenceFixture) throws -> AppraisalInput {
            let peer = PeerFixture(fixture)
            return try peer.input(peer.document(), development: .dangerouslyAccept)
        }
        let sound = [
            ("a service of the development TEE", try peer(DevelopmentFixture())),
            ("a service in SEV-SNP", try peer(SNPFixture())), ("a service in Nitro", try peer(NitroFixture())),
            ("a service in SGX", try peer(IntelFixture.sgx())), ("a service in TDX", try peer(IntelFixture.tdx())),
            ("a report", try AppraisalInput(SNPFixture())), ("a document", try AppraisalInput(NitroFixture())),
        ]
        let faults = try SingleFaultTests.all.map { ($0.testDescription, try $0.input()) }
        return try (Vectors.inputs() + faults + sound).map { try AppraisalRecord($0.0, $0.1) }
    }

    private static func write(_ path: String) throws -> Int {
        let records = try records()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(records).write(to: URL(filePath: path))
        return records.count
    }

    @Test(
        "The browser verifier makes the same checks with the same outcomes",
        .enabled(if: browser != nil, "no chromium or python3 in PATH: skipped"), .timeLimit(.minutes(60)))
    func browserAgrees() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "appraisals-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        let count = try Self.write(file.path)
        #expect(count > (Vectors.arePresent ? 600 : 100))
        let said = try Chromium.check(["appraisals", file.path])
        #expect(said.contains("\(count) appraisals agree"), "\(said)")
    }

    @Test(
        "The appraisals are written to the file that INFENCLAVE_APPRAISALS names",
        .enabled(
            if: ProcessInfo.processInfo.environment["INFENCLAVE_APPRAISALS"] != nil,
            "INFENCLAVE_APPRAISALS names no file: skipped"))
    func export() throws {
        let path = try #require(ProcessInfo.processInfo.environment["INFENCLAVE_APPRAISALS"])
        #expect(try Self.write(path) > 100)
    }
}
