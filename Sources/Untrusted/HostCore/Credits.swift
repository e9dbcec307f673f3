import Synchronization

/// So many at a time; who finds no room waits its turn.
final class Credits: Sendable {
    private struct State {
        var left = 1
        var limit = 1
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Sets how many may be taken at a time; at least one, so that whoever waits is served.
    func limit(to limit: Int) {
        let woken = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            let limit = max(1, limit)
            state.left += limit - state.limit
            state.limit = limit
            return Self.served(&state)
        }
        for continuation in woken { continuation.resume() }
    }

    /// - Returns: Whether there was room for one more.
    func takeAtOnce() -> Bool {
        state.withLock { state in
            guard state.left > 0, state.waiting.isEmpty else { return false }
            state.left -= 1
            return true
        }
    }

    func take() async {
        await withCheckedContinuation { continuation in
            let isServed = state.withLock { state in
                guard state.left > 0, state.waiting.isEmpty else {
                    state.waiting.append(continuation)
                    return false
                }
                state.left -= 1
                return true
            }
            if isServed { continuation.resume() }
        }
    }

    func give() {
        let woken = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.left += 1
            return Self.served(&state)
        }
        for continuation in woken { continuation.resume() }
    }

    private static func served(_ state: inout State) -> [CheckedContinuation<Void, Never>] {
        let count = max(0, min(state.left, state.waiting.count))
        defer { state.waiting.removeFirst(count) }
        state.left -= count
        return Array(state.waiting.prefix(count))
    }
}
