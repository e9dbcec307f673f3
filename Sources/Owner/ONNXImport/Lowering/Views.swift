// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

// Operators that change the shape only.

extension ImportedNode {
    mutating func flatten() throws(ONNXImportError) -> Lowered {
        .operation(.flatten(Flatten(axis: try integer("axis") ?? 1)), operands: try inputs(1...1))
    }

    mutating func reshape() throws(ONNXImportError) -> Lowered {
        let operand = try shape(0)
        guard var dimensions = try constantIntegers(1, "shape") else {
            throw failure(.invalidGraph, "the shape is missing")
        }
        try require(dimensions.count <= Shape.maximumRank, "\(dimensions.count) dimensions")
        if opset >= 14, try flag("allowzero"), dimensions.contains(0) {
            // An extent of 0 itself, as for a dynamic dimension of an empty tensor.
            try require(
                operand.elementCount == 0 && !dimensions.contains(-1) && dimensions.filter { $0 == 0 }.count == 1,
                .unsupported, "\(operand) to \(dimensions) with allowzero")
            dimensions = dimensions.map { $0 == 0 ? -1 : $0 }
        } else if let batch = operand.dimensions.first, dimensions.first == batch, batch > 0 {
            // The same result here, and correct for other batch sizes, too.
            dimensions[0] = 0
        }
        return .operation(.reshape(Reshape(dimensions)), operands: [try input(0)])
    }

    /// Axes are an attribute before opset 13, an input since.
    mutating func squeeze() throws(ONNXImportError) -> Lowered {
        let axes = opset < 13 ? try integers("axes") : try constantIntegers(1, "axes")
        return .operation(.squeeze(Squeeze(axes: try checked(axes ?? []))), operands: [try input(0)])
    }

    mutating func unsqueeze() throws(ONNXImportError) -> Lowered {
        guard let axes = opset < 13 ? try integers("axes") : try constantIntegers(1, "axes") else {
            throw failure(.malformed, "the axes are missing")
        }
        return .operation(.unsqueeze(Unsqueeze(axes: try checked(axes))), operands: [try input(0)])
    }

    mutating func transpose() throws(ONNXImportError) -> Lowered {
        let rank = try shape(0).rank
        let permutation = try integers("perm") ?? Array((0..<rank).reversed())
        return .operation(.transpose(Transpose(try checked(permutation))), operands: try inputs(1...1))
    }

    /// A list with at most one entry per dimension.
    func checked(_ axes: [Int]) throws(ONNXImportError) -> [Int] {
        try require(axes.count <= Shape.maximumRank, "\(axes.count) axes are over the limit of \(Shape.maximumRank)")
        return axes
    }
}
