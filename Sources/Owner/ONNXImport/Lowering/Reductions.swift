// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

extension ImportedNode {
    /// Functions applied to the elements before the reduction, and to the result.
    enum ReductionForm {
        case plain
        case magnitudes
        case squares
        case rootOfSquares
    }

    /// Axes are an attribute before operator set `inputSince`, and an input from it on.
    mutating func reduction(
        _ function: Reduction.Function, axesAreInputSince inputSince: Int, _ form: ReductionForm = .plain
    ) throws(ONNXImportError) -> Lowered {
        let keeps = try flag("keepdims", default: true)
        let axes: [Int]
        if opset < inputSince {
            axes = try integers("axes") ?? []
        } else {
            axes = try constantIntegers(1, "axes") ?? []
            if try flag("noop_with_empty_axes"), axes.isEmpty {
                return .operation(.identity(Identity()), operands: [try input(0)])
            }
        }
        let reduction = Reduction(function, axes: try checked(axes), keepsDimensions: keeps)
        return try expansion { (steps) throws(ONNXImportError) in
            var x = try source(0)
            switch form {
            case .plain: break
            case .magnitudes: x = steps.add(.absolute, x)
            case .squares, .rootOfSquares: x = steps.add(.multiply, x, x)
            }
            let result = steps.add(.reduction(reduction), x)
            return form == .rootOfSquares ? steps.add(.squareRoot, result) : result
        }
    }

    /// A product of halves of each axis, until one element is left.
    mutating func reduceProduct() throws(ONNXImportError) -> Lowered {
        let keeps = try flag("keepdims", default: true)
        let shape = try shape(0)
        let stated = try opset < 18 ? integers("axes") : constantIntegers(1, "axes")
        if opset >= 18, try flag("noop_with_empty_axes"), stated?.isEmpty ?? true {
            return .operation(.identity(Identity()), operands: [try input(0)])
        }
        let axes = try stated.map { (axes) throws(ONNXImportError) in try resolved(axes, shape.rank) } ?? []
        let reduced = axes.isEmpty ? Array(0..<shape.rank) : Set(axes).sorted()
        try require(reduced.allSatisfy { shape[$0] > 0 }, .unsupported, "a product of no elements of \(shape)")
        return try expansion { (steps) throws(ONNXImportError) in
            var x = try source(0)
            for axis in reduced {
                var extent = shape[axis]
                func part(_ start: Int, _ end: Int) -> Expansion.Source {
                    steps.add(.slice(Slice(starts: [start], ends: [end], axes: [axis], steps: [1])), x)
                }
                while extent > 1 {
                    let half = extent / 2
                    let product = steps.add(.multiply, part(0, half), part(half, 2 * half))
                    x =
                        extent % 2 == 0
                        ? product : steps.add(.concat(Concat(axis: axis)), product, part(2 * half, extent))
                    extent = half + extent % 2
                }
            }
            if !keeps, !reduced.isEmpty { x = steps.add(.squeeze(Squeeze(axes: reduced)), x) }
            return steps.steps.isEmpty ? steps.add(.identity(Identity()), x) : x
        }
    }

    /// x - max - log(sum(exp(x - max))). Before opset 13, all dimensions from `axis` on are taken together.
    mutating func logSoftmax() throws(ONNXImportError) -> Lowered {
        let shape = try shape(0)
        let axis = try axis(default: opset < 13 ? 1 : -1, rank: shape.rank)
        let flattens = opset < 13 && axis < shape.rank - 1
        return try expansion { (steps) throws(ONNXImportError) in
            var x = try source(0)
            if flattens { x = steps.add(.flatten(Flatten(axis: axis)), x) }
            let axes = [flattens ? 1 : axis]
            let largest = steps.add(.reduction(Reduction(.maximum, axes: axes, keepsDimensions: true)), x)
            let shifted = steps.add(.subtract, x, largest)
            let sum = steps.add(
                .reduction(Reduction(.sum, axes: axes, keepsDimensions: true)), steps.add(.exponential, shifted))
            let result = steps.add(.subtract, shifted, steps.add(.logarithm, sum))
            return flattens ? steps.add(.reshape(Reshape(shape.dimensions)), result) : result
        }
    }
}
