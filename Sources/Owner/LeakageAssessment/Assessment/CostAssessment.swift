// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
internal import Tensors

/// The cost of each cut of a model, without leakage. It needs no images and does not depend on the weights' values.
package struct CostAssessment: Sendable {
    package struct Row: Sendable {
        /// The last layer inside.
        package let name: String
        package let crossing: [Value]
        package let cost: CutCost
    }

    /// The last layer before the mapping unit.
    package let mapping: String
    /// Shallowest first.
    package let rows: [Row]
    /// The cost of everything inside.
    package let whole: CutCost
    package let threads: Int

    /// Compiles and times both sides of every cut; blocks until that is done.
    ///
    /// - Parameter configuration: Its images, validator and gates are ignored.
    /// - Throws: ``AssessmentError``; `.cancelled` once `cancellation` was raised.
    package static func measure(
        _ configuration: AssessmentConfiguration, cancellation: CancellationFlag = CancellationFlag(),
        progress: @escaping @Sendable (AssessmentProgress) -> Void = { _ in }
    ) throws(AssessmentError) -> CostAssessment {
        let graph = configuration.model.graph
        guard let type = graph.inputs.first?.type, graph.inputs.count == 1, type.element == .float32 else {
            throw AssessmentError(
                .unsupportedModel, "the model has \(graph.inputs.count) inputs, expected one of float32")
        }
        let mapping = try graph.mappingCut()
        let cuts = try CutChoice.cuts(configuration.cuts, of: graph)
        // Any ordinary values will do.
        let input = Tensor(type: type) { bytes in
            let values = bytes.bindMemory(to: Float.self)
            for index in values.indices { values[index] = Float(index % 255) / 255 }
        }
        let outcome = try CostStage.run(
            configuration, cuts: cuts, mapping: mapping, input: input, cancellation: cancellation, progress: progress)
        return CostAssessment(
            mapping: mapping.name,
            rows: zip(cuts, outcome.costs).map { cut, cost in
                Row(
                    name: cut.name, crossing: cut.crossing.map { Value(name: $0, type: graph.type(of: $0)) },
                    cost: cost)
            },
            whole: outcome.whole, threads: configuration.threads)
    }
}
