// SPDX-License-Identifier: Apache-2.0
package import Tensors

// Operators that only rename the dimensions of their operand.

/// `Identity`, and `Dropout` in inference.
package struct Identity: Operator {
    /// Whether the model's operator is `Dropout`.
    package var isDropout: Bool

    package init(isDropout: Bool = false) { self.isDropout = isDropout }

    package func resultTypes(for operands: [TensorType]) throws(GraphError) -> [TensorType] {
        try require(operands.count == 1, "takes one operand, found \(operands.count)")
        return operands
    }

    package func encode(into writer: inout ByteWriter) { writer.write(UInt8(isDropout ? 1 : 0)) }
    package init(from reader: inout ByteReader) throws(TensorError) { isDropout = try reader.readFlag("isDropout") }
}

/// `Reshape`: 0 copies the input's dimension, one -1 is inferred.
package struct Reshape: Operator {
    package var dimensions: [Int]

    package init(_ dimensions: [Int]) { self.dimensions = dimensions }

    package func resultTypes(for operands: [TensorType]) throws(GraphError) -> [TensorType] {
        try require(operands.count == 1, "takes one operand, found \(operands.count)")
        let input = operands[0].shape
        var result: [Int] = []
        for (axis, dimension) in dimensions.enumerated() {
            try require((-1...maximumAttribute).contains(dimension), "dimension \(dimension) in \(dimensions)")
            try require(dimension != 0 || axis < input.rank, "dimension \(axis) copies one that \(input) does not have")
            result.append(dimension == 0 ? input[axis] : dimension)
        }
        if let free = result.firstIndex(of: -1) {
            result[free] = 1
            let known = try shape(result).elementCount
            try require(!result.contains(-1), "\(dimensions) leaves more than one dimension open")
            try require(known > 0 && input.elementCount % known == 0, "\(input) does not divide into \(dimensions)")
            result[free] = input.elementCount / known
        }
        let output = try shape(result)
        try require(output.elementCount == input.elementCount, "\(input) cannot become \(dimensions)")
        return [TensorType(operands[0].element, output)]
    }

    package func encode(into writer: inout ByteWriter) { writer.write(integers: dimensions) }
    package init(from reader: inout ByteReader) throws(TensorError) {
        dimensions = try reader.readIntegers("dimensions")
    }
}

/// `Flatten`: to a matrix; rows are the dimensions before `axis`, columns those from it on.
package struct Flatten: Operator {
    package var axis: Int

    package init(axis: Int = 1) { self.axis = axis }

    package func resultTypes(for operands: [TensorType]) throws(GraphError) -> [TensorType] {
        try require(operands.count == 1, "takes one operand, found \(operands.count)")
        let input = operands[0].shape
        try require((-input.rank...input.rank).contains(axis), "axis \(axis) is outside \(input)")
        let split = axis < 0 ? axis + input.rank : axis
        let result = [input.dimensions[..<split].reduce(1, *), input.dimensions[split...].reduce(1, *)]
        return [TensorType(operands[0].element, try shape(result))]
    }

    package func encode(into writer: inout ByteWriter) { writer.write(Int64(axis)) }
    package init(from reader: inout ByteReader) throws(TensorError) { axis = try reader.readInteger("axis") }
}

/// `Squeeze`: removes dimensions of extent 1; all of them when no axis is named.
package struct Squeeze: Operator {
    package var axes: [Int]

    package init(axes: [Int]) { self.axes = axes }

    package func resultTypes(for operands: [TensorType]) throws(GraphError) -> [TensorType] {
        try require(operands.count == 1, "takes one operand, found \(operands.count)")
        let input = operands[0].shape
        var removed = Set(axes.isEmpty ? input.dimensions.indices.filter { input[$0] == 1 } : [])
        for axis in axes {
            let resolved = try resolve(axis: axis, rank: input.rank)
            try require(input[resolved] == 1, "axis \(axis) of \(input) is not 1")
            removed.insert(resolved)
        }
        let result = input.dimensions.indices.filter { !removed.contains($0) }.map { input[$0] }
        return [TensorType(operands[0].element, try shape(result))]
    }

    package func encode(into writer: inout ByteWriter) { writer.write(integers: axes) }
    package init(from reader: inout ByteReader) throws(TensorError) { axes = try reader.readIntegers("axes") }
}

/// `Unsqueeze`: inserts dimensions of extent 1 at these axes of the result.
package struct Unsqueeze: Operator {
    package var axes: [Int]

    package init(axes: [Int]) { self.axes = axes }

    package func resultTypes(for operands: [TensorType]) throws(GraphError) -> [TensorType] {
        try require(operands.count == 1, "takes one operand, found \(operands.count)")
        let input = operands[0].shape
        let rank = input.rank + axes.count
        try require(rank <= Shape.maximumRank, "rank \(rank) is over the limit of \(Shape.maximumRank)")
        var inserted: Set<Int> = []
        for axis in axes {
            let isNew = inserted.insert(try resolve(axis: axis, rank: rank)).inserted
            try require(isNew, "axes \(axes) repeat one")
        }
        var rest = input.dimensions[...]
        let result = (0..<rank).map { inserted.contains($0) ? 1 : rest.removeFirst() }
        return [TensorType(operands[0].element, try shape(result))]
    }

    package func encode(into writer: inout ByteWriter) { writer.write(integers: axes) }
    package init(from reader: inout ByteReader) throws(TensorError) { axes = try reader.readIntegers("axes") }
}
