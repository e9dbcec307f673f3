import Inference
package import ModelGraph
import Tensors

/// The layers outside the enclave, ready to run.
package final class BackNet: Sendable {
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

    /// - Returns: The outputs, or `nil` when the tensors that came do not fit.
    func run(_ inputs: [Tensor]) async -> [Tensor]? { try? await executor.run(plan, inputs) }
}
