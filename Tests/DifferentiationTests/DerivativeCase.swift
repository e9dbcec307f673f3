// SPDX-License-Identifier: Apache-2.0
import Differentiation
import Inference
import ModelGraph
import ReferenceInference
import Tensors
import TestSupport
import Testing

/// A small graph of one input, and where to differentiate it.
struct DerivativeCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    private(set) var nodes: [Node] = []
    private(set) var constants: [String: Tensor] = [:]
    let x: Tensor
    private var noise: Noise

    /// The input's values are `spacing` apart, in random order: a small step crosses no kink, and no two are equal.
    init(_ description: String, _ shape: [Int], around center: Float = 0, spacing: Float = 0.1) throws {
        testDescription = description
        noise = Noise(seed: UInt64(description.utf8.count))
        let count = shape.reduce(1, *)
        let order = noise.permutation(of: count)
        x = try Tensor(order.map { center + spacing * (Float($0) - Float(count) / 2 + 0.37) }, shape: shape)
    }

    /// A case of one operator with constants of these shapes.
    init(
        _ description: String, _ operation: ModelGraph.Operation, _ shape: [Int], constants: [[Int]] = [],
        xAt position: Int = 0, around center: Float = 0, spacing: Float = 0.1, range: ClosedRange<Float> = -1...1
    ) throws {
        try self.init(description, shape, around: center, spacing: spacing)
        var operands: [String] = []
        for constant in constants { operands.append(try self.constant(constant, in: range)) }
        operands.insert("x", at: position)
        node("y", operation, operands)
    }

    mutating func constant(_ shape: [Int], in range: ClosedRange<Float> = -1...1) throws -> String {
        let name = "c\(constants.count)"
        constants[name] = try noise.tensor(shape, in: range)
        return name
    }

    mutating func node(_ name: String, _ operation: ModelGraph.Operation, _ operands: [String]) {
        nodes.append(Node(name: name, operation: operation, inputs: operands, outputs: [name]))
    }

    func graph() throws -> Graph {
        try Graph(
            name: testDescription, inputs: [Value(name: "x", type: x.type)], outputs: [nodes[nodes.count - 1].name],
            nodes: nodes, constants: constants)
    }
}

func dot(_ a: Tensor, _ b: Tensor) throws -> Double {
    zip(try a.floats(), try b.floats()).reduce(0) { $0 + Double($1.0) * Double($1.1) }
}

func norm(_ a: Tensor) throws -> Double { try dot(a, a).squareRoot() }

/// a + factor * b
func moved(_ a: Tensor, by b: Tensor, _ factor: Float) throws -> Tensor {
    try Tensor(zip(try a.floats(), try b.floats()).map { $0 + factor * $1 }, shape: a.shape.dimensions)
}
