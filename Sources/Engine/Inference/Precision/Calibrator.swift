// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
package import Tensors

/// Measures the ranges of a graph's values in float32.
package struct Calibrator: Sendable {
    private let plan: Plan
    private var histograms: [String: ValueHistogram] = [:]

    /// - Throws: ``InferenceError`` naming the node that cannot be computed.
    package init(_ graph: Graph, threads: Int) throws(InferenceError) {
        var options = PlanOptions(threads: threads)
        // Only results of steps are observed, and these options would leave some values without a step.
        options.joinsInPlace = false
        options.foldsGates = false
        options.multipliesIntegers = false
        plan = try Plan(compiling: graph, options: options)
    }

    /// Runs the plan, adds its float32 inputs and the results of its nodes to the ranges, and returns the outputs.
    @discardableResult
    package mutating func observe(_ inputs: [Tensor]) throws(InferenceError) -> [Tensor] {
        for (value, tensor) in zip(plan.inputs, inputs) where tensor.element == .float32 {
            tensor.withElements(as: Float.self) { histograms[value.name, default: ValueHistogram()].add($0) }
        }
        return try plan.run(inputs, observing: { histograms[$0, default: ValueHistogram()].add($1) })
    }

    /// The ranges of the values, by name.
    package var ranges: [String: PrecisionTable.Range] { histograms.compactMapValues(\.range) }
}
