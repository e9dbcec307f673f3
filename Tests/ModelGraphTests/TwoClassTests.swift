// SPDX-License-Identifier: Apache-2.0
import Foundation
import ModelGraph
import ReferenceInference
import Tensors
import TestSupport
import Testing

@Suite struct TwoClassTests {
    private func graph(_ shape: [Int], sigmoid: Bool) throws -> Graph {
        let type = TensorType(.float32, try Shape(shape))
        let nodes =
            sigmoid
            ? [Node(name: "s", operation: .activation(Activation(.sigmoid)), inputs: ["x"], outputs: ["y"])] : []
        return try Graph(
            name: "g", inputs: [Value(name: "x", type: type)], outputs: [sigmoid ? "y" : "x"], nodes: nodes,
            constants: [:])
    }

    @Test(
        "A probability becomes those of two classes, and a logit two scores with the same softmax",
        arguments: [[1, 1], [1], []])
    func twoClasses(_ shape: [Int]) throws {
        let x: Float = 0.7
        let probability = 1 / (1 + exp(-x))
        for sigmoid in [true, false] {
            let two = try graph(shape, sigmoid: sigmoid).withTwoClasses()
            let scores = try ReferenceExecutor(two).run([Tensor([x], shape: shape)])[0].floats()
            #expect(two.scoreKind == (sigmoid ? .probabilities : .logits))
            #expect(two.type(of: two.outputs[0]).shape.dimensions.last == 2)
            let second = sigmoid ? scores[1] : exp(scores[1]) / (exp(scores[0]) + exp(scores[1]))
            #expect(abs(second - probability) < 1e-6)
            if sigmoid { #expect(abs(scores[0] + scores[1] - 1) < 1e-6) }
        }
    }

    @Test("A stated kind determines how the only score is interpreted", arguments: [true, false])
    func stated(_ sigmoid: Bool) throws {
        let x: Float = 0.7
        let value = sigmoid ? 1 / (1 + exp(-x)) : x
        let graph = try graph([1, 1], sigmoid: sigmoid)
        let probable = try graph.withTwoClasses(.probabilities)
        #expect(probable.scoreKind == .probabilities)
        let shares = try ReferenceExecutor(probable).run([Tensor([x], shape: [1, 1])])[0].floats()
        #expect(abs(shares[1] - value) < 1e-6 && abs(shares[0] - (1 - value)) < 1e-6)
        let scored = try graph.withTwoClasses(.logits)
        #expect(scored.scoreKind == .logits)
        let scores = try ReferenceExecutor(scored).run([Tensor([x], shape: [1, 1])])[0].floats()
        #expect(abs(scores[1] - value / 2) < 1e-6 && abs(scores[0] + value / 2) < 1e-6)
    }

    @Test("A model with several scores is not changed")
    func severalScores() throws {
        let graph = try graph([1, 3], sigmoid: false)
        #expect(!graph.hasOneScore)
        #expect(throws: GraphError.self) { try graph.withTwoClasses() }
    }
}
