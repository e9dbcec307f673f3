// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import ONNXFormat
import Tensors

// Conditions and selections. A condition that depends on the image is represented as 0 or 1 in float32, an integer as a
// float of its value, exact up to 2^24.

extension ImportedNode {
    /// Compares two operands.
    mutating func comparison(_ comparison: Comparison) throws(ONNXImportError) -> Lowered {
        _ = try inputs(2...2)
        if let a = operand(0)?.constant?.tensor, let b = operand(1)?.constant?.tensor {
            return .constant(Constant(try ConstantFolder.compare(comparison, a, b, budget: &budget)))
        }
        isInteger = true
        return try expansion { (steps) throws(ONNXImportError) in
            let (a, b) = (try source(0), try source(1))
            return switch comparison {
            case .equal: steps.add(.equal, a, b)
            case .greater: steps.add(.greater, a, b)
            case .greaterOrEqual: steps.add(.greaterOrEqual, a, b)
            case .less: steps.add(.greater, b, a)
            case .lessOrEqual: steps.add(.greaterOrEqual, b, a)
            case .and: steps.add(.multiply, a, b)
            case .or: steps.add(.maximum, a, b)
            }
        }
    }

    mutating func not() throws(ONNXImportError) -> Lowered {
        _ = try inputs(1...1)
        if let operand = operand(0)?.constant?.tensor {
            return .constant(Constant(try ConstantFolder.not(operand, budget: &budget)))
        }
        isInteger = true
        return try expansion { (steps) throws(ONNXImportError) in
            steps.add(.subtract, try number(1), try source(0))
        }
    }

    mutating func exclusiveOr() throws(ONNXImportError) -> Lowered {
        _ = try inputs(2...2)
        isInteger = true
        return try expansion { (steps) throws(ONNXImportError) in
            steps.add(.absolute, steps.add(.subtract, try source(0), try source(1)))
        }
    }

    mutating func isNotANumber() throws(ONNXImportError) -> Lowered {
        isInteger = true
        return try expansion { (steps) throws(ONNXImportError) in
            steps.add(.subtract, try number(1), steps.add(.equal, try source(0), try source(0)))
        }
    }

    mutating func isInfinite() throws(ONNXImportError) -> Lowered {
        let (negative, positive) = (
            try flag("detect_negative", default: true), try flag("detect_positive", default: true)
        )
        isInteger = true
        return try expansion { (steps) throws(ONNXImportError) in
            var x = try source(0)
            if negative && positive { x = steps.add(.absolute, x) }
            if negative && !positive { x = steps.add(.multiply, x, try number(-1)) }
            return steps.add(.equal, x, try number(.infinity))
        }
    }

    /// -1, 0 or 1.
    mutating func sign() throws(ONNXImportError) -> Lowered {
        try expansion { (steps) throws(ONNXImportError) in
            let (x, zero) = (try source(0), try number(0))
            return steps.add(.subtract, steps.add(.greater, x, zero), steps.add(.greater, zero, x))
        }
    }

    /// Elements of the second operand where the first is true, else of the third.
    mutating func choice() throws(ONNXImportError) -> Lowered {
        _ = try inputs(3...3)
        let known = [0, 1, 2].map { operand($0)?.constant?.tensor }
        if let condition = known[0], let x = known[1], let y = known[2] {
            return .constant(Constant(try ConstantFolder.choose(condition, x, y, budget: &budget)))
        }
        do throws(GraphError) {
            let shapes = operands.compactMap { $0?.type?.shape }
            if shapes.count == 3 {
                _ = try Arithmetic.broadcast(shapes[0], try Arithmetic.broadcast(shapes[1], shapes[2]))
            }
        } catch { throw failure(.invalidGraph, error.message) }
        // A value that is not chosen may be infinite or NaN, such as the logarithm of a negative number.
        guard let condition = known[0] else {
            return try expansion { (steps) throws(ONNXImportError) in
                let chosen = steps.add(.keep, try source(1), try source(0))
                let others = steps.add(.subtract, try number(1), try source(0))
                return steps.add(.add, chosen, steps.add(.keep, try source(2), others))
            }
        }
        // A choice between constants is made at import.
        func part(
            _ steps: inout Expansion, _ index: Int, _ condition: Tensor
        ) throws(ONNXImportError) -> Expansion.Source {
            guard let tensor = known[index] else {
                let mask = try ConstantFolder.cast(Constant(condition), to: .float32, budget: &budget)
                return steps.add(.keep, try source(index), .constant(mask))
            }
            let zero = try ConstantFolder.tensor(
                TensorType(.float32, try ConstantFolder.shape([])), [0.0], budget: &budget)
            let value = try ConstantFolder.cast(Constant(tensor), to: .float32, budget: &budget)
            return .constant(try ConstantFolder.choose(condition, value, zero, budget: &budget))
        }
        let others = try ConstantFolder.not(condition, budget: &budget)
        var steps = Expansion()
        let (x, y) = (try part(&steps, 1, condition), try part(&steps, 2, others))
        steps.outputs = [steps.add(.add, x, y)]
        return .expansion(steps)
    }

