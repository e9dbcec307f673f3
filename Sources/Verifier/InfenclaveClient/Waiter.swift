// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A continuation that is resumed once: by a result or by the caller's cancellation, whichever comes first.
final class Waiter<Value: Sendable>: Sendable {
    private enum State {
        case notBegun
        case waiting(CheckedContinuation<Value, any Error>)
        case over
    }

    private let state = Mutex(State.notBegun)

    /// - Returns: Whether to wait: false if the waiter was already resumed, for example by a cancellation.
    func begin(_ continuation: CheckedContinuation<Value, any Error>) -> Bool {
        let hasBegun = state.withLock { state in
            guard case .notBegun = state else { return false }
            state = .waiting(continuation)
            return true
        }
        if !hasBegun { continuation.resume(throwing: CancellationError()) }
        return hasBegun
    }

    /// Resumes the caller, unless it has been.
    func finish(_ result: Result<Value, any Error>) {
        let continuation: CheckedContinuation<Value, any Error>? = state.withLock { state in
            defer { state = .over }
            guard case .waiting(let continuation) = state else { return nil }
            return continuation
        }
        continuation?.resume(with: result)
    }
}
