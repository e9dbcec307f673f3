// SPDX-License-Identifier: Apache-2.0
import Attestation
import CInfenclave

/// A verdict with every check, for the C interface.
struct VerdictDescription: Encodable {
    struct Entry: Encodable {
        let check: String
        /// The condition that has to hold.
        let summary: String
        let outcome: String
        let code: String?
        let reason: String?
        let found: String
        let expected: String
        let remedy: String

        private enum CodingKeys: CodingKey { case check, summary, outcome, code, reason, found, expected, remedy }

        func encode(to encoder: any Encoder) throws {
            var members = encoder.container(keyedBy: CodingKeys.self)
            try members.encode(check, forKey: .check)
            try members.encode(summary, forKey: .summary)
            try members.encode(outcome, forKey: .outcome)
            try members.encode(code, forKey: .code)
            try members.encode(reason, forKey: .reason)
            try members.encode(found, forKey: .found)
            try members.encode(expected, forKey: .expected)
            try members.encode(remedy, forKey: .remedy)
        }
    }

    struct Record: Encodable {
        /// Seconds since 1970.
        let date: Int64
        let evaluationDataNumber: Int?
    }

    let report: VerdictReport
    let entries: [Entry]
    let collateral: [String: Record]

    init(_ verdict: Verdict) {
        report = VerdictReport(verdict)
        entries = verdict.entries.map(Entry.init)
        collateral = verdict.claims.collateral.mapValues {
            Record(date: $0.date.secondsSince1970, evaluationDataNumber: $0.evaluationDataNumber)
        }
    }
}

extension VerdictDescription.Entry {
    init(_ entry: Verdict.Entry) {
        check = entry.check.rawValue
        summary = entry.check.summary
        (found, expected) = (entry.found, entry.expected)
        switch entry.outcome {
        case .passed: (outcome, code, reason, remedy) = ("passed", nil, nil, "")
        case .failed(let failed): (outcome, code, reason, remedy) = ("failed", failed.rawValue, nil, failed.remedy)
        case .skipped(let why): (outcome, code, reason, remedy) = ("skipped", nil, why, "")
        }
    }
}
