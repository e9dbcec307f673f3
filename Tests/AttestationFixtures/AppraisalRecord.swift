// SPDX-License-Identifier: Apache-2.0
import Attestation
import BundleFormat
import Evidence
import Foundation

/// An appraisal with its verdict as JSON, for verifiers in other languages, which have to return the same verdict.
package struct AppraisalRecord: Encodable, Sendable {
    package struct Entry: Encodable, Sendable {
        let check: String
        /// `passed`, `failed` or `skipped`.
        let outcome: String
        let code: String?
        let reason: String?
        let found: String
        let expected: String
    }

    struct Record: Encodable, Sendable {
        let date: Int64
        let evaluationDataNumber: Int?
    }

    let name: String
    let tee: String
    let evidence: Data
    let collateral: [String: Data]
    /// Seconds since 1970.
    let time: Int64
    let root: Data?
    let seenBefore: [String: Record]
    /// `null` for none.
    let policy: Data?
    /// The evidence document, `null` for saved evidence; then the next two are, too.
    let document: Data?
    let nonce: Data?
    let acceptsDevelopment: Bool?
    package let entries: [Entry]
    let report: VerdictReport

    package init(_ name: String, _ input: AppraisalInput) throws {
        let verdict = try input.verdict()
        self.name = name
        tee = input.tee.rawValue
        evidence = Data(input.evidence)
        collateral = Dictionary(uniqueKeysWithValues: input.collateral.map { ($0.key.rawValue, Data($0.value)) })
        time = input.time.secondsSince1970
        root = input.root.map { Data($0) }
        seenBefore = input.seenBefore.mapValues {
            Record(date: $0.date.secondsSince1970, evaluationDataNumber: $0.evaluationDataNumber)
        }
        policy = input.policy.map { Data($0) }
        document = try input.service.map { Data(try $0.document.json()) }
        nonce = input.service.map { Data($0.nonce) }
        acceptsDevelopment = input.service.map { $0.development == .dangerouslyAccept }
        entries = verdict.entries.map(Entry.init)
        report = VerdictReport(verdict)
    }
}

extension AppraisalRecord.Entry {
    fileprivate init(_ entry: Verdict.Entry) {
        check = entry.check.rawValue
        (found, expected) = (entry.found, entry.expected)
        switch entry.outcome {
        case .passed: (outcome, code, reason) = ("passed", nil, nil)
        case .failed(let code): (outcome, self.code, reason) = ("failed", code.rawValue, nil)
        case .skipped(let reason): (outcome, code, self.reason) = ("skipped", nil, reason)
        }
    }
}
