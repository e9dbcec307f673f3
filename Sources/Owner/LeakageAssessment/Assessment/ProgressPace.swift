// SPDX-License-Identifier: Apache-2.0
/// Progress in a log: a line every ten seconds, whether many reports come or none.
package struct ProgressPace: Sendable {
    private static let interval: Duration = .seconds(10)
    private var last: ContinuousClock.Instant
    private var report: (line: String, time: ContinuousClock.Instant)?

    /// - Parameter start: The first line is due ten seconds later.
    package init(start: ContinuousClock.Instant = .now) { last = start }

    package mutating func report(_ line: String, at now: ContinuousClock.Instant = .now) { report = (line, now) }

    /// Forgets the last report, since what it says is over.
    package mutating func clear() { report = nil }

    /// The line that is due at this time: the last report, and for how long there has been no other if it was printed
    /// before. The next one is due ten seconds later.
    package mutating func due(at now: ContinuousClock.Instant = .now) -> String? {
        guard let report, now - last >= Self.interval else { return nil }
        let wasPrinted = last >= report.time
        last = now
        return wasPrinted ? "\(report.line), unchanged for \((now - report.time).components.seconds) s" : report.line
    }
}
