// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

extension ReferenceExecutor {
    /// Operands: x, scale, zero point.
    static func quantized(_ operands: [Tensor], axis: Int, _ result: TensorType) throws -> Tensor {
        let (values, scales, zeros) = (try operands[0].floats(), try operands[1].floats(), integers(operands[2]))
        let parameter = parameters(operands[0].shape, axis: axis, count: scales.count)
        let bounds = result.element == .uint8 ? 0...255 : -128...127
        return Tensor(type: result) { target in
            for (index, value) in values.enumerated() {
                let place = parameter(index)
                let quotient = (value / scales[place]).rounded(.toNearestOrEven)
                let clamped = min(max(quotient, -1000), 1000)
                let level = min(
                    max((clamped.isNaN ? 0 : Int(clamped)) + zeros[place], bounds.lowerBound), bounds.upperBound)
                target[index] = UInt8(truncatingIfNeeded: level)
            }
        }
    }

    /// Operands: x, scale, zero point.
    static func dequantized(_ operands: [Tensor], axis: Int, _ result: TensorType) throws -> Tensor {
        let (values, scales, zeros) = (integers(operands[0]), try operands[1].floats(), integers(operands[2]))
        let parameter = parameters(operands[0].shape, axis: axis, count: scales.count)
        return try Tensor(
            values.enumerated().map { index, value in
                Float(value - zeros[parameter(index)]) * scales[parameter(index)]
            }, shape: result.shape.dimensions)
    }

    /// The index of an element's scale and zero point.
    private static func parameters(_ shape: Shape, axis: Int, count: Int) -> (Int) -> Int {
        guard count > 1 else { return { _ in 0 } }
        let axis = axis < 0 ? axis + shape.rank : axis
        let inner = shape.dimensions[(axis + 1)...].reduce(1, *)
        return { $0 / inner % count }
    }

    private static func integers(_ tensor: Tensor) -> [Int] {
        switch tensor.element {
        case .int8: tensor.withElements(as: Int8.self) { $0.map(Int.init) }
        case .int32: tensor.withElements(as: Int32.self) { $0.map(Int.init) }
        default: tensor.withBytes { $0.map(Int.init) }
        }
    }
}
