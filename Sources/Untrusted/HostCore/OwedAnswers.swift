// SPDX-License-Identifier: Apache-2.0
/// Tracks which answers the enclave owes, and for how long it has worked on them. The caller supplies the time.
///
/// One thread of the enclave receives all messages in order; with one worker it also computes. With several workers it
/// passes requests to threads, which begin them in order, one at a time for each worker.
package struct OwedAnswers: Sendable {
    private struct Owed: Sendable {
        let identifier: UInt64
        let patience: Duration
        /// When the enclave began to work on it; without meaning while it is queued.
        var since: ContinuousClock.Instant
    }

    /// A queue of requests, of which the first `width` are in progress.
    private struct Line: Sendable {
        let width: Int
        var owed: [Owed] = []

        var underWay: ArraySlice<Owed> { owed.prefix(width) }

        /// - Returns: The removed entry. The next one in the queue is in progress from now on.
        mutating func remove(_ identifier: UInt64, at now: ContinuousClock.Instant) -> Owed? {
            guard let index = owed.firstIndex(where: { $0.identifier == identifier }) else { return nil }
            let removed = owed.remove(at: index)
            if index < width, owed.count >= width { owed[width - 1].since = now }
            return removed
        }
    }

    /// Work of the receiving thread itself.
    private var direct = Line(width: 1)
    /// Work of the worker threads; empty with one worker.
    private var computed: Line

    package init(workers: Int) { computed = Line(width: workers) }

    /// - Parameters:
    ///   - isComputed: Whether a worker does it, if there are several.
    ///   - patience: How long the enclave may work on it.
    package mutating func ask(
        _ identifier: UInt64, isComputed: Bool, patience: Duration, at now: ContinuousClock.Instant
    ) {
        let owed = Owed(identifier: identifier, patience: patience, since: now)
        if isComputed, computed.width > 1 { computed.owed.append(owed) } else { direct.owed.append(owed) }
    }

    /// Records an answer; one that is not owed is ignored.
    package mutating func settle(_ identifier: UInt64, at now: ContinuousClock.Instant) {
        if computed.remove(identifier, at: now) != nil { return }
        guard let answered = direct.remove(identifier, at: now) else { return }
        // Progress could not be observed in the meantime.
        for index in computed.underWay.indices {
            computed.owed[index].since += now - max(computed.owed[index].since, answered.since)
        }
    }

    /// The host itself did not run for this time, because the machine was suspended: it does not count as silence of
    /// the enclave.
    package mutating func pause(_ duration: Duration, at now: ContinuousClock.Instant) {
        for index in direct.owed.indices { direct.owed[index].since = min(now, direct.owed[index].since + duration) }
        for index in computed.owed.indices {
            computed.owed[index].since = min(now, computed.owed[index].since + duration)
        }
    }

    /// The age of the oldest overdue answer; `nil` if none is overdue.
    ///
    /// - Parameter patience: A limit that replaces that of each request.
    package func overdue(at now: ContinuousClock.Instant, patience: Duration? = nil) -> Duration? {
        let busySince = direct.underWay.first?.since ?? now
        let silences =
            direct.underWay.map { (silence: now - $0.since, patience: $0.patience) }
            + computed.underWay.map { (silence: max(.zero, busySince - $0.since), patience: $0.patience) }
        return silences.filter { $0.silence > patience ?? $0.patience }.map(\.silence).max()
    }
}
