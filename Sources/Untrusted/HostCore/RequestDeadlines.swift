// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Refuses requests that are not answered by their deadline, with one sleeping task for all of them. The runtime keeps
/// the timer of a cancelled sleep until it would have fired; a timer for each request would hold memory for minutes.
///
/// Deadlines are added in ascending order, because all requests of a pipeline have the same timeout.
package final class RequestDeadlines: Sendable {
    package struct Identifier: Sendable { fileprivate let value: UInt64 }

    private struct Entry {
        let deadline: ContinuousClock.Instant
        let onExpiry: @Sendable () -> Void
    }

    private struct State {
        var entries: [UInt64: Entry] = [:]
        var next: UInt64 = 0
        var isWatched = false
        var timers = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// How many timers have been set so far.
    package var timers: Int { state.withLock(\.timers) }

    /// - Parameter onExpiry: Called once at the deadline, unless the entry is removed before.
    package func add(_ deadline: ContinuousClock.Instant, onExpiry: @escaping @Sendable () -> Void) -> Identifier {
        let (identifier, beginsWatch) = state.withLock { state in
            defer {
                state.next += 1
                state.isWatched = true
            }
            state.entries[state.next] = Entry(deadline: deadline, onExpiry: onExpiry)
            return (state.next, !state.isWatched)
        }
        if beginsWatch { Task.detached { [self] in await watch() } }
        return Identifier(value: identifier)
    }

    package func remove(_ identifier: Identifier) {
        _ = state.withLock { $0.entries.removeValue(forKey: identifier.value) }
    }

    /// Ends when no entry is left.
    private func watch() async {
        while let deadline = nextDeadline() {
            try? await Task.sleep(until: deadline, clock: .continuous)
            for entry in takeExpired(at: .now) { entry.onExpiry() }
        }
    }

    private func nextDeadline() -> ContinuousClock.Instant? {
        state.withLock { state in
            let earliest = state.entries.values.lazy.map(\.deadline).min()
            state.isWatched = earliest != nil
            if state.isWatched { state.timers += 1 }
            return earliest
        }
    }

    private func takeExpired(at now: ContinuousClock.Instant) -> [Entry] {
        state.withLock { state in
            let expired = state.entries.filter { $0.value.deadline <= now }
            for identifier in expired.keys { state.entries[identifier] = nil }
            return Array(expired.values)
        }
    }
}
