// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// `Gemm`: alpha * A' * B' + beta * C with A `[m, k]`, B `[k, n]` (or transposed), C broadcast to `[m, n]` and optional.
package struct Gemm: Operator {
    package var alpha: Float
    package var beta: Float
    package var transposeA: Bool
    package var transposeB: Bool

    package init(alpha: Float = 1, beta: Float = 1, transposeA: Bool = false, transposeB: Bool = false) {
        self.alpha = alpha
        self.beta = beta
        self.transposeA = transposeA
        self.transposeB = transposeB
    }

    package func resultTypes(for operands: [TensorType]) throws(GraphError) -> [TensorType] {
        try requireFloats(operands, count: 2...3)
        let (a, b) = (operands[0].shape, operands[1].shape)
        try require(a.rank == 2 && b.rank == 2, "operands \(a) and \(b) are not matrices")
        let (m, k) = transposeA ? (a[1], a[0]) : (a[0], a[1])
        let (k2, n) = transposeB ? (b[1], b[0]) : (b[0], b[1])
        try require(k == k2, "operands \(a) and \(b) do not share the inner dimension")
        let result = try shape([m, n])
        if operands.count == 3 {
            let broadcast = try Arithmetic.broadcast(result, operands[2].shape)
            try require(broadcast == result, "addend \(operands[2].shape) does not broadcast to \(result)")
        }
        return [TensorType(.float32, result)]
    }

    package func multiplyAdds(operands: [TensorType], results: [TensorType]) -> Int {
        results[0].shape.elementCount &* operands[0].shape[transposeA ? 0 : 1]
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(alpha)
        writer.write(beta)
        writer.write(UInt8(transposeA ? 1 : 0))
        writer.write(UInt8(transposeB ? 1 : 0))
    }

    package init(from reader: inout ByteReader) throws(TensorError) {
        alpha = try reader.readFloat("alpha")
        beta = try reader.readFloat("beta")
        transposeA = try reader.readFlag("transposeA")
        transposeB = try reader.readFlag("transposeB")
    }
}

/// `MatMul` with NumPy's rules: the last two dimensions are matrices, those before broadcast, a vector is promoted.
package struct MatMul: Operator {
    package init() {}

    package func resultTypes(for operands: [TensorType]) throws(GraphError) -> [TensorType] {
        try requireFloats(operands, count: 2...2)
        let (a, b) = (operands[0].shape, operands[1].shape)
        try require(a.rank >= 1 && b.rank >= 1, "a scalar is no matrix")
        let left = a.rank == 1 ? [1, a[0]] : a.dimensions
        let right = b.rank == 1 ? [b[0], 1] : b.dimensions
        try require(left[left.count - 1] == right[right.count - 2], "\(a) and \(b) do not share the inner dimension")
        let batch = try Arithmetic.broadcast(try shape(Array(left.dropLast(2))), try shape(Array(right.dropLast(2))))
        var result = batch.dimensions
        if a.rank > 1 { result.append(left[left.count - 2]) }
        if b.rank > 1 { result.append(right[right.count - 1]) }
        return [TensorType(.float32, try shape(result))]
    }

    package func multiplyAdds(operands: [TensorType], results: [TensorType]) -> Int {
        results[0].shape.elementCount &* (operands[0].shape.dimensions.last ?? 0)
    }

    package func encode(into writer: inout ByteWriter) {}
    package init(from reader: inout ByteReader) throws(TensorError) {}
}
