// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

// Operators that normalise or average over dimensions.

extension ImportedNode {
    mutating func batchNormalization() throws(ONNXImportError) -> Lowered {
        let epsilon = try float("epsilon") ?? 1e-5
        // Only for updating the statistics in training.
        ignore("momentum")
        if opset < 7 { ignore("is_test") }
        if opset < 9 {
            try require(
                try flag("spatial", default: true), .unsupported,
                "statistics per element (spatial = 0) are not supported")
        }
        if opset >= 14 {
            try require(!(try flag("training_mode")), .unsupported, RefusedOperators.trains)
        }
        return .operation(.batchNormalization(BatchNormalization(epsilon: epsilon)), operands: try inputs(5...5))
    }

    /// Before opset 13, all dimensions from `axis` on are normalised together.
    mutating func softmax() throws(ONNXImportError) -> Lowered {
        let shape = try shape(0)
        let axis = try integer("axis") ?? (opset < 13 ? 1 : -1)
        try require(axis >= -shape.rank && axis < shape.rank, "axis \(axis) is outside \(shape)")
        let first = axis < 0 ? axis + shape.rank : axis
        let tail = shape.dimensions.dropFirst(first + 1)
        let softmax = Softmax(axis: first, flattensTail: opset < 13 && !tail.allSatisfy { $0 == 1 })
        return .operation(.softmax(softmax), operands: try inputs(1...1))
    }

    mutating func localResponseNormalization() throws(ONNXImportError) -> Lowered {
        guard let size = try integer("size") else { throw failure(.malformed, "attribute 'size' is missing") }
        let normalization = LocalResponseNormalization(
            size: size, alpha: try float("alpha") ?? 1e-4, beta: try float("beta") ?? 0.75,
            bias: try float("bias") ?? 1)
        return .operation(.localResponseNormalization(normalization), operands: try inputs(1...1))
    }

    /// Axes are an attribute before opset 18, an input since.
    mutating func reduceMean() throws(ONNXImportError) -> Lowered {
        let keeps = try flag("keepdims", default: true)
        let axes: [Int]
        if opset < 18 {
            axes = try integers("axes") ?? []
        } else {
            axes = try constantIntegers(1, "axes") ?? []
            if try flag("noop_with_empty_axes"), axes.isEmpty {
                return .operation(.identity(Identity()), operands: [try input(0)])
            }
        }
        return .operation(
            .reduceMean(ReduceMean(axes: try checked(axes), keepsDimensions: keeps)), operands: [try input(0)])
    }
}
