// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN
import Tensors

/// Weights as symmetric 8-bit integers, with one scale for each index of an axis, or with one scale.
struct IntegerWeights {
    /// int8, in the shape of the weights.
    let integers: Tensor
    /// float32: one element, or one for each index of `axis`.
    let scales: Tensor
    /// At least 0.
    let axis: Int

    var hasOneScale: Bool { scales.shape.elementCount == 1 }
}

extension Draft {
    /// Weights of products of token rows that stay 8-bit integers in memory. Each run converts them to float32, which
    /// costs little compared with a product of many rows. Empty if all of them together take at most
    /// ``PlanOptions/maximumExpandedBytes`` as float32.
    var keptIntegers: Set<String> {
        var users: [String: [Node]] = [:]
        for node in nodes { for input in Set(node.inputs) { users[input, default: []].append(node) } }
        let kept = nodes.filter { node in
            guard let weights = integerWeights(node), !outputs.contains(node.output) else { return false }
            return users[node.output, default: []].allSatisfy { isProduct($0, ofRowsBy: node.output, weights) }
        }.map(\.output)
        let bytes = kept.reduce(0) { $0 + type($1).byteCount }
        return bytes > options.maximumExpandedBytes ? Set(kept) : []
    }

    /// The weights that a DequantizeLinear of a constant matrix of symmetric 8-bit integers computes; `nil` for any
    /// other node.
    func integerWeights(_ node: Node) -> IntegerWeights? { symmetricIntegers(node, rank: 2...2) }

    /// The weights that a DequantizeLinear of a convolution's constant weights computes, with one scale or one per
    /// output channel; `nil` for any other node.
    func integerFilters(_ node: Node) -> IntegerWeights? {
        guard let weights = symmetricIntegers(node, rank: 3...5), weights.hasOneScale || weights.axis == 0,
            weights.scales.withElements(as: Float.self, { $0.allSatisfy { $0.isNormal && $0 > 0 } })
        else { return nil }
        return weights
    }

    private func symmetricIntegers(_ node: Node, rank: ClosedRange<Int>) -> IntegerWeights? {
        guard case .operation(.dequantizeLinear(let dequantize)) = node.kind,
            let integers = constants[node.inputs[0]], integers.element == .int8, rank.contains(integers.shape.rank),
            let scales = constants[node.inputs[1]], let zeros = constants[node.inputs[2]],
            zeros.withBytes({ $0.allSatisfy { $0 == 0 } })
        else { return nil }
        let axis = dequantize.axis < 0 ? dequantize.axis + integers.shape.rank : dequantize.axis
        return IntegerWeights(integers: integers, scales: scales, axis: axis)
    }

    /// Whether the node multiplies rows of tokens by these weights, which have one scale or one per column of its
    /// result, and does not use them otherwise.
    private func isProduct(_ node: Node, ofRowsBy name: String, _ weights: IntegerWeights) -> Bool {
        guard case .operation(let operation) = node.kind, node.inputs.firstIndex(of: name) == 1,
            node.inputs.count(where: { $0 == name }) == 1,
            shape(node.inputs[0]).dropLast().reduce(1, *) >= LinearLayer.rowsOfMatrixProduct
        else { return false }
        switch operation {
        case .matMul: return weights.hasOneScale || weights.axis == 1
        case .gemm(let gemm):
            let columns = gemm.transposeB ? 0 : 1
            return !gemm.transposeA && gemm.alpha == 1 && (weights.hasOneScale || weights.axis == columns)
        default: return false
        }
    }
}

extension Lowering {
    /// Emits the conversion of a product's weights to float32, directly in the product's layout.
    ///
    /// - Parameters:
    ///   - source: The layout of the stored weights, apart from its element type.
    ///   - columns: The axis of the result's columns in both layouts. The scales belong to it.
    mutating func converted(
        _ weights: IntegerWeights, from source: TensorLayout, to target: TensorLayout, columns: Int,
        for node: Draft.Node
    ) throws(OneDNNError) -> Int {
        let source = source.retyped(.signed8)
        let conversion = try PrimitiveDescription.reorder(
            from: source, to: target, scales: .operand(axis: weights.hasOneScale ? nil : columns))
        let held = add(.constant(weights.integers, layout: source), source)
        let vector = try TensorLayout([weights.scales.shape.elementCount])
        let scales = add(.constant(weights.scales, layout: vector), vector)
        let value = add(.arena, target)
        emit(
            conversion, [(.source, held), (.outputScales, scales), (.destination, value)], to: value, "dequantize",
            for: node)
        return value
    }
}
