// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// `Softmax` over one axis, or over all axes from it on (opset 12 and below).
package struct Softmax: Operator {
    package var axis: Int
    /// Normalises over `axis` and every axis after it together.
    package var flattensTail: Bool

    package init(axis: Int, flattensTail: Bool = false) {
        self.axis = axis
        self.flattensTail = flattensTail
    }

    package func resultTypes(for operands: [TensorType]) throws(GraphError) -> [TensorType] {
        try requireFloats(operands, count: 1...1)
        _ = try resolve(axis: axis, rank: operands[0].shape.rank)
        return operands
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(Int64(axis))
        writer.write(UInt8(flattensTail ? 1 : 0))
    }

    package init(from reader: inout ByteReader) throws(TensorError) {
        axis = try reader.readInteger("axis")
        flattensTail = try reader.readFlag("flattensTail")
    }
}

/// `LRN` across channels: y = x / (bias + alpha / size * sum of squares over `size` channels around it) ^ beta.
package struct LocalResponseNormalization: Operator {
    package var size: Int
    package var alpha: Float
    package var beta: Float
    package var bias: Float

    package init(size: Int, alpha: Float, beta: Float, bias: Float) {
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.bias = bias
    }

    package func resultTypes(for operands: [TensorType]) throws(GraphError) -> [TensorType] {
        try requireFloats(operands, count: 1...1)
        try require(operands[0].shape.rank >= 3, "input \(operands[0].shape) has no spatial dimension")
        try require((1...maximumAttribute).contains(size), "size \(size) is not positive")
        return operands
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(Int64(size))
        writer.write(alpha)
        writer.write(beta)
        writer.write(bias)
    }

    package init(from reader: inout ByteReader) throws(TensorError) {
        size = try reader.readInteger("size")
        alpha = try reader.readFloat("alpha")
        beta = try reader.readFloat("beta")
        bias = try reader.readFloat("bias")
    }
}

/// `ReduceMean` over axes; over all when none is named.
package struct ReduceMean: Operator {
    package var axes: [Int]
    package var keepsDimensions: Bool

    package init(axes: [Int], keepsDimensions: Bool) {
        self.axes = axes
        self.keepsDimensions = keepsDimensions
    }

    /// The axes counted from the front, ascending.
    package func resolvedAxes(rank: Int) throws(GraphError) -> [Int] {
        guard !axes.isEmpty else { return Array(0..<rank) }
        try require(axes.count <= Shape.maximumRank, "\(axes.count) axes are over the limit of \(Shape.maximumRank)")
        var resolved: Set<Int> = []
        for axis in axes { resolved.insert(try resolve(axis: axis, rank: rank)) }
        return resolved.sorted()
    }

    package func resultTypes(for operands: [TensorType]) throws(GraphError) -> [TensorType] {
        try requireFloats(operands, count: 1...1)
        let input = operands[0].shape
        try require(input.elementCount > 0, "input \(input) is empty")
        let reduced = Set(try resolvedAxes(rank: input.rank))
        let result = input.dimensions.indices.compactMap { axis -> Int? in
            reduced.contains(axis) ? (keepsDimensions ? 1 : nil) : input[axis]
        }
        return [TensorType(.float32, try shape(result))]
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(integers: axes)
        writer.write(UInt8(keepsDimensions ? 1 : 0))
    }

    package init(from reader: inout ByteReader) throws(TensorError) {
        axes = try reader.readIntegers("axes")
        keepsDimensions = try reader.readFlag("keepsDimensions")
    }
}
