// SPDX-License-Identifier: Apache-2.0
import Attestation
import Evidence
import Foundation
import TestSupport
import Testing

/// Evidence and collateral as users have them: genuine documents, and files in the encodings of vendors' services,
/// caches and tools. The file `case.json` of each case states the expected result.
struct FieldCase: Decodable, Sendable, CustomTestStringConvertible {
    static let folder = "field/attestation"
    static let all: [FieldCase] = SharedFiles.names(in: folder).compactMap { name in
        try? JSONDecoder().decode(FieldCase.self, from: SharedFiles.bytes("\(folder)/\(name)/case.json"))
    }

    let name: String
    let tee: TEEKind
    let at: String
    let expect: String
    let codes: [String]?
    let root: Bool

    var testDescription: String { name }

    func bytes(_ file: String) throws -> [UInt8] { Array(try SharedFiles.bytes("\(Self.folder)/\(name)/\(file)")) }

    func verdict() throws -> Verdict {
        let collateral = "\(Self.folder)/\(name)/collateral"
        let request = VerificationRequest(
            tee: tee, evidence: try bytes("evidence.bin"),
            collateral: SharedFiles.exists(collateral) ? try CollateralFolder.read(SharedFiles.path(collateral)) : [:],
            at: try #require(Timestamp(iso8601: at)),
            roots: root ? try .dangerouslyTrust(bytes("root.pem")) : .vendors)
        // The cases name the members that they are about; the version is this project's.
        var members = try #require(
            JSONSerialization.jsonObject(with: Data(bytes("policy.json"))) as? [String: Any])
        members["version"] = Policy.version
        let policy = try Policy(json: Array(try JSONSerialization.data(withJSONObject: members)))
        return SavedEvidenceAppraiser(policy: policy).verdict(on: request)
    }
}

@Suite(
    "Evidence and collateral from the field",
    .enabled(if: !FieldCase.all.isEmpty, Comment(rawValue: SharedFiles.absence)))
struct FieldCaseTests {
    @Test("Every case gets the verdict that it states, for one of the reasons that it lists", arguments: FieldCase.all)
    func verdict(_ field: FieldCase) throws {
        let verdict = try field.verdict()
        #expect(verdict.isAccepted == (field.expect == "accept"), "\(verdict.summary)")
        if let codes = field.codes {
            let failed = verdict.failures.map(\.code.rawValue)
            #expect(!failed.isEmpty && failed.allSatisfy(codes.contains), "\(verdict.summary)")
        }
    }

    @Test("Every folder was read")
    func completeness() { #expect(FieldCase.all.map(\.name) == SharedFiles.names(in: FieldCase.folder)) }
}
