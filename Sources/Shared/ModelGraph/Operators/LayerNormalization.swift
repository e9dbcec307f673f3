// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// `LayerNormalization` over the axes from `axis` on: operands x, scale and optionally bias, both of the shape of those
/// axes. y = scale * (x - mean) / sqrt(variance + epsilon) + bias.
package struct LayerNormalization: Operator {
    package var axis: Int
    package var epsilon: Float

    package init(axis: Int, epsilon: Float) {
        self.axis = axis
        self.epsilon = epsilon
    }

    package func resultTypes(for operands: [TensorType]) throws(GraphError) -> [TensorType] {
        try requireFloats(operands, count: 2...3)
        let input = operands[0].shape
        let first = try resolve(axis: axis, rank: input.rank)
        let normalized = Array(input.dimensions[first...])
        try require(!normalized.contains(0), "input \(input) is empty along the normalised axes")
        for parameter in operands.dropFirst() {
            try require(
                parameter.shape.dimensions == normalized,
                "parameter \(parameter.shape) is not of the normalised shape \(normalized)")
        }
        return [operands[0]]
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(Int64(axis))
        writer.write(epsilon)
    }

    package init(from reader: inout ByteReader) throws(TensorError) {
        axis = try reader.readInteger("axis")
        epsilon = try reader.readFloat("epsilon")
    }
}
