// SPDX-License-Identifier: Apache-2.0
import Tensors

extension ConstantFolder {
    /// The constant's values in another type: rounded toward zero to integers, rounded to float32, "is not 0" to
    /// booleans.
    ///
    /// - Throws: ``ONNXImportError`` for a number that the type cannot represent.
    static func cast(
        _ constant: Constant, to element: ElementType, budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor {
        let tensor = constant.tensor
        switch tensor.element {
        case element: return tensor
        case .float32: return try convert(try list(tensor, Float.self), tensor.shape, to: element, budget: &budget)
        case .int64: return try convert(try list(tensor, Int64.self), tensor.shape, to: element, budget: &budget)
        case .int32: return try convert(try list(tensor, Int32.self), tensor.shape, to: element, budget: &budget)
        case .int8: return try convert(try list(tensor, Int8.self), tensor.shape, to: element, budget: &budget)
        case .uint8, .boolean:
            return try convert(try list(tensor, UInt8.self), tensor.shape, to: element, budget: &budget)
        }
    }

    /// The lowest bits of integers, and of floats after they were rounded toward zero to 32 bits, as processors convert
    /// them: what 32 bits do not have becomes 0.
    ///
    /// - Parameter type: Of 8 or 16 bits.
    static func wrapped(
        _ tensor: Tensor, to type: ONNXElement, budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Constant {
        guard let range = type.range, type.wraps else {
            throw ONNXImportError(.unsupported, "a cast to \(type.element) keeps no lowest bits")
        }
        try budget.spend(numbers: tensor.shape.elementCount)
        let integers: [Int64] =
            tensor.isFloat
            ? tensor.withElements(as: Float.self) { elements in
                elements.map { Int64(Int32(exactly: $0.rounded(.towardZero)) ?? .min) }
            } : tensor.integers()
        let (least, count) = (Int64(range.lowerBound), Int64(range.count))
        let values = integers.map { integer in
            let rest = (integer % count - least) % count
            return (rest < 0 ? rest + count : rest) + least
        }
        let result = TensorType(type.element, tensor.shape)
        return Constant(try self.tensor(result, values, budget: &budget), narrow: type.narrow)
    }

    private static func list<Value: BitwiseCopyable>(_ tensor: Tensor, _: Value.Type) throws(ONNXImportError) -> [Value]
    {
        tensor.withElements(as: Value.self) { Array($0) }
    }

    private static func convert<Value: BinaryFloatingPoint>(
        _ values: [Value], _ shape: Shape, to element: ElementType, budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor {
        let type = TensorType(element, shape)
        try budget.spend(type)
        switch element {
        case .float32: return try tensor(type, values.map { Float($0) })
        case .int64: return try tensor(type, try exactly(values) { Int64(exactly: $0.rounded(.towardZero)) })
        case .int32: return try tensor(type, try exactly(values) { Int32(exactly: $0.rounded(.towardZero)) })
        case .uint8: return try tensor(type, try exactly(values) { UInt8(exactly: $0.rounded(.towardZero)) })
        case .int8: return try tensor(type, try exactly(values) { Int8(exactly: $0.rounded(.towardZero)) })
        case .boolean: return try tensor(type, values.map { UInt8($0 == 0 ? 0 : 1) })
        }
    }

    private static func convert<Value: FixedWidthInteger>(
        _ values: [Value], _ shape: Shape, to element: ElementType, budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor {
        let type = TensorType(element, shape)
        try budget.spend(type)
        switch element {
        case .float32: return try tensor(type, values.map { Float($0) })
        case .int64: return try tensor(type, try exactly(values) { Int64(exactly: $0) })
        case .int32: return try tensor(type, try exactly(values) { Int32(exactly: $0) })
        case .uint8: return try tensor(type, try exactly(values) { UInt8(exactly: $0) })
        case .int8: return try tensor(type, try exactly(values) { Int8(exactly: $0) })
        case .boolean: return try tensor(type, values.map { UInt8($0 == 0 ? 0 : 1) })
        }
    }

    private static func exactly<Value, Result>(
        _ values: [Value], _ convert: (Value) -> Result?
    ) throws(ONNXImportError) -> [Result] {
        var results: [Result] = []
        results.reserveCapacity(values.count)
        for value in values {
            guard let result = convert(value) else {
                throw ONNXImportError(.invalidGraph, "\(value) does not fit \(Result.self) in a constant cast")
            }
            results.append(result)
        }
        return results
    }

    private static func tensor<Value: BitwiseCopyable>(
        _ type: TensorType, _ values: [Value]
    ) throws(ONNXImportError) -> Tensor {
        do throws(TensorError) { return try Tensor(type, values) } catch {
            throw ONNXImportError(.invalidGraph, error.message)
        }
    }
}
