// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// `BatchNormalization` in inference: operands x `[n, c, …]`, scale, bias, mean, variance, each `[c]`.
/// y = scale * (x - mean) / sqrt(variance + epsilon) + bias.
package struct BatchNormalization: Operator {
    package var epsilon: Float

    package init(epsilon: Float) { self.epsilon = epsilon }

    package func resultTypes(for operands: [TensorType]) throws(GraphError) -> [TensorType] {
        try requireFloats(operands, count: 5...5)
        let input = operands[0].shape
        try require(input.rank >= 2, "input \(input) has no channel dimension")
        for parameter in operands.dropFirst() {
            try require(
                parameter.shape.dimensions == [input[1]],
                "parameter \(parameter.shape) does not fit \(input[1]) channels")
        }
        return [operands[0]]
    }

    package func encode(into writer: inout ByteWriter) { writer.write(epsilon) }
    package init(from reader: inout ByteReader) throws(TensorError) { epsilon = try reader.readFloat("epsilon") }
}
