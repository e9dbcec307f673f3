import Inference
package import ModelGraph
package import Tensors

/// The layers outside the enclave on this process' own engine, one request at a time.
package final class LocalBackNet: BackNetEngine {
    private let plan: Plan
    private let executor: InferenceExecutor

    /// - Parameter precision: Where the processor lacks its instructions or is faster without them, float32.
    /// - Throws: ``HostError`` when the engine cannot run the graph.
    package init(_ graph: consuming Graph, precision: PrecisionTable = .float32, threads: Int) throws(HostError) {
        do throws(InferenceError) {
            plan = try Plan(
                compiling: consume graph,
                options: PlanOptions(threads: threads, precision: Precision(precision)))
        } catch { throw HostError(.unusableBundle, "the BackNet cannot run: \(error.message)") }
        executor = InferenceExecutor()
    }

    package func run(_ inputs: [Tensor]) async -> BackNetRun? {
        let asked = ContinuousClock.now
        return try? await executor.run { [plan] () throws(InferenceError) in
            let started = ContinuousClock.now
            let outputs = try plan.run(inputs)
            return BackNetRun(outputs: outputs, queued: started - asked, computed: .now - started)
        }
    }
}