    /// Conversion between types. Values that depend on the image stay float32: conversion to an integer rounds toward
    /// zero.
    mutating func cast() throws(ONNXImportError) -> Lowered {
        ignore("saturate")
        ignore("round_mode")
        guard let code = try integer("to"), let code = Int32(exactly: code) else {
            throw failure(.malformed, "attribute 'to' is missing")
        }
        return try cast(to: code)
    }

    /// Conversion to the type of the second operand, whose values are not used.
    mutating func castLike() throws(ONNXImportError) -> Lowered {
        ignore("saturate")
        ignore("round_mode")
        _ = try inputs(2...2)
        let (like, element) = (operand(1), try type(1).element)
        if let narrow = like?.constant?.narrow { return try cast(to: Int32(narrow.rawValue)) }
        let type: ONNXTensorProto.DataType =
            switch element {
            case .float32: like?.isCarried == true ? .int64 : .float
            case .int64: .int64
            case .int32: .int32
            case .uint8: .uint8
            case .int8: .int8
            case .boolean: .bool
            }
        return try cast(to: Int32(type.rawValue))
    }

    mutating func cast(to code: Int32) throws(ONNXImportError) -> Lowered {
        guard let target = ONNXElement(code) else {
            throw failure(.unsupported, "a cast to \(ONNXElement.name(code)) is not supported")
        }
        if let constant = operand(0)?.constant {
            if target.wraps, constant.tensor.element != target.element || target.narrow != nil {
                return .constant(try ConstantFolder.wrapped(constant.tensor, to: target, budget: &budget))
            }
            let tensor = try ConstantFolder.cast(constant, to: target.element, budget: &budget)
            return .constant(Constant(tensor, narrow: target.narrow))
        }
        guard target.element != .float32 else { return try floats() }
        let wasInteger = operand(0)?.isInteger ?? false
        isInteger = true
        if target.element == .boolean {
            return try expansion { (steps) throws(ONNXImportError) in
                steps.add(.subtract, try number(1), steps.add(.equal, try source(0), try number(0)))
            }
        }
        return try expansion { (steps) throws(ONNXImportError) in
            var x = try source(0)
            if !wasInteger { x = steps.truncated(x, minusOne: try number(-1)) }
            let element = try type(0).element
            let leaves8Bits = (element == .uint8 || element == .int8) && element != target.element
            if leaves8Bits { x = try unscaled(&steps, 0) }
            // Numbers that 8 or 16 bits do not have are refused where the result's limits are known.
            guard let range = target.range, !target.wraps else {
                return wasInteger && !leaves8Bits ? steps.add(.identity(Identity()), x) : x
            }
            return steps.add(
                .activation(Activation(.clip, alpha: Float(range.lowerBound), beta: Float(range.upperBound))), x)
        }
    }

    /// The operand as float32.
    func floats() throws(ONNXImportError) -> Lowered {
        try expansion { (steps) throws(ONNXImportError) in
            guard try type(0).element != .float32 else { return steps.add(.identity(Identity()), try source(0)) }
            return try unscaled(&steps, 0)
        }
    }

    /// 8-bit or 32-bit integers of the graph as floats.
    func unscaled(_ steps: inout Expansion, _ index: Int) throws(ONNXImportError) -> Expansion.Source {
        let element = try type(index).element
        let zero = Tensor(type: TensorType(element, try ConstantFolder.shape([]))) { _ in }
        return steps.add(
            .dequantizeLinear(DequantizeLinear(axis: 0)), try source(index), try number(1), .constant(zero))
    }
}

extension Expansion {
    /// Rounded toward zero.
    mutating func truncated(_ x: Source, minusOne: Source) -> Source {
        let positive = add(.floor, add(.relu, x))
        let negative = add(.floor, add(.relu, add(.multiply, x, minusOne)))
        return add(.subtract, positive, negative)
    }
}
