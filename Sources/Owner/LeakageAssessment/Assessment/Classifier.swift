internal import Inference
internal import ModelGraph
internal import Tensors

/// A network that gives class distributions for several pictures at once, on one thread.
final class Classifier {
    private let plan: Plan
    private let endsWithSoftmax: Bool
    private let classes: Int
    /// Pictures of one run.
    let batch: Int
    /// `[batch, channels, height, width]`.
    let inputType: TensorType

    /// - Parameter batch: Wanted pictures a run; 1 when the network does not allow it.
    init(_ network: AssessmentConfiguration.Network, batch wanted: Int) throws(AssessmentError) {
        try network.check()
        let graph: Graph
        if let several = try? network.graph.withBatch(wanted), network.classes(of: several) == network.classes {
            (graph, batch) = (several, wanted)
        } else {
            (graph, batch) = (network.graph, 1)
        }
        plan = try EngineBridge.compile(graph, name: network.name)
        classes = network.classes
        endsWithSoftmax = network.graph.endsWithSoftmax
        inputType = graph.inputs[0].type
    }

    /// One distribution for each of the first `count` pictures of the batch.
    func distributions(of input: Tensor, count: Int) throws(AssessmentError) -> [ClassDistribution] {
        let output = try EngineBridge.run(plan, [input])[0]
        return try output.withElements(as: Float.self) { (values) throws(AssessmentError) in
            var result: [ClassDistribution] = []
            for index in 0..<count {
                let scores = values[index * classes..<(index + 1) * classes]
                result.append(
                    endsWithSoftmax ? try ClassDistribution(scores) : try ClassDistribution(logits: scores))
            }
            return result
        }
    }

    /// The distribution of one picture's input tensor.
    func distribution(of picture: Tensor) throws(AssessmentError) -> ClassDistribution {
        guard batch > 1 else { return try distributions(of: picture, count: 1)[0] }
        let padded = Tensor(type: inputType) { target in picture.withBytes { target.copyBytes(from: $0) } }
        return try distributions(of: padded, count: 1)[0]
    }
}

extension AssessmentConfiguration.Network {
    /// Classes of the output.
    var classes: Int { classes(of: graph) }

    fileprivate func classes(of graph: Graph) -> Int {
        guard let output = graph.outputs.first, let input = graph.inputs.first else { return 0 }
        return graph.type(of: output).shape.elementCount / max(1, input.type.shape.dimensions.first ?? 1)
    }

    /// - Throws: ``AssessmentError`` `.unsupportedModel` when the network is no image classifier that the preprocessing
    ///   fits.
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
