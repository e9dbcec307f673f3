package import ModelGraph
package import Tensors

/// A graph compiled for this machine. Weights are held once, in the layout that the primitives want; buffers are
/// planned at compilation, and a run allocates nothing but its results.
///
/// Runs of one plan exclude each other. A run blocks the calling thread: use ``InferenceExecutor`` from tasks.
package final class Plan: Sendable {
    /// What a run takes, in order.
    package let inputs: [Value]
    /// What a run returns, in order.
    package let outputs: [Value]
    package let memory: PlanMemory
    /// What a run does, in order.
    package let steps: [PlanStep]

    /// - Throws: ``InferenceError`` naming the node that cannot be computed.
    package init(compiling graph: Graph, options: PlanOptions = PlanOptions()) throws(InferenceError) {
        throw InferenceError(.unsupported, "not yet")
    }

    /// Computes the outputs, dense row-major, in memory from the plan's allocator. An output that is one of the inputs
    /// or a constant is returned as it is.
    ///
    /// - Throws: ``InferenceError`` with code `invalidInputs` when number or types differ from ``inputs``.
    package func run(_ inputs: [Tensor]) throws(InferenceError) -> [Tensor] {
        throw InferenceError(.unsupported, "not yet")
    }

    /// Like ``run(_:)``, with the duration of each of ``steps``.
    package func profile(_ inputs: [Tensor]) throws(InferenceError) -> (outputs: [Tensor], durations: [Duration]) {
        throw InferenceError(.unsupported, "not yet")
    }
}

/// Bytes that a plan holds.
package struct PlanMemory: Sendable, Hashable {
    /// Weights in the primitives' layouts, and other constants.
    package let constantBytes: Int
    /// Activations.
    package let arenaBytes: Int
    /// Working memory of the primitives.
    package let scratchBytes: Int
}

/// One step of a plan, for people to read.
package struct PlanStep: Sendable, Hashable {
    /// The node (the first of them when several were fused).
    package let name: String
    /// What it computes: `convolution`, `reorder`, …
    package let kind: String
    /// What was fused into it, in order.
    package let fused: [String]
    /// oneDNN's name for the code that computes it, or `loop`.
    package let implementation: String
    /// The result's shape and layout.
    package let result: String
}
