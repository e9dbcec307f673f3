// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

// Normalisations that are expressed with reductions, and functions of later operator sets.

extension ImportedNode {
    /// Divides by the norm along an axis.
    mutating func normNormalization() throws(ONNXImportError) -> Lowered {
        let shape = try shape(0)
        let axis = try axis(default: -1, rank: shape.rank)
        let p = try integer("p") ?? 2
        try require(p == 1 || p == 2, .unsupported, "p is \(p), expected 1 or 2")
        return try expansion { (steps) throws(ONNXImportError) in
            let x = try source(0)
            let sum = Reduction(.sum, axes: [axis], keepsDimensions: true)
            let powers = p == 1 ? steps.add(.absolute, x) : steps.add(.multiply, x, x)
            var norm = steps.add(.reduction(sum), powers)
            if p == 2 { norm = steps.add(.squareRoot, norm) }
            // Where the norm is 0, the result is 0.
            return steps.add(.divide, x, steps.add(.maximum, norm, try number(1e-30)))
        }
    }

    mutating func meanVarianceNormalization() throws(ONNXImportError) -> Lowered {
        let axes = try resolved(try integers("axes") ?? [0, 2, 3], shape(0).rank)
        let mean = Operation.reduceMean(ReduceMean(axes: axes, keepsDimensions: true))
        return try expansion { (steps) throws(ONNXImportError) in
            let centred = steps.add(.subtract, try source(0), steps.add(mean, try source(0)))
            let variance = steps.add(mean, steps.add(.multiply, centred, centred))
            return steps.add(.divide, centred, steps.add(.add, steps.add(.squareRoot, variance), try number(1e-9)))
        }
    }

    /// x / sqrt(mean(x²) + epsilon) * scale, over the axes from `axis` on.
    mutating func rootMeanSquareNormalization() throws(ONNXImportError) -> Lowered {
        let shape = try shape(0)
        let axis = try axis(default: -1, rank: shape.rank)
        let epsilon = try float("epsilon") ?? 1e-5
        ignore("stash_type")
        let mean = ReduceMean(axes: Array(axis..<shape.rank), keepsDimensions: true)
        return try expansion { (steps) throws(ONNXImportError) in
            let x = try source(0)
            let squares = steps.add(.reduceMean(mean), steps.add(.multiply, x, x))
            let deviation = steps.add(.squareRoot, steps.add(.add, squares, try number(epsilon)))
            return steps.add(.multiply, steps.add(.divide, x, deviation), try source(1))
        }
    }

    /// x * sigmoid(alpha * x)
    mutating func swish() throws(ONNXImportError) -> Lowered {
        let alpha = try float("alpha") ?? 1
        return try expansion { (steps) throws(ONNXImportError) in
            let x = try source(0)
            let scaled = alpha == 1 ? x : steps.add(.multiply, x, try number(alpha))
            return steps.add(.multiply, x, steps.add(.sigmoid, scaled))
        }
    }

    /// Swish of the first operand times the second.
    mutating func gatedSwish() throws(ONNXImportError) -> Lowered {
        let alpha = try float("alpha") ?? 1
        _ = try inputs(2...2)
        return try expansion { (steps) throws(ONNXImportError) in
            let gate = try source(0)
            let scaled = alpha == 1 ? gate : steps.add(.multiply, gate, try number(alpha))
            let open = steps.add(.multiply, gate, steps.add(.sigmoid, scaled))
            return steps.add(.multiply, open, try source(1))
        }
    }

    /// 0 if |x| is at most `lambd`, else x moved towards 0 by `bias`.
    mutating func shrink() throws(ONNXImportError) -> Lowered {
        let (bias, limit) = (try float("bias") ?? 0, try float("lambd") ?? 0.5)
        return try expansion { (steps) throws(ONNXImportError) in
            let x = try source(0)
            let above = steps.add(.greater, x, try number(limit))
            let below = steps.add(.greater, try number(-limit), x)
            return steps.add(
                .add, steps.add(.multiply, steps.add(.subtract, x, try number(bias)), above),
                steps.add(.multiply, steps.add(.add, x, try number(bias)), below))
        }
    }

    /// The logarithm of a sum, or of a sum of exponentials, which subtracts the maximum first.
    mutating func logarithmOfSum(exponentials: Bool) throws(ONNXImportError) -> Lowered {
        let keeps = try flag("keepdims", default: true)
        let axes = try checked((opset < 18 ? try integers("axes") : try constantIntegers(1, "axes")) ?? [])
        if opset >= 18, try flag("noop_with_empty_axes"), axes.isEmpty {
            return .operation(.identity(Identity()), operands: [try input(0)])
        }
        let sum = Operation.reduction(Reduction(.sum, axes: axes, keepsDimensions: keeps))
        return try expansion { (steps) throws(ONNXImportError) in
            guard exponentials else { return steps.add(.logarithm, steps.add(sum, try source(0))) }
            let x = try source(0)
            let largest = Reduction(.maximum, axes: axes, keepsDimensions: true)
            let shifted = steps.add(.subtract, x, steps.add(.reduction(largest), x))
            let rest = steps.add(.logarithm, steps.add(sum, steps.add(.exponential, shifted)))
            let top = steps.add(.reduction(Reduction(.maximum, axes: axes, keepsDimensions: keeps)), x)
            return steps.add(.add, rest, top)
        }
    }

    /// The p-th root of the sum of p-th powers over all spatial positions.
    mutating func globalLpPool() throws(ONNXImportError) -> Lowered {
        let p = try integer("p") ?? 2
        let shape = try shape(0)
        try require((1...64).contains(p) && shape.rank >= 3, .unsupported, "p is \(p) on \(shape)")
        let sum = Operation.reduction(Reduction(.sum, axes: Array(2..<shape.rank), keepsDimensions: true))
        return try expansion { (steps) throws(ONNXImportError) in
            let magnitude = steps.add(.absolute, try source(0))
            let powers = p == 1 ? magnitude : steps.add(.power, magnitude, try number(Float(p)))
            let total = steps.add(sum, powers)
            return p == 1 ? total : steps.add(.power, total, try number(1 / Float(p)))
        }
    }

    /// The remainder of a division, with the sign of the divisor, or of the dividend with `fmod`.
    mutating func modulo() throws(ONNXImportError) -> Lowered {
        let isC = try flag("fmod")
        return try expansion { (steps) throws(ONNXImportError) in
            let (x, y) = (try source(0), try source(1))
            let quotient = steps.add(.divide, x, y)
            let whole = isC ? steps.truncated(quotient, minusOne: try number(-1)) : steps.add(.floor, quotient)
            return steps.add(.subtract, x, steps.add(.multiply, y, whole))
        }
    }
}
