// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

/// A comparison of two constants, or a logical operation on two conditions.
enum Comparison {
    case equal
    case greater
    case greaterOrEqual
    case less
    case lessOrEqual
    case and
    case or

    func holds<Value: Comparable>(_ a: Value, _ b: Value, zero: Value) -> Bool {
        switch self {
        case .equal: a == b
        case .greater: a > b
        case .greaterOrEqual: a >= b
        case .less: a < b
        case .lessOrEqual: a <= b
        case .and: a != zero && b != zero
        case .or: a != zero || b != zero
        }
    }
}

extension ConstantFolder {
    /// The operand broadcast along dimensions where its extent is 1, or which it lacks.
    static func broadcast(
        _ operand: Tensor, to shape: Shape, budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor {
        let missing = shape.rank - operand.shape.rank
        let own = operand.shape.strides
        let strides = (0..<shape.rank).map { axis in
            axis < missing || operand.shape[axis - missing] == 1 ? 0 : own[axis - missing]
        }
        return try rearrange(
            operand, to: TensorType(operand.element, shape), from: 0, strides: strides, budget: &budget)
    }

    static func compare(
        _ comparison: Comparison, _ a: Tensor, _ b: Tensor, budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor {
        guard a.element == b.element else {
            throw ONNXImportError(.invalidGraph, "operands \(a.type) and \(b.type) differ in type")
        }
        let shape = try common([a.shape, b.shape])
        let (left, right) = (
            try broadcast(a, to: shape, budget: &budget), try broadcast(b, to: shape, budget: &budget)
        )
        func truths<Value: Comparable & BitwiseCopyable>(
            _: Value.Type, _ zero: Value
        ) throws(ONNXImportError) -> Tensor {
            try budget.spend(TensorType(.boolean, shape))
            return left.withElements(as: Value.self) { x in
                right.withElements(as: Value.self) { y in
                    Tensor(type: TensorType(.boolean, shape)) { target in
                        for index in target.indices {
                            target[index] = comparison.holds(x[index], y[index], zero: zero) ? 1 : 0
                        }
                    }
                }
            }
        }
        switch a.element {
        case .float32: return try truths(Float.self, 0)
        case .int64: return try truths(Int64.self, 0)
        case .int32: return try truths(Int32.self, 0)
        case .int8: return try truths(Int8.self, 0)
        case .uint8, .boolean: return try truths(UInt8.self, 0)
        }
    }

    static func not(_ operand: Tensor, budget: inout FoldingBudget) throws(ONNXImportError) -> Tensor {
        guard operand.element == .boolean else {
            throw ONNXImportError(.invalidGraph, "operand \(operand.type) is no condition")
        }
        try budget.spend(operand.type)
        return operand.withBytes { source in
            Tensor(type: operand.type) { target in
                for index in target.indices { target[index] = source[index] == 0 ? 1 : 0 }
            }
        }
    }

    /// Elements of `x` where the condition is true, else of `y`.
    static func choose(
        _ condition: Tensor, _ x: Tensor, _ y: Tensor, budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor {
        guard condition.element == .boolean, x.element == y.element else {
            throw ONNXImportError(.invalidGraph, "\(condition.type) chooses between \(x.type) and \(y.type)")
        }
        let shape = try common([condition.shape, x.shape, y.shape])
        let chooser = try broadcast(condition, to: shape, budget: &budget)
        let (first, second) = (
            try broadcast(x, to: shape, budget: &budget), try broadcast(y, to: shape, budget: &budget)
        )
        try budget.spend(first.type)
        let size = x.element.byteCount
        return chooser.withBytes { chooser in
            first.withBytes { first in
                second.withBytes { second in
                    Tensor(type: TensorType(x.element, shape)) { target in
                        for index in target.indices {
                            target[index] = chooser[index / size] != 0 ? first[index] : second[index]
                        }
                    }
                }
            }
        }
    }

    /// start, start + step, … before `limit`.
    static func range(
        _ start: Tensor, _ limit: Tensor, _ step: Tensor, budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor {
        let element = start.element
        guard [start, limit, step].allSatisfy({ $0.shape.elementCount == 1 && $0.element == element }) else {
            throw ONNXImportError(.invalidGraph, "a range takes 3 numbers of one type")
        }
        switch element {
        case .float32:
            let bounds = [start, limit, step].map { $0.withElements(as: Float.self) { $0[0] } }
            let count = ((Double(bounds[1]) - Double(bounds[0])) / Double(bounds[2])).rounded(.up)
            let type = TensorType(element, try Self.list(max(count, 0)))
            try budget.spend(type)
            return try tensor(type, (0..<type.shape.elementCount).map { bounds[0] + Float($0) * bounds[2] })
        case .int64, .int32:
            let bounds = [start, limit, step].map { tensor in
                element == .int64
                    ? tensor.withElements(as: Int64.self) { $0[0] }
                    : tensor.withElements(as: Int32.self) { Int64($0[0]) }
            }
            guard bounds[2] != 0, bounds.allSatisfy({ abs(Double($0)) < 1e15 }) else {
                throw ONNXImportError(.invalidGraph, "a range from \(bounds[0]) to \(bounds[1]) by \(bounds[2])")
            }
            let count = (Double(bounds[1] - bounds[0]) / Double(bounds[2])).rounded(.up)
            let type = TensorType(element, try Self.list(max(count, 0)))
            try budget.spend(type)
            let values = (0..<type.shape.elementCount).map { bounds[0] + Int64($0) * bounds[2] }
            return element == .int64
                ? try tensor(type, values) : try tensor(type, values.map { Int32(truncatingIfNeeded: $0) })
        case .uint8, .int8, .boolean:
            throw ONNXImportError(.unsupported, "a range of \(element) is not supported")
        }
    }

    private static func list(_ count: Double) throws(ONNXImportError) -> Shape {
        guard let extent = Int(exactly: count) else {
            throw ONNXImportError(.invalidGraph, "a range of \(count) numbers")
        }
        do throws(TensorError) { return try Shape([extent]) } catch {
            throw ONNXImportError(.invalidGraph, error.message)
        }
    }

    private static func tensor<Value: BitwiseCopyable>(
        _ type: TensorType, _ values: [Value]
    ) throws(ONNXImportError) -> Tensor {
        try checked { () throws(TensorError) in try Tensor(type, values) }
    }

    private static func common(_ shapes: [Shape]) throws(ONNXImportError) -> Shape {
        var result = shapes[0]
        do throws(GraphError) {
            for shape in shapes.dropFirst() { result = try Arithmetic.broadcast(result, shape) }
        } catch { throw ONNXImportError(.invalidGraph, error.message) }
        return result
    }
}
