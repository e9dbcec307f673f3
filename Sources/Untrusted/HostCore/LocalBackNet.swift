// SPDX-License-Identifier: Apache-2.0
import Inference
package import ModelGraph
import Synchronization
package import Tensors

/// The layers outside the enclave on this process' own engine. Concurrent requests share the threads; a single one uses
/// all.
package final class LocalBackNet: BackNetEngine {
    private struct State: Sendable {
        var waiting = 0
        var idle: IdlePlans
    }

    private let plans: WorkerPlans
    private let state: Mutex<State>
    private let executor: InferenceExecutor

    /// - Parameters:
    ///   - precision: Where the processor lacks its instructions or is faster without them, float32.
    ///   - threads: The number of threads for all requests together.
    /// - Throws: ``HostError`` when the engine cannot run the graph.
    package init(_ graph: consuming Graph, precision: PrecisionTable = .float32, threads: Int) throws(HostError) {
        let count = min(threads, InferenceWorkers.defaultMaximum)
        let workers = InferenceWorkers(count: count, threads: threads / count, threadsAlone: threads)
        do throws(InferenceError) {
            plans = try WorkerPlans(
                compiling: consume graph, options: PlanOptions(threads: 1, precision: Precision(precision)),
                workers: workers)
        } catch { throw HostError(.unusableBundle, "the BackNet cannot run: \(error.message)") }
        state = Mutex(State(idle: IdlePlans(workers)))
        // The host bounds the number of requests.
        executor = InferenceExecutor(workers: count, capacity: 1 << 20)
    }

    package func run(_ inputs: [Tensor]) async -> BackNetRun? {
        let asked = ContinuousClock.now
        state.withLock { $0.waiting += 1 }
        return try? await executor.run { [self] () throws(InferenceError) in
            let plan = state.withLock { state in
                state.waiting -= 1
                return state.idle.take(othersWait: state.waiting > 0)
            }
            defer { state.withLock { $0.idle.giveBack(plan) } }
            let started = ContinuousClock.now
            let outputs = try plans.run(inputs, worker: plan)
            return BackNetRun(outputs: outputs, queued: started - asked, computed: .now - started)
        }
    }
}
