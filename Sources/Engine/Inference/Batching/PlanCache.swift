// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Synchronization

/// Plans of one graph for several batch sizes. When the cache is full, the least recently used plan is evicted. Plans
/// share weights that they need in the same layout.
final class PlanCache: Sendable {
    private struct State {
        /// From the least to the most recently used. A batch of 0 is the graph's own batch size.
        var plans: [(batch: Int, plan: Plan)] = []
        var compilations = 0
    }

    private let graph: Graph
    private let options: PlanOptions
    private let capacity: Int
    private let state = Mutex(State())

    /// - Parameters:
    ///   - graph: Has the batch size of the plan for `nil`.
    ///   - capacity: Maximum number of plans that are kept; at least 1.
    init(_ graph: Graph, options: PlanOptions, capacity: Int) {
        self.graph = graph
        self.options = options
        self.capacity = max(1, capacity)
    }

    /// The number of plans that were compiled so far, and of those that are kept.
    var counts: (compilations: Int, kept: Int) { state.withLock { ($0.compilations, $0.plans.count) } }

    /// The plan for a batch size; for the graph's own batch size if it is `nil`.
    ///
    /// - Throws: ``InferenceError`` with code `unsupported` if the graph fixes another batch size.
    func plan(for batch: Int?) throws(InferenceError) -> Plan {
        // The lock is held during compilation: another thread that needs the same plan waits for it.
        try state.withLock { (state) throws(InferenceError) in
            let key = batch ?? 0
            if let position = state.plans.firstIndex(where: { $0.batch == key }) {
                let entry = state.plans.remove(at: position)
                state.plans.append(entry)
                return entry.plan
            }
            let resized: Graph
            do throws(GraphError) { resized = try batch.map(graph.withBatch) ?? graph } catch {
                throw InferenceError(.unsupported, error.message)
            }
            let others = state.plans.map(\.plan)
            if others.count == capacity { state.plans.removeFirst() }
            let plan = try Plan(compiling: resized, options: options, sharingWith: others)
            state.plans.append((key, plan))
            state.compilations += 1
            return plan
        }
    }
}
