// SPDX-License-Identifier: Apache-2.0
import Tensors

extension Graph {
    /// Whether the only output is one number: the score of the second of two classes.
    package var hasOneScore: Bool { outputs.count == 1 && type(of: outputs[0]).shape.elementCount == 1 }

    /// The graph with the scores of two classes instead of its single score. For a probability p they are 1 - p and p.
    /// For any other score x they are -x / 2 and x / 2, whose softmax is the sigmoid of x.
    ///
    /// - Parameter stated: What the score is; by default, what bounds of the last layers show.
    /// - Throws: ``GraphError`` for a graph without a single score.
    package func withTwoClasses(_ stated: ScoreKind? = nil) throws(GraphError) -> Graph {
        guard hasOneScore, type(of: outputs[0]).element == .float32, types["two_classes"] == nil else {
            throw GraphError(.invalidGraph, "the model has no single score to make two classes of")
        }
        let (output, shown) = (outputs[0], scoreKind)
        let isProbability = (stated ?? shown) == .probabilities
        guard !isProbability || shown == .probabilities else { return try reading(.probabilities).withTwoClasses() }
        var made: [Node] = []
        func add(_ name: String, _ operation: Operation, _ inputs: [String]) -> String {
            made.append(
                Node(
                    name: "two_classes_\(name)", operation: operation, inputs: inputs,
                    outputs: [name == "concat" ? "two_classes" : "two_classes_\(name)"]))
            return made[made.count - 1].outputs[0]
        }
        var constants = constants
        do throws(TensorError) {
            constants["two_classes_one"] = try Tensor([Float(1)], shape: [])
            constants["two_classes_half"] = try Tensor([Float(0.5)], shape: [])
            constants["two_classes_minus_half"] = try Tensor([Float(-0.5)], shape: [])
        } catch { throw GraphError(error) }
        let score =
            type(of: output).shape.rank == 0 ? add("score", .unsqueeze(Unsqueeze(axes: [0])), [output]) : output
        let first =
            isProbability
            ? add("first", .arithmetic(Arithmetic(.subtract)), ["two_classes_one", score])
            : add("first", .arithmetic(Arithmetic(.multiply)), [score, "two_classes_minus_half"])
        let second =
            isProbability ? score : add("second", .arithmetic(Arithmetic(.multiply)), [score, "two_classes_half"])
        let result = add("concat", .concat(Concat(axis: -1)), [first, second])
        return try Graph(name: name, inputs: inputs, outputs: [result], nodes: nodes + made, constants: constants)
    }
}
