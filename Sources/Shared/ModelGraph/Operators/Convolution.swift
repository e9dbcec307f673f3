// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// `Conv`: operands x `[n, c, spatial…]`, weights `[m, c / groups, kernel…]`, optionally a bias `[m]`.
package struct Convolution: Operator {
    package var window: Window
    package var groups: Int

    package init(window: Window, groups: Int = 1) {
        self.window = window
        self.groups = groups
    }

    package func resultTypes(for operands: [TensorType]) throws(GraphError) -> [TensorType] {
        try requireFloats(operands, count: 2...3)
        let (input, weights) = (operands[0].shape, operands[1].shape)
        try require(input.rank >= 3, "input \(input) has no spatial dimension")
        try require(weights.rank == input.rank, "weights \(weights) do not have the rank of the input \(input)")
        try require((1...maximumAttribute).contains(groups), "\(groups) groups")
        try require(
            input[1] % groups == 0 && weights[1] == input[1] / groups && weights[0] % groups == 0,
            "weights \(weights) in \(groups) groups do not fit \(input[1]) input channels")
        try require(
            Array(weights.dimensions.dropFirst(2)) == window.kernel,
            "kernel \(window.kernel) is not that of the weights \(weights)")
        if operands.count == 3 {
            try require(
                operands[2].shape.dimensions == [weights[0]], "bias \(operands[2].shape) is not [\(weights[0])]")
        }
        let extents = try window.resultExtents(for: Array(input.dimensions.dropFirst(2)), ceil: false)
        return [TensorType(.float32, try shape([input[0], weights[0]] + extents))]
    }

    package func multiplyAdds(operands: [TensorType], results: [TensorType]) -> Int {
        let weights = operands[1].shape
        return results[0].shape.elementCount &* (weights.elementCount / max(weights[0], 1))
    }

    package func encode(into writer: inout ByteWriter) {
        window.encode(into: &writer)
        writer.write(Int64(groups))
    }

    package init(from reader: inout ByteReader) throws(TensorError) {
        window = try Window(from: &reader)
        groups = try reader.readInteger("groups")
    }
}
