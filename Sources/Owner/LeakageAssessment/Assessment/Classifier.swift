// SPDX-License-Identifier: Apache-2.0
internal import Inference
internal import ModelGraph
package import Tensors

/// A network that returns the class distribution of an image, on one thread. One image per run: larger batches do not
/// fit the cache and are slower.
package final class Classifier {
    private let plan: Plan
    private let scores: ScoreKind
    /// `[1, channels, height, width]`.
    let inputType: TensorType

    package init(_ network: AssessmentConfiguration.Network) throws(AssessmentError) {
        try network.check()
        plan = try EngineBridge.compile(network.graph, name: network.name)
        scores = network.graph.scoreKind
        inputType = network.graph.inputs[0].type
    }

    package func distribution(of input: Tensor) throws(AssessmentError) -> ClassDistribution {
        let output = try EngineBridge.run(plan, [input])[0]
        return try output.withElements(as: Float.self) { (values) throws(AssessmentError) in
            try ClassDistribution(values, as: scores)
        }
    }
}

extension AssessmentConfiguration.Network {
    /// Number of classes.
    var classes: Int { graph.outputs.first.map { graph.type(of: $0).shape.elementCount } ?? 0 }

    /// - Throws: ``AssessmentError`` `.unsupportedModel` when the network is no image classifier that fits the
    ///   preprocessing.
    func check() throws(AssessmentError) {
        guard graph.inputs.count == 1, graph.outputs.count == 1 else {
            throw AssessmentError(
                .unsupportedModel,
                "\(name): \(graph.inputs.count) inputs and \(graph.outputs.count) outputs, expected a classifier with one each"
            )
        }
        let expected = [1, preprocessing.channels.count, preprocessing.height, preprocessing.width]
        let input = graph.inputs[0].type
        guard input.element == .float32, input.shape.dimensions == expected else {
            throw AssessmentError(
                .unsupportedModel,
                "\(name): the input is \(input), but the preprocessing makes f32 "
                    + "\(expected.map(String.init).joined(separator: "x")); give the preprocessing of this model")
        }
        guard graph.type(of: graph.outputs[0]).element == .float32, classes >= 2 else {
            throw AssessmentError(
                .unsupportedModel,
                "\(name): the output is \(graph.type(of: graph.outputs[0])), expected f32 scores of at least 2 classes")
        }
    }
}
