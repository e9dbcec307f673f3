// SPDX-License-Identifier: Apache-2.0
/// How recent a piece of collateral is. The date alone does not show it: while Intel offers an older evaluation of its
/// platforms beside the current one, it signs the older one again, with a newer date.
public struct CollateralRecord: Sendable, Hashable {
    /// The date on which the collateral was made.
    public let date: Timestamp
    /// `tcbEvaluationDataNumber` of Intel's TCB info or QE identity; `nil` for lists, which have none.
    public let evaluationDataNumber: Int?

    /// A record of one piece of collateral.
    package init(date: Timestamp, evaluationDataNumber: Int? = nil) {
        self.date = date
        self.evaluationDataNumber = evaluationDataNumber
    }

    /// The newer of each member.
    package func merged(with other: CollateralRecord) -> CollateralRecord {
        let numbers = [evaluationDataNumber, other.evaluationDataNumber].compactMap(\.self)
        return CollateralRecord(date: max(date, other.date), evaluationDataNumber: numbers.max())
    }

    /// Whether it is older than the recorded one, by date or by number.
    func isOlder(than seen: CollateralRecord) -> Bool {
        if date < seen.date { return true }
        guard let number = seen.evaluationDataNumber else { return false }
        return evaluationDataNumber.map { $0 < number } ?? true
    }
}

extension CollateralRecord: CustomStringConvertible {
    /// The date, and the number where there is one.
    public var description: String {
        "\(date)" + (evaluationDataNumber.map { ", evaluation data number \($0)" } ?? "")
    }
}
