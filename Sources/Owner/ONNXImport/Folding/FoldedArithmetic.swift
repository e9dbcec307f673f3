// SPDX-License-Identifier: Apache-2.0
import Foundation
import ModelGraph
import Tensors

extension ConstantFolder {
    /// Arithmetic with broadcasting on float32, int32 or int64.
    ///
    /// - Throws: ``ONNXImportError`` for other types, and for integers that overflow or divide by 0.
    static func compute(
        _ function: Arithmetic.Function, _ a: Tensor, _ b: Tensor, budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor {
        guard a.element == b.element else {
            throw ONNXImportError(.invalidGraph, "operands \(a.type) and \(b.type) differ in type")
        }
        let shape: Shape
        do throws(GraphError) { shape = try Arithmetic.broadcast(a.shape, b.shape) } catch {
            throw ONNXImportError(.invalidGraph, error.message)
        }
        let type = TensorType(a.element, shape)
        try budget.spend(type)
        if function == .power { try budget.spend(steps: shape.elementCount.multipliedClamping(by: 8)) }
        switch a.element {
        case .float32:
            return try elementwise(a, b, type, Float.self) { (x, y) throws(ONNXImportError) in
                switch function {
                case .add: x + y
                case .subtract: x - y
                case .multiply: x * y
                case .divide: x / y
                case .maximum: max(x, y)
                case .minimum: min(x, y)
                case .power: Float(pow(Double(x), Double(y)))
                case .equal: x == y ? 1 : 0
                case .greater: x > y ? 1 : 0
                case .greaterOrEqual: x >= y ? 1 : 0
                case .keep: y != 0 ? x : 0
                }
            }
        case .int64:
            return try elementwise(a, b, type, Int64.self) { (x, y) throws(ONNXImportError) in try exact(function, x, y)
            }
        case .int32:
            return try elementwise(a, b, type, Int32.self) { (x, y) throws(ONNXImportError) in try exact(function, x, y)
            }
        case .int8:
            return try elementwise(a, b, type, Int8.self) { (x, y) throws(ONNXImportError) in
                try exact(function, x, y, wraps: true)
            }
        case .uint8, .boolean:
            return try elementwise(a, b, type, UInt8.self) { (x, y) throws(ONNXImportError) in
                try exact(function, x, y, wraps: true)
            }
        }
    }

    /// - Parameter wraps: Whether sums, differences, products and quotients keep their lowest bits, as ONNX defines
    ///   for 8 bits; otherwise results that overflow are refused.
    private static func exact<Value: FixedWidthInteger>(
        _ function: Arithmetic.Function, _ x: Value, _ y: Value, wraps: Bool = false
    ) throws(ONNXImportError) -> Value {
        let (result, overflow) =
            switch function {
            case .add: x.addingReportingOverflow(y)
            case .subtract: x.subtractingReportingOverflow(y)
            case .multiply: x.multipliedReportingOverflow(by: y)
            // Rounded toward zero, as ONNX defines.
            case .divide: x.dividedReportingOverflow(by: y)
            case .maximum: (max(x, y), false)
            case .minimum: (min(x, y), false)
            case .power: power(x, y)
            case .equal: (x == y ? 1 : 0, false)
            case .greater: (x > y ? 1 : 0, false)
            case .greaterOrEqual: (x >= y ? 1 : 0, false)
            case .keep: (y != 0 ? x : 0, false)
            }
        guard !overflow || wraps && function != .power && !(function == .divide && y == 0) else {
            throw ONNXImportError(.invalidGraph, "\(x) and \(y) overflow, or divide by 0, in constant arithmetic")
        }
        return result
    }

    private static func power<Value: FixedWidthInteger>(_ x: Value, _ y: Value) -> (Value, Bool) {
        guard y >= 0, y <= 64 || (x >= -1 && x <= 1) else { return (0, true) }
        var result: Value = 1
        // The sign of a power of -1 follows the parity.
        for _ in 0..<(y <= 64 ? y : 2 - y % 2) {
            let (product, overflow) = result.multipliedReportingOverflow(by: x)
            if overflow { return (0, true) }
            result = product
        }
        return (result, false)
    }

    private static func elementwise<Value: BitwiseCopyable>(
        _ a: Tensor, _ b: Tensor, _ type: TensorType, _: Value.Type,
        _ body: (Value, Value) throws(ONNXImportError) -> Value
    ) throws(ONNXImportError) -> Tensor {
        var (left, right) = (broadcastWalk(a.shape, type.shape), broadcastWalk(b.shape, type.shape))
        return try a.withElements(as: Value.self) { (x) throws(ONNXImportError) in
            try b.withElements(as: Value.self) { (y) throws(ONNXImportError) in
                try Tensor(type: type) { (bytes) throws(ONNXImportError) in
                    let target = bytes.bindMemory(to: Value.self)
                    for index in target.indices {
                        target[index] = try body(x[left.next()], y[right.next()])
                    }
                }
            }
        }
    }

    /// Element positions of an operand that broadcasts to a larger shape.
    private static func broadcastWalk(_ operand: Shape, _ result: Shape) -> StridedWalk {
        let missing = result.rank - operand.rank
        let strides = (0..<result.rank).map { axis in
            axis < missing || operand[axis - missing] == 1 ? 0 : operand.strides[axis - missing]
        }
        return StridedWalk(result, strides: strides)
    }
}
