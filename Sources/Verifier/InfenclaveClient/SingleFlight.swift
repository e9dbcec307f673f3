// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Work that one caller begins and several wait for. A cancelled caller stops waiting at once; the work is cancelled
/// when nobody waits for it any more.
final class SingleFlight<Value: Sendable>: Sendable {
    private struct State {
        /// Counts started work, so that the result of abandoned work is dropped.
        var number = 0
        var work: Task<Void, Never>?
        var waiters: [Waiter<Value>] = []
    }

    private let state = Mutex(State())

    func value(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let waiter = Waiter<Value>()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if waiter.begin(continuation) { join(waiter, work) }
            }
        } onCancel: {
            waiter.finish(.failure(CancellationError()))
            leave(waiter)
        }
    }

    private func join(_ waiter: Waiter<Value>, _ work: @escaping @Sendable () async throws -> Value) {
        state.withLock { state in
            state.waiters.append(waiter)
            guard state.work == nil else { return }
            state.number += 1
            state.work = Task { [number = state.number] in await self.run(number, work) }
        }
    }

    private func run(_ number: Int, _ work: @Sendable () async throws -> Value) async {
        let result: Result<Value, any Error>
        do { result = .success(try await work()) } catch { result = .failure(error) }
        let waiters = state.withLock { state -> [Waiter<Value>] in
            guard state.number == number else { return [] }
            defer { (state.work, state.waiters) = (nil, []) }
            return state.waiters
        }
        for waiter in waiters { waiter.finish(result) }
    }

    private func leave(_ waiter: Waiter<Value>) {
        state.withLock { state in
            state.waiters.removeAll { $0 === waiter }
            guard state.waiters.isEmpty, let work = state.work else { return }
            work.cancel()
            state.work = nil
            state.number += 1
        }
    }
}
