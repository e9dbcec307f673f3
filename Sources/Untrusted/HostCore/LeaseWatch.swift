// SPDX-License-Identifier: Apache-2.0
/// When the owner's lease ends, by what the enclave's evidence says. The host cannot renew it: it can only say in time
/// that somebody has to. No clock of its own.
package struct LeaseWatch: Sendable {
    /// Warnings come when a quarter, a tenth and a fiftieth are left.
    private static let warnings = [4.0, 10, 50]

    private var end: ContinuousClock.Instant?
    private var length = Duration.zero
    private var warned = 0

    package init() {}

    /// A lease runs.
    ///
    /// - Parameters:
    ///   - left: What was left of it when the evidence was made.
    ///   - length: The whole of it.
    package mutating func runs(left: Duration, of length: Duration, at now: ContinuousClock.Instant) {
        // The same lease again, told to a second.
        if let known = self.left(at: now), length == self.length, abs((left - known) / .seconds(1)) < 2 { return }
        (end, self.length, warned) = (now + left, length, 0)
    }

    /// None runs.
    package mutating func ended() { self = LeaseWatch() }

    /// `nil` without a lease.
    package func left(at now: ContinuousClock.Instant) -> Duration? { end.map { max(.zero, $0 - now) } }

    /// - Returns: What is left, when it is time for a warning; each comes once.
    package mutating func warning(at now: ContinuousClock.Instant) -> Duration? {
        guard let left = left(at: now) else { return nil }
        let due = Self.warnings.filter { left <= length / $0 }.count
        guard due > warned else { return nil }
        warned = due
        return left
    }
}
