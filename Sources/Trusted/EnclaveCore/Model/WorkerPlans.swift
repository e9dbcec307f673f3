package import Inference
package import ModelGraph
package import Tensors

/// One graph compiled for several threads at a time: a plan with buffers of its own for each, over one copy of the weights.
package struct WorkerPlans: Sendable {
    private let plans: [Plan]

    var inputs: [Value] { plans[0].inputs }
    var outputs: [Value] { plans[0].outputs }

    /// - Parameter graph: Its weights are released as the last plan lays them out.
    package init(compiling graph: consuming Graph, options: PlanOptions, workers: Int) throws(InferenceError) {
        var plans: [Plan] = []
        for _ in 1..<max(1, workers) {
            plans.append(try Plan(compiling: copy graph, options: options, sharingWith: plans))
        }
        plans.append(try Plan(compiling: consume graph, options: options, sharingWith: plans))
        self.plans = plans
    }

    /// Bytes of weights that the plans hold together.
    package var constantBytes: Int { plans.reduce(0) { $0 + $1.memory.constantBytes } }

    package func run(_ inputs: [Tensor], worker: Int) throws(InferenceError) -> [Tensor] {
        try plans[worker].run(inputs)
    }
}
