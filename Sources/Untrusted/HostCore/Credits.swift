// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A semaphore whose waiters are served in order.
final class Credits: Sendable {
    private struct State {
        var left = 1
        var limit = 1
        var isClosed = false
        var next: UInt64 = 0
        var waiting: [(identifier: UInt64, continuation: CheckedContinuation<Bool, Never>)] = []
    }

    private let state = Mutex(State())

    /// Sets how many may be taken at a time; at least one, so that waiters make progress.
    func limit(to limit: Int) {
        serve { state in
            let limit = max(1, limit)
            state.left += limit - state.limit
            state.limit = limit
        }
    }

    /// - Returns: Whether a credit was taken; `false` if the task was cancelled first.
    func take() async -> Bool {
        let identifier = state.withLock { state -> UInt64? in
            guard !Self.takeAtOnce(&state) else { return nil }
            defer { state.next += 1 }
            return state.next
        }
        guard let identifier else { return true }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let taken = state.withLock { state -> Bool? in
                    if Self.takeAtOnce(&state) { return true }
                    // The task may have been cancelled before there was anything to give up.
                    guard !Task.isCancelled else { return false }
                    state.waiting.append((identifier, continuation))
                    return nil
                }
                if let taken { continuation.resume(returning: taken) }
            }
        } onCancel: {
            giveUp(identifier)
        }
    }

    func give() { serve { $0.left += 1 } }

    /// Admits all present and later callers: there is nothing left to wait for.
    func close() { serve { $0.isClosed = true } }

    private func giveUp(_ identifier: UInt64) {
        let continuation = state.withLock { state in
            state.waiting.firstIndex { $0.identifier == identifier }.map { state.waiting.remove(at: $0).continuation }
        }
        continuation?.resume(returning: false)
    }

    private static func takeAtOnce(_ state: inout State) -> Bool {
        if state.isClosed { return true }
        guard state.left > 0, state.waiting.isEmpty else { return false }
        state.left -= 1
        return true
    }

    private func serve(after change: (inout State) -> Void) {
        let served = state.withLock { state in
            change(&state)
            let count = state.isClosed ? state.waiting.count : max(0, min(state.left, state.waiting.count))
            defer { state.waiting.removeFirst(count) }
            state.left -= count
            return state.waiting.prefix(count)
        }
        for waiter in served { waiter.continuation.resume(returning: true) }
    }
}
