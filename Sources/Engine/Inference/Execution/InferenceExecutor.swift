// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// Threads that run plans, separate from Swift's cooperative thread pool. Each thread keeps a thread team of its own.
package final class InferenceExecutor: Sendable {
    private let queue: WorkQueue

    /// - Parameters:
    ///   - workers: Plans that run at the same time; at least 1.
    ///   - capacity: Requests that may wait for a worker; the next one is refused.
    package init(workers: Int = 1, capacity: Int = 64) {
        queue = WorkQueue(threads: workers, capacity: capacity)
    }

    deinit { queue.close() }

    /// Runs the plan on a thread of this executor.
    ///
    /// - Throws: ``InferenceError``: `overloaded` if too many requests wait, `shutDown` after ``shutDown()``, and
    ///   errors of ``Plan/run(_:)``.
    package func run(_ plan: Plan, _ inputs: [Tensor]) async throws(InferenceError) -> [Tensor] {
        try await run { () throws(InferenceError) in try plan.run(inputs) }
    }

    /// Runs blocking work on a thread of this executor, such as a run with the work that must directly precede and
    /// follow it.
    ///
    /// - Throws: ``InferenceError``: `overloaded` if too many requests wait, `shutDown` after ``shutDown()``, and
    ///   errors of `body`.
    package func run<Value: Sendable>(
        _ body: @escaping @Sendable () throws(InferenceError) -> Value
    ) async throws(InferenceError) -> Value {
        let result: Result<Value, InferenceError> = await withCheckedContinuation { continuation in
            let refusal = queue.submit {
                do throws(InferenceError) {
                    continuation.resume(returning: .success(try body()))
                } catch { continuation.resume(returning: .failure(error)) }
            }
            switch refusal {
            case .full:
                continuation.resume(
                    returning: .failure(InferenceError(.overloaded, "too many requests wait: try again later")))
            case .closed:
                continuation.resume(returning: .failure(InferenceError(.shutDown, "the executor was shut down")))
            case nil: break
            }
        }
        return try result.get()
    }

    /// Refuses new requests from now on. The threads end once the waiting requests have finished.
    package func shutDown() { queue.close() }
}
