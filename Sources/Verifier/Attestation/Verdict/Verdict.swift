// SPDX-License-Identifier: Apache-2.0
public import Evidence

/// The outcome of an appraisal: every check that was made or skipped, in order, and the claims of the evidence.
public struct Verdict: Sendable {
    /// A check with its outcome.
    public struct Entry: Sendable, Hashable {
        /// The outcome of a check.
        public enum Outcome: Sendable, Hashable {
            /// The evidence is as the check demands.
            case passed
            /// It is not; the code says why.
            case failed(ReasonCode)
            /// The check was not made.
            case skipped(reason: String)
        }

        /// Which check.
        public let check: Check
        /// The outcome.
        public let outcome: Outcome
        /// The evidence's value and the reference value. Empty if a check compares no values.
        public let found: String
        /// What ``found`` was compared with.
        public let expected: String
    }

    /// The kind of TEE that the evidence is of.
    public let tee: TEEKind
    /// Every check in order. The checks after one that ended its stage are missing.
    public let entries: [Entry]
    /// The claims of the evidence. They are trustworthy only as far as ``isAccepted`` and the passed checks say.
    public let claims: Claims
    /// Warnings that apply even if all checks passed, such as that evidence of the development TEE was accepted.
    public let warnings: [String]

    /// Whether no check failed. A check that could not be reached follows one that failed.
    public let isAccepted: Bool

    init(tee: TEEKind, entries: [Entry], claims: Claims, warnings: [String]) {
        self.tee = tee
        self.entries = entries
        self.claims = claims
        self.warnings = warnings
        // An appraisal that checked nothing accepts nothing.
        self.isAccepted =
            entries.contains { $0.outcome == .passed }
            && entries.allSatisfy { if case .failed = $0.outcome { false } else { true } }
    }

    /// The failed checks, each with its code.
    public var failures: [(entry: Entry, code: ReasonCode)] {
        entries.compactMap { entry in
            guard case .failed(let code) = entry.outcome else { return nil }
            return (entry, code)
        }
    }

    /// The skipped checks, each with the reason.
    public var skipped: [(check: Check, reason: String)] {
        entries.compactMap { entry in
            guard case .skipped(let reason) = entry.outcome else { return nil }
            return (entry.check, reason)
        }
    }

    /// One line: accepted, or what failed first.
    public var summary: String {
        guard let first = failures.first else { return "\(tee.rawValue) evidence accepted" }
        return "\(tee.rawValue) evidence rejected: \(first.entry.message(first.code)); \(first.code.remedy)"
    }
}

extension Verdict.Entry {
    /// What failed: check, found and expected, in one line.
    func message(_ code: ReasonCode) -> String {
        var message = "\(check.rawValue): \(code.rawValue)"
        if !found.isEmpty { message += ", found \(found)" }
        if !expected.isEmpty { message += ", expected \(expected)" }
        return message
    }
}
