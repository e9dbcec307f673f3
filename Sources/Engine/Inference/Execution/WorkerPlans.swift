// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
package import Tensors

/// One graph compiled for several threads: a plan with its own buffers for each, over one copy of the weights.
package struct WorkerPlans: Sendable {
    /// Graphs with more bytes of constants get one plan, which the workers use in turn. One inference of such a graph
    /// uses all processors anyway, and compiling several plans would need memory for the graph beside the first plan.
    private static let largeGraphBytes = 256 << 20

    private let plans: [Plan]

    package var inputs: [Value] { plans[0].inputs }
    package var outputs: [Value] { plans[0].outputs }

    /// - Parameters:
    ///   - graph: Its weights are released as the last plan converts them.
    ///   - options: The number of threads is replaced by that of `workers`, or by fewer for a small graph.
    package init(
        compiling graph: consuming Graph, options: PlanOptions, workers: InferenceWorkers
    ) throws(InferenceError) {
        guard graph.constants.values.reduce(0, { $0 + $1.byteCount }) <= Self.largeGraphBytes else {
            plans = [
                try Plan(compiling: consume graph, options: options.with(threads: workers.count * workers.threads))
            ]
            return
        }
        var threads = [Int](repeating: workers.threads, count: workers.count)
        if workers.alone != nil { threads.append(workers.threadsAlone) }
        threads = threads.map { [graph] in graph.usefulThreads(atMost: $0) }
        var plans: [Plan] = []
        for count in threads.dropLast() {
            plans.append(try Plan(compiling: copy graph, options: options.with(threads: count), sharingWith: plans))
        }
        let last = options.with(threads: threads[threads.count - 1])
        plans.append(try Plan(compiling: consume graph, options: last, sharingWith: plans))
        self.plans = plans
    }

    /// Bytes of constants that all plans hold together.
    package var constantBytes: Int { plans.reduce(0) { $0 + $1.memory.constantBytes } }

    /// Runs the plan of this index, which ``IdlePlans`` assigns.
    package func run(_ inputs: [Tensor], worker: Int) throws(InferenceError) -> [Tensor] {
        try plans[min(worker, plans.count - 1)].run(inputs)
    }
}

extension PlanOptions {
    fileprivate func with(threads: Int) -> PlanOptions {
        var options = self
        options.threads = threads
        return options
    }
}
