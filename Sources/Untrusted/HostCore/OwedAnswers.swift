// SPDX-License-Identifier: Apache-2.0
/// Which answers the enclave owes, and for how long it has worked on them. No clock of its own.
///
/// One thread of the enclave takes all messages in their order, and computes with one worker. With several, requests go on to
/// threads, which begin them in order, one at a time for each worker.
package struct OwedAnswers: Sendable {
    private struct Owed: Sendable {
        let identifier: UInt64
        let patience: Duration
        /// Since when it is worked on, if it is.
        var since: ContinuousClock.Instant
    }

    /// Questions in their order, of which the first `width` are worked on.
    private struct Line: Sendable {
        let width: Int
        var owed: [Owed] = []

        var underWay: ArraySlice<Owed> { owed.prefix(width) }

        /// - Returns: What was removed. The next in line is worked on from now on.
        mutating func remove(_ identifier: UInt64, at now: ContinuousClock.Instant) -> Owed? {
            guard let index = owed.firstIndex(where: { $0.identifier == identifier }) else { return nil }
            let removed = owed.remove(at: index)
            if index < width, owed.count >= width { owed[width - 1].since = now }
            return removed
        }
    }

    /// What the thread that takes messages does itself.
    private var direct = Line(width: 1)
    /// What the workers do; nothing with one.
    private var computed: Line

    package init(workers: Int) { computed = Line(width: workers) }

    /// - Parameters:
    ///   - isComputed: Workers do it, where there are several.
    ///   - patience: How long the enclave may work on it.
    package mutating func ask(
        _ identifier: UInt64, isComputed: Bool, patience: Duration, at now: ContinuousClock.Instant
    ) {
        let owed = Owed(identifier: identifier, patience: patience, since: now)
        if isComputed, computed.width > 1 { computed.owed.append(owed) } else { direct.owed.append(owed) }
    }

    /// An answer has come; one that is not owed changes nothing.
    package mutating func settle(_ identifier: UInt64, at now: ContinuousClock.Instant) {
        if computed.remove(identifier, at: now) != nil { return }
        guard let answered = direct.remove(identifier, at: now) else { return }
        // Meanwhile nobody could say that something was computed.
        for index in computed.underWay.indices {
            computed.owed[index].since += now - max(computed.owed[index].since, answered.since)
        }
    }

    /// The host itself did not run for so long, as a machine that slept or was paused: nothing in it counts as silence.
    package mutating func pause(_ duration: Duration, at now: ContinuousClock.Instant) {
        for index in direct.owed.indices { direct.owed[index].since = min(now, direct.owed[index].since + duration) }
        for index in computed.owed.indices {
            computed.owed[index].since = min(now, computed.owed[index].since + duration)
        }
    }

    /// For how long the enclave has owed what it has owed the longest, among that for which it takes too long.
    ///
    /// - Parameter patience: Instead of each question's own.
    package func overdue(at now: ContinuousClock.Instant, patience: Duration? = nil) -> Duration? {
        let busySince = direct.underWay.first?.since ?? now
        let silences =
            direct.underWay.map { (silence: now - $0.since, patience: $0.patience) }
            + computed.underWay.map { (silence: max(.zero, busySince - $0.since), patience: $0.patience) }
        return silences.filter { $0.silence > patience ?? $0.patience }.map(\.silence).max()
    }
}
