// SPDX-License-Identifier: Apache-2.0
import Evidence

/// A verdict for programs, as JSON, and for people, as lines of text. It contains text that came with the evidence, so
/// callers must escape control characters before they print it.
package struct VerdictReport: Encodable, Sendable {
    /// A failed check.
    package struct Reason: Encodable, Sendable {
        /// The stable name of a ``Check``.
        package let check: String
        /// The stable name of a ``ReasonCode``.
        package let code: String
        /// The found value, the expected value, and the remedy.
        package let message: String
    }

    /// A check that was not made.
    package struct Skipped: Encodable, Sendable {
        /// The stable name of a ``Check``.
        package let check: String
        /// Why it was not made.
        package let reason: String
    }

    /// The kind of TEE: ``TEEKind``'s raw value.
    package let tee: String
    /// `accepted` or `rejected`.
    package let verdict: String
    /// The failed checks, in order; empty where the evidence is accepted.
    package let reasons: [Reason]
    /// The checks that were not made, in order.
    package let skipped: [Skipped]
    /// Warnings that apply even if all checks passed.
    package let warnings: [String]
    /// Intel only: the platform's status, such as `UpToDate`.
    package let tcbStatus: String?
    /// Intel only: when the platform's security versions were current, ISO 8601.
    package let tcbDate: String?
    /// Intel only: advisories that apply to the platform.
    package let advisories: [String]
    /// Whether the host may inspect the TEE (debug mode).
    package let debug: Bool
    /// Hexadecimal, as all byte strings here.
    package let reportData: String
    /// The first of ``measurements``, which identifies the code.
    package let measurement: String
    /// All measurements by name.
    package let measurements: [String: String]
    /// Security versions by name, SGX's `isvprodid` among them.
    package let securityVersions: [String: Int]
    private let entries: [Verdict.Entry]

    private enum CodingKeys: CodingKey {
        case tee, verdict, reasons, skipped, warnings, tcbStatus, tcbDate, advisories, debug, reportData, measurement
        case measurements, securityVersions
    }

    /// A report of this verdict.
    package init(_ verdict: Verdict) {
        let claims = verdict.claims
        tee = verdict.tee.rawValue
        self.verdict = verdict.isAccepted ? "accepted" : "rejected"
        reasons = verdict.failures.map { entry, code in
            Reason(
                check: entry.check.rawValue, code: code.rawValue,
                message: "\(entry.check.summary): \(Self.comparison(entry)); \(code.remedy)")
        }
        skipped = verdict.skipped.map { Skipped(check: $0.check.rawValue, reason: $0.reason) }
        warnings = verdict.warnings
        tcbStatus = claims.tcbStatus?.rawValue
        tcbDate = claims.tcbDate?.description
        advisories = claims.advisories
        debug = claims.isDebug
        reportData = claims.reportData.hex
        measurement = claims.measurements.first?.value.hex ?? ""
        measurements = Dictionary(claims.measurements.map { ($0.name, $0.value.hex) }) { first, _ in first }
        securityVersions = claims.securityVersions.merging(claims.productID.map { ["isvprodid": $0] } ?? [:]) { $1 }
        entries = verdict.entries
    }

    /// The verdict, the failed and the skipped checks, and the claims of the evidence.
    package var summary: [String] {
        ["\(tee) evidence \(verdict)"] + warnings.map { "warning: \($0)" }
            + reasons.map { "rejected by \($0.check) (\($0.code)): \($0.message)" }
            + (tcbStatus.map {
                ["TCB status: \($0)" + (advisories.isEmpty ? "" : ", \(advisories.joined(separator: ", "))")]
            }
                ?? [])
            + skipped.map { "not checked: \($0.check), because \($0.reason)" }
            + measurements.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
            + (reportData.isEmpty ? [] : ["report data: \(reportData)"])
    }

    /// Every check in order: the compared values, the outcome and the remedy.
    package var explanation: [String] {
        entries.flatMap { entry -> [String] in
            let comparison = Self.comparison(entry)
            let compared = comparison.isEmpty ? [] : ["      \(comparison)"]
            switch entry.outcome {
            case .passed: return ["pass  \(entry.check.rawValue): \(entry.check.summary)"] + compared
            case .failed(let code):
                return ["FAIL  \(entry.check.rawValue) (\(code.rawValue)): \(entry.check.summary)"] + compared
                    + ["      remedy: \(code.remedy)"]
            case .skipped(let reason):
                return ["skip  \(entry.check.rawValue): \(entry.check.summary)", "      because \(reason)"]
            }
        }
    }

    private static func comparison(_ entry: Verdict.Entry) -> String {
        [
            entry.found.isEmpty ? nil : "found \(entry.found)",
            entry.expected.isEmpty ? nil : "expected \(entry.expected)",
        ]
        .compactMap(\.self).joined(separator: ", ")
    }

    /// Encodes every member, as `null` if it has no value.
    package func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: CodingKeys.self)
        try members.encode(tee, forKey: .tee)
        try members.encode(verdict, forKey: .verdict)
        try members.encode(reasons, forKey: .reasons)
        try members.encode(skipped, forKey: .skipped)
        try members.encode(warnings, forKey: .warnings)
        // Written as null if there is none, so that every answer has every key.
        try members.encode(tcbStatus, forKey: .tcbStatus)
        try members.encode(tcbDate, forKey: .tcbDate)
        try members.encode(advisories, forKey: .advisories)
        try members.encode(debug, forKey: .debug)
        try members.encode(reportData, forKey: .reportData)
        try members.encode(measurement, forKey: .measurement)
        try members.encode(measurements, forKey: .measurements)
        try members.encode(securityVersions, forKey: .securityVersions)
    }
}
