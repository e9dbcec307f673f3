// SPDX-License-Identifier: Apache-2.0
import Tensors

// Constants as numbers: floats in double precision, integers and conditions in 64 bits.

extension Tensor {
    /// The elements of any type as numbers.
    func numbers() -> [Double] {
        switch element {
        case .float32: withElements(as: Float.self) { $0.map(Double.init) }
        case .int64: withElements(as: Int64.self) { $0.map(Double.init) }
        case .int32: withElements(as: Int32.self) { $0.map(Double.init) }
        case .int8: withElements(as: Int8.self) { $0.map(Double.init) }
        case .uint8, .boolean: withElements(as: UInt8.self) { $0.map(Double.init) }
        }
    }

    /// The elements of any type as integers, with floats rounded toward zero.
    func integers() -> [Int64] {
        switch element {
        case .float32:
            withElements(as: Float.self) { elements in
                elements.map { value in
                    Int64(exactly: value.rounded(.towardZero)) ?? (value > 0 ? .max : value < 0 ? .min : 0)
                }
            }
        case .int64: withElements(as: Int64.self) { Array($0) }
        case .int32: withElements(as: Int32.self) { $0.map(Int64.init) }
        case .int8: withElements(as: Int8.self) { $0.map(Int64.init) }
        case .uint8, .boolean: withElements(as: UInt8.self) { $0.map(Int64.init) }
        }
    }

    /// Whether the element type is a float.
    var isFloat: Bool { element == .float32 }
}

extension ConstantFolder {
    /// A tensor of these numbers. Integers keep their lowest bits, as in C.
    ///
    /// - Throws: ``ONNXImportError`` beyond the budget.
    static func tensor(
        _ type: TensorType, _ numbers: [Double], budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor {
        guard type.element == .float32 else {
            return try tensor(
                type, numbers.map { Int64(exactly: $0.rounded(.towardZero)) ?? ($0 > 0 ? .max : $0 < 0 ? .min : 0) },
                budget: &budget)
        }
        try budget.spend(type)
        return try checked { () throws(TensorError) in try Tensor(type, numbers.map { Float($0) }) }
    }

    static func tensor(
        _ type: TensorType, _ integers: [Int64], budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor {
        try budget.spend(type)
        return try checked { () throws(TensorError) in
            switch type.element {
            case .float32: try Tensor(type, integers.map { Float($0) })
            case .int64: try Tensor(type, integers)
            case .int32: try Tensor(type, integers.map { Int32(truncatingIfNeeded: $0) })
            case .int8: try Tensor(type, integers.map { Int8(truncatingIfNeeded: $0) })
            case .uint8: try Tensor(type, integers.map { UInt8(truncatingIfNeeded: $0) })
            case .boolean: try Tensor(type, integers.map { UInt8($0 == 0 ? 0 : 1) })
            }
        }
    }

    /// A tensor of the operand's elements at these positions, or `fill` (zero if `nil`) where a position is negative.
    static func picked(
        _ operand: Tensor, at positions: [Int], _ shape: Shape, fill: Tensor? = nil, budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor {
        let type = TensorType(operand.element, shape)
        try budget.spend(type)
        let size = type.element.byteCount
        let rest = fill?.withBytes { Array($0) } ?? [UInt8](repeating: 0, count: size)
        return operand.withBytes { source in
            Tensor(type: type) { target in
                for (index, position) in positions.enumerated() {
                    for byte in 0..<size {
                        target[index * size + byte] = position < 0 ? rest[byte] : source[position * size + byte]
                    }
                }
            }
        }
    }

    static func checked<Result>(_ body: () throws(TensorError) -> Result) throws(ONNXImportError) -> Result {
        do throws(TensorError) { return try body() } catch { throw ONNXImportError(.invalidGraph, error.message) }
    }

    static func shape(_ dimensions: [Int]) throws(ONNXImportError) -> Shape {
        try checked { () throws(TensorError) in try Shape(dimensions) }
    }
}
