// SPDX-License-Identifier: Apache-2.0
/// Decides which reports of progress become lines of a log: one every ten seconds.
package struct ProgressPace: Sendable {
    private static let interval: Duration = .seconds(10)
    private var last: ContinuousClock.Instant

    /// - Parameter start: The first line is due ten seconds later.
    package init(start: ContinuousClock.Instant = .now) { last = start }

    /// Whether a report at this time is printed; the next one is ten seconds later or more.
    package mutating func isDue(at now: ContinuousClock.Instant = .now) -> Bool {
        guard now - last >= Self.interval else { return false }
        last = now
        return true
    }
}
