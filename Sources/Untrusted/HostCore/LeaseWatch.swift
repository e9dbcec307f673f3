// SPDX-License-Identifier: Apache-2.0
/// Tracks the end of the owner's lease, which the enclave's evidence contains. The host cannot renew the lease; it can
/// only warn in time. The caller supplies the time.
package struct LeaseWatch: Sendable {
    /// Warnings are given when a quarter, a tenth and a fiftieth of the lease are left.
    private static let warnings = [4.0, 10, 50]

    private var end: ContinuousClock.Instant?
    private var length = Duration.zero
    private var warned = 0

    package init() {}

    /// Records a running lease.
    ///
    /// - Parameters:
    ///   - left: The remaining time when the evidence was made.
    ///   - length: The total time.
    package mutating func runs(left: Duration, of length: Duration, at now: ContinuousClock.Instant) {
        // The same lease again, with the rounding of seconds.
        if let known = self.left(at: now), length == self.length, abs((left - known) / .seconds(1)) < 2 { return }
        (end, self.length, warned) = (now + left, length, 0)
    }

    /// Records that there is no lease.
    package mutating func ended() { self = LeaseWatch() }

    /// `nil` without a lease.
    package func left(at now: ContinuousClock.Instant) -> Duration? { end.map { max(.zero, $0 - now) } }

    /// - Returns: The remaining time if a warning is due; each warning is given once.
    package mutating func warning(at now: ContinuousClock.Instant) -> Duration? {
        guard let left = left(at: now) else { return nil }
        let due = Self.warnings.filter { left <= length / $0 }.count
        guard due > warned else { return nil }
        warned = due
        return left
    }
}
