// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

// Element-wise functions that several graph nodes express.

extension ImportedNode {
    /// alpha * elu(x / alpha)
    mutating func celu() throws(ONNXImportError) -> Lowered {
        let alpha = try float("alpha") ?? 1
        return try expansion { (steps) throws(ONNXImportError) in
            let scaled = steps.add(.divide, try source(0), try number(alpha))
            return steps.add(.multiply, steps.add(.elu, scaled, alpha: 1), try number(alpha))
        }
    }

    /// gamma * elu(x)
    mutating func selu() throws(ONNXImportError) -> Lowered {
        let (alpha, gamma) = (try float("alpha") ?? 1.673_263_2, try float("gamma") ?? 1.050_701)
        return try expansion { (steps) throws(ONNXImportError) in
            steps.add(.multiply, steps.add(.elu, try source(0), alpha: alpha), try number(gamma))
        }
    }

    /// x / (1 + |x|)
    mutating func softsign() throws(ONNXImportError) -> Lowered {
        try expansion { (steps) throws(ONNXImportError) in
            let magnitude = steps.add(.add, steps.add(.absolute, try source(0)), try number(1))
            return steps.add(.divide, try source(0), magnitude)
        }
    }

    mutating func reciprocal() throws(ONNXImportError) -> Lowered {
        try expansion { (steps) throws(ONNXImportError) in steps.add(.divide, try number(1), try source(0)) }
    }

    mutating func negation() throws(ONNXImportError) -> Lowered {
        let minusOne: Expansion.Source
        if try type(0).element == .int64 {
            do throws(TensorError) { minusOne = .constant(try Tensor([Int64(-1)], shape: [])) } catch {
                throw failure(.invalidGraph, error.message)
            }
        } else {
            minusOne = try number(-1)
        }
        return try expansion { (steps) throws(ONNXImportError) in steps.add(.multiply, try source(0), minusOne) }
    }

    /// max(x, 0) + slope * min(x, 0). Before opset 7 a slope of several values has one value per channel.
    mutating func prelu() throws(ONNXImportError) -> Lowered {
        let (x, slope) = (try shape(0), try shape(1))
        return try expansion { (steps) throws(ONNXImportError) in
            var slopes = try source(1)
            if opset < 7, slope.elementCount > 1, x.rank > 2 {
                slopes = steps.add(.unsqueeze(Unsqueeze(axes: Array(1...x.rank - 2))), slopes)
            }
            let below = steps.add(.minimum, try source(0), try number(0))
            return steps.add(.add, steps.add(.relu, try source(0)), steps.add(.multiply, below, slopes))
        }
    }

    mutating func gelu() throws(ONNXImportError) -> Lowered {
        switch try text("approximate") ?? "none" {
        case "none": return try activation(.gelu)
        case "tanh": return try activation(.geluTanh)
        case let other: throw failure(.malformed, "attribute 'approximate' is '\(other.prefix(40))'")
        }
    }

    /// Squares and square roots, the most common cases, have faster nodes of their own.
    mutating func power() throws(ONNXImportError) -> Lowered {
        if let exponent = operand(1)?.constant?.tensor, exponent.element == .float32, exponent.shape.rank <= 1,
            exponent.shape.elementCount == 1, try type(0).element == .float32, try shape(0).rank >= exponent.shape.rank
        {
            let value = exponent.withElements(as: Float.self) { $0[0] }
            let x = try input(0)
            if value == 2 { return .operation(.arithmetic(Arithmetic(.multiply)), operands: [x, x]) }
            if value == 0.5 { return .operation(.activation(Activation(.squareRoot)), operands: [x]) }
        }
        return try arithmetic(.power)
    }

    /// A function of any number of operands, as a chain of binary nodes.
    mutating func variadic(
        _ function: Arithmetic.Function, isMean: Bool = false
    ) throws(ONNXImportError) -> Lowered {
        let names = try inputs(1...Int.max)
        guard names.count > 1 else { return .operation(.identity(Identity()), operands: names) }
        return try expansion { (steps) throws(ONNXImportError) in
            var result = Expansion.Source.value(names[0])
            for name in names.dropFirst() { result = steps.add(function, result, .value(name)) }
            return isMean ? steps.add(.divide, result, try number(Float(names.count))) : result
        }
    }
}
