// SPDX-License-Identifier: Apache-2.0
/// The checks of one appraisal as they are made. A failed check ends its stage, because later checks would read bytes
/// that are not authentic. The checks of a policy are all made.
struct CheckLog {
    private(set) var entries: [Verdict.Entry] = []
    var warnings: [String] = []

    /// Notes a check that the following checks depend on.
    ///
    /// - Throws: ``Rejection`` when it does not hold; the log then has it as failed.
    mutating func require(
        _ check: Check, _ holds: Bool, otherwise code: @autoclosure () -> ReasonCode,
        found: @autoclosure () -> String = "", expected: @autoclosure () -> String = ""
    ) throws(Rejection) {
        note(check, holds, otherwise: code(), found: found(), expected: expected())
        guard holds else { throw Rejection() }
    }

    /// Notes a check; the following ones are made even if it fails.
    mutating func note(
        _ check: Check, _ holds: Bool, otherwise code: @autoclosure () -> ReasonCode,
        found: @autoclosure () -> String = "", expected: @autoclosure () -> String = ""
    ) {
        let outcome: Verdict.Entry.Outcome
        if holds {
            outcome = .passed
        } else {
            let code = code()
            assert(check.codes.contains(code), "\(check) does not list \(code)")
            outcome = .failed(code)
        }
        entries.append(
            Verdict.Entry(
                check: check, outcome: outcome, found: Self.printable(found()), expected: Self.printable(expected())))
    }

    mutating func skip(_ check: Check, _ reason: String) {
        entries.append(Verdict.Entry(check: check, outcome: .skipped(reason: reason), found: "", expected: ""))
    }

    /// Notes a failed check and gives the error that ends the stage.
    mutating func reject(
        _ check: Check, _ code: ReasonCode, found: String = "", expected: String = ""
    ) -> Rejection {
        note(check, false, otherwise: code, found: found, expected: expected)
        return Rejection()
    }
}

extension CheckLog {
    private static let maximumCharacters = 600

    /// Names in certificates and similar text are untrusted: in a terminal or log they must neither forge lines nor
    /// fill it.
    private static func printable(_ text: String) -> String {
        // Fast path for nearly all text.
        if text.utf8.count <= maximumCharacters, text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) { return text }
        let scalars = text.unicodeScalars.prefix(maximumCharacters).map { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: "?"
            default: String(scalar)
            }
        }
        return scalars.joined()
    }
}

/// A stage ended; the ``CheckLog`` says why.
struct Rejection: Error {}
