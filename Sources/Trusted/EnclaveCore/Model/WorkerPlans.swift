package import Inference
package import ModelGraph
package import Tensors

/// One graph compiled for several threads at a time: a plan with buffers of its own for each, over one copy of the weights.
package struct WorkerPlans: Sendable {
    private let plans: [Plan]

    var inputs: [Value] { plans[0].inputs }
    var outputs: [Value] { plans[0].outputs }

    /// - Parameters:
    ///   - graph: Its weights are released as the last plan lays them out.
    ///   - options: Their number of threads is that of `workers`.
    package init(
        compiling graph: consuming Graph, options: PlanOptions, workers: EnclaveWorkers
    ) throws(InferenceError) {
        var threads = [Int](repeating: workers.threads, count: workers.count)
        if workers.alone != nil { threads.append(workers.threadsAlone) }
        var plans: [Plan] = []
        for count in threads.dropLast() {
            plans.append(try Plan(compiling: copy graph, options: options.with(threads: count), sharingWith: plans))
        }
        let last = options.with(threads: threads[threads.count - 1])
        plans.append(try Plan(compiling: consume graph, options: last, sharingWith: plans))
        self.plans = plans
    }

    /// Bytes of weights that the plans hold together.
    package var constantBytes: Int { plans.reduce(0) { $0 + $1.memory.constantBytes } }

    package func run(_ inputs: [Tensor], worker: Int) throws(InferenceError) -> [Tensor] {
        try plans[worker].run(inputs)
    }
}

extension PlanOptions {
    fileprivate func with(threads: Int) -> PlanOptions {
        var options = self
        options.threads = threads
        return options
    }
}
