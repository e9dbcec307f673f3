// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
import OneDNN
import Synchronization
package import Tensors

/// A graph compiled for this machine. Weights are stored once, in the layout that the primitives need. Weights that a
/// gate was folded into are scaled and converted in each run. Buffers are planned at compilation, and a run allocates
/// only its results.
///
/// Runs of one plan exclude each other. A run blocks the calling thread: tasks use ``InferenceExecutor``.
package final class Plan: Sendable {
    /// Inputs of a run, in order.
    package let inputs: [Value]
    /// Outputs of a run, in order.
    package let outputs: [Value]
    package let memory: PlanMemory
    /// Steps of a run, in order.
    package let steps: [PlanStep]
    /// The precision in use: the requested one, or float32 if the processor lacks the instructions or is slower with
    /// them.
    package let precision: Precision
    /// The level of each product that is computed in a lower precision than float32, by the node's name.
    package let reducedProducts: [String: PrecisionTable.Level]
    /// Changes that passes and the choice of layouts made.
    package let rewrites: [PlanRewrite]

    private let threads: Int
    private let flushesSubnormals: Bool
    private let constants: ConstantStore
    private let results: [PlannedResult]
    private let execution: Mutex<Execution>

    /// Compiles a graph. Constants that are not referenced elsewhere are released as they are converted.
    ///
    /// - Parameter others: Plans of the same weights, such as those of other batch sizes. Weights that they hold in the
    ///   layout that this plan needs are shared.
    /// - Throws: ``InferenceError`` with code `unsupported` that names the node that cannot be computed;
    ///   `libraryFailure` if a primitive cannot be created or memory cannot be allocated.
    package init(
        compiling graph: consuming Graph, options: PlanOptions = PlanOptions(), sharingWith others: [Plan] = []
    ) throws(InferenceError) {
        var options = options
        options.precision = options.precision.available(for: options)
        inputs = graph.inputs
        outputs = graph.outputs.map { [graph] in Value(name: $0, type: graph.type(of: $0)) }
        let chosen = options
        var draft = Draft(consume graph, options: chosen)
        // Passes compute constants, which needs the floating-point mode of a run.
        let (lowering, results, execution) = try ThreadTeam.using(
            chosen.threads, flushesSubnormals: chosen.flushesSubnormals
        ) { () throws(InferenceError) in
            try Optimizer.optimize(&draft)
            var lowering = try Lowering(draft)
            // The lowering now has the only references to the weights, and releases each as it is converted.
            draft.constants = [:]
            draft.integers = [:]
            let results = try lowering.placeResults()
            do throws(OneDNNError) {
                let execution = try Execution(
                    &lowering, sharingWith: others.map(\.constants), options: chosen)
                return (lowering, results, execution)
            } catch { throw InferenceError(.libraryFailure, error.message) }
        }
        rewrites = lowering.draft.log.map { PlanRewrite(pass: $0.pass, node: $0.node) }
        memory = execution.memory
        steps = lowering.steps.map(\.description)
        threads = options.threads
        flushesSubnormals = options.flushesSubnormals
        precision = options.precision
        reducedProducts = lowering.products
        self.results = results
        constants = execution.constants
        self.execution = Mutex(execution)
    }

    /// Computes the outputs, dense row-major, in memory from the plan's allocator. An output that is one of the inputs
    /// or a constant is returned without a copy.
    ///
    /// - Throws: ``InferenceError`` with code `invalidInputs` if number or types differ from ``inputs``.
    package func run(_ inputs: [Tensor]) throws(InferenceError) -> [Tensor] { try run(inputs) {} }

    /// Like ``run(_:)``; also measures the duration of each of ``steps``.
    package func profile(_ inputs: [Tensor]) throws(InferenceError) -> (outputs: [Tensor], durations: [Duration]) {
        let clock = ContinuousClock()
        var durations: [Duration] = []
        var last = clock.now
        let outputs = try run(inputs) {
            let now = clock.now
            durations.append(now - last)
            last = now
        }
        return (outputs, durations)
    }

    /// Runs the plan and returns the processor time of each of ``steps``.
    package func balance(_ inputs: [Tensor]) throws(InferenceError) -> [StepShares] {
        var steps: [StepShares] = []
        _ = try ThreadTeam.measuring { () throws(InferenceError) in
            try run(inputs) {
                let times = ThreadTeam.measured()
                steps.append(StepShares(serial: times.serial, longest: times.longest, all: times.shares))
            }
        }
        return steps
    }

    /// Like ``run(_:)``; also passes the float32 result of each node and its name to `body`, in order of computation.
    /// Elements are in the order of the result's layout, including the zeros with which blocks are padded.
    func run(
        _ inputs: [Tensor], observing body: (String, UnsafeBufferPointer<Float>) -> Void
    ) throws(InferenceError) -> [Tensor] {
        try run(inputs, observing: body, observes: true, afterStep: {})
    }

    private func run(_ inputs: [Tensor], afterStep: () -> Void) throws(InferenceError) -> [Tensor] {
        try run(inputs, observing: { _, _ in }, observes: false, afterStep: afterStep)
    }

    private func run(
        _ inputs: [Tensor], observing body: (String, UnsafeBufferPointer<Float>) -> Void, observes: Bool,
        afterStep: () -> Void
    ) throws(InferenceError) -> [Tensor] {
        guard inputs.map(\.type) == self.inputs.map(\.type) else {
            throw InferenceError(
                .invalidInputs, "the plan takes \(self.inputs.map(\.type)), found \(inputs.map(\.type))")
        }
        return try execution.withLock { (execution) throws(InferenceError) in
            do throws(OneDNNError) {
                return try ThreadTeam.using(threads, flushesSubnormals: flushesSubnormals) { () throws(OneDNNError) in
                    try execution.run(
                        inputs, results: results, observing: body, observes: observes, afterStep: afterStep)
                }
            } catch { throw InferenceError(.libraryFailure, error.message) }
        }
    }
}

/// Memory of a plan, in bytes.
package struct PlanMemory: Sendable, Hashable {
    /// Weights in the primitives' layouts and other constants, without those that are shared with other plans.
    package let constantBytes: Int
    /// Activations.
    package let arenaBytes: Int
    /// Working memory of the primitives.
    package let scratchBytes: Int

    /// Memory of the plan during a run, without its inputs and results.
    package var peakBytes: Int { constantBytes + arenaBytes + scratchBytes }
}

/// One step of a plan, as `inspect --plan` prints it.
package struct PlanStep: Sendable, Hashable {
    /// The name of the node, or of the first one if several were fused.
    package let name: String
    /// The kind of step: `convolution`, `reorder`, …
    package let kind: String
    /// The nodes fused into it, in order. The concatenation into whose result it writes comes last.
    package internal(set) var fused: [String]
    /// oneDNN's name for its code, or `loop`.
    package let implementation: String
    /// The result's shape and layout.
    package let result: String
}

/// A change that the optimiser made.
package struct PlanRewrite: Sendable, Hashable {
    package let pass: String
    package let node: String
}

/// Processor time of a step. It allows an estimate of the step's time on more cores than the machine has.
package struct StepShares: Sendable {
    /// Time of the calling thread outside of parallel regions.
    package let serial: Duration
    /// Time of the longest share of each parallel region, summed over the regions: the time of all regions if each
    /// thread has a core.
    package let longest: Duration
    /// Time of all shares of all regions.
    package let all: Duration
}
