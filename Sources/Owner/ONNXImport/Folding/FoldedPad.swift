// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

extension ConstantFolder {
    /// - Parameter fill: One element of the operand's type; by default the pad's value, or zeros.
    static func padded(
        _ operand: Tensor, _ pad: Pad, to type: TensorType, fill: Tensor? = nil, budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor {
        let rank = operand.shape.rank
        var fill = fill
        if fill == nil, operand.isFloat {
            fill = try tensor(TensorType(.float32, try shape([])), [Double(pad.value)], budget: &budget)
        }
        // For each axis, the operand's index for each of the result's, or -1.
        let sources = (0..<rank).map { axis in
            (0..<type.shape[axis]).map { source($0 - pad.pads[axis], operand.shape[axis], pad.mode) }
        }
        let strides = operand.shape.strides
        var positions: [Int] = []
        try budget.spend(numbers: type.shape.elementCount)
        positions.reserveCapacity(type.shape.elementCount)
        var index = [Int](repeating: 0, count: rank)
        for _ in 0..<type.shape.elementCount {
            var position = 0
            for axis in 0..<rank where position >= 0 {
                let source = sources[axis][index[axis]]
                position = source < 0 ? -1 : position + source * strides[axis]
            }
            positions.append(position)
            for axis in (0..<rank).reversed() {
                index[axis] += 1
                if index[axis] < type.shape[axis] { break }
                index[axis] = 0
            }
        }
        return try picked(operand, at: positions, type.shape, fill: fill, budget: &budget)
    }

    private static func source(_ index: Int, _ extent: Int, _ mode: Pad.Mode) -> Int {
        if (0..<extent).contains(index) { return index }
        switch mode {
        case .constant: return -1
        case .edge: return extent == 0 ? -1 : min(max(index, 0), extent - 1)
        case .reflect:
            guard extent > 1 else { return extent - 1 }
            let period = 2 * (extent - 1)
            let turned = ((index % period) + period) % period
            return turned < extent ? turned : period - turned
        }
    }
}
