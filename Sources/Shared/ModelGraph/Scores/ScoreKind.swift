// SPDX-License-Identifier: Apache-2.0
import Tensors

/// What the values of a classifier's only output are.
package enum ScoreKind: String, Sendable, Hashable, Codable, CaseIterable {
    /// Any numbers, of which the probabilities are the softmax.
    case logits
    /// Probabilities, which are reported as they are. They do not have to add up to 1.
    case probabilities
}

extension Graph {
    /// How far beyond 0 or 1 rounding may put a bound: a third as float16 is off by up to 0.0002 of it.
    private static let rounding = 1e-3

    /// What the output is, by this graph alone: probabilities where ``ValueBounds`` shows that every element is from 0
    /// to 1, else logits.
    package var scoreKind: ScoreKind {
        guard outputs.count == 1 else { return .logits }
        let bounds = ValueBounds(of: self)[outputs[0]]
        return bounds.low >= -Self.rounding && bounds.high <= 1 + Self.rounding ? .probabilities : .logits
    }

    /// The graph whose ``scoreKind`` is known, of an output that is `scores`. A softmax is added where bounds show
    /// probabilities and the output is said to be logits, a clip to 0...1 where they do not show what is said to be
    /// probabilities. So the decision is part of the graph, and of its digest.
    ///
    /// - Throws: ``GraphError`` for a graph that has no output of scores, or the name of the node that is added.
    package func reading(_ scores: ScoreKind) throws(GraphError) -> Graph {
        guard scores != scoreKind else { return self }
        guard outputs.count == 1, type(of: outputs[0]).element == .float32 else {
            throw GraphError(.invalidGraph, "the model has no single output of scores to read as \(scores.rawValue)")
        }
        let dimensions = type(of: outputs[0]).shape.dimensions
        let operation: Operation
        switch scores {
        case .probabilities: operation = .activation(Activation(.clip, alpha: 0, beta: 1))
        case .logits:
            // Over all elements of an image.
            let batch = inputs.first?.type.shape.dimensions.first ?? 1
            let first = batch > 1 && dimensions.first == batch ? 1 : 0
            let axis = dimensions.indices.dropFirst(first).first { dimensions[$0] != 1 } ?? first
            operation = .softmax(Softmax(axis: axis, flattensTail: axis < dimensions.count - 1))
        }
        let name = "stated_\(scores.rawValue)"
        let node = Node(name: name, operation: operation, inputs: outputs, outputs: [name])
        return try Graph(
            name: self.name, inputs: inputs, outputs: [name], nodes: nodes + [node], constants: constants)
    }
}
