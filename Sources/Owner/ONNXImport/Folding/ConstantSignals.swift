// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

// Operators of signal processing and linear algebra on constants.

extension ImportedNode {
    /// A window of a number of samples: a sum of cosines.
    ///
    /// - Parameter factors: Of cosines of 0, 1, … periods.
    mutating func cosineWindow(
        _ factors: [Double], _ budget: inout FoldingBudget
    ) throws(ONNXImportError) -> [Tensor] {
        let size = try known(0, "size")
        let count = Int(size.integers().first ?? -1)
        try require(size.shape.elementCount == 1 && (0...1 << 24).contains(count), "a window of \(count) samples")
        let isPeriodic = try flag("periodic", default: true)
        let code = try integer("output_datatype") ?? 1
        guard let element = ONNXElement(Int32(clamping: code)), element.element == .float32 else {
            throw failure(.unsupported, "a window of the type \(ONNXElement.name(Int32(clamping: code)))")
        }
        try budget.spend(numbers: count)
        let period = Double(max(isPeriodic ? count : count - 1, 1))
        let values = (0..<count).map { sample in
            factors.indices.reduce(0.0) {
                $0 + factors[$1] * cos(2 * Double.pi * Double($1) * Double(sample) / period)
            }
        }
        let type = TensorType(.float32, try ConstantFolder.shape([count]))
        return [try ConstantFolder.tensor(type, values, budget: &budget)]
    }

    /// 1 at the first largest element along an axis, before opset 13 along all axes from it on; else 0.
    mutating func hardmax(_ budget: inout FoldingBudget) throws(ONNXImportError) -> [Tensor] {
        let x = try known(0, "operand")
        let axis = try axis(default: opset < 13 ? 1 : -1, rank: x.shape.rank)
        // Without elements there may be any number of groups.
        guard x.shape.elementCount > 0 else { return [x] }
        try budget.spend(numbers: x.shape.elementCount.multipliedClamping(by: 2))
        let groups = try ConstantFolder.groups(
            x.shape, opset < 13 ? Array(axis..<x.shape.rank) : [axis])
        let values = x.numbers()
        var best = [Int](repeating: -1, count: groups.count)
        for (index, group) in groups.ofElement.enumerated()
        where best[group] < 0 || values[index] > values[best[group]] {
            best[group] = index
        }
        var result = [Double](repeating: 0, count: values.count)
        for index in best where index >= 0 { result[index] = 1 }
        return [try ConstantFolder.tensor(x.type, result, budget: &budget)]
    }

    /// Of the matrices in the last two axes, by elimination with the largest pivot of each column.
    mutating func determinant(_ budget: inout FoldingBudget) throws(ONNXImportError) -> [Tensor] {
        let x = try known(0, "operand")
        let shape = x.shape
        try require(
            x.isFloat && shape.rank >= 2 && shape[shape.rank - 1] == shape[shape.rank - 2],
            "input \(x.type) has no square matrices")
        let side = shape[shape.rank - 1]
        try budget.spend(numbers: shape.elementCount)
        try budget.spend(steps: shape.elementCount.multipliedClamping(by: side))
        let result = try ConstantFolder.shape(Array(shape.dimensions.dropLast(2)))
        // Matrices may be empty, and any number of them.
        try budget.spend(numbers: result.elementCount)
        var values = x.numbers()
        let determinants = (0..<result.elementCount).map { matrix in
            let start = matrix * side * side
            var product = 1.0
            for column in 0..<side {
                let pivot =
                    (column..<side).max {
                        abs(values[start + $0 * side + column]) < abs(values[start + $1 * side + column])
                    } ?? column
                if pivot != column {
                    for place in 0..<side {
                        values.swapAt(start + pivot * side + place, start + column * side + place)
                    }
                    product = -product
                }
                let head = values[start + column * side + column]
                product *= head
                guard head != 0 else { break }
                for row in column + 1..<max(side, column + 1) {
                    let factor = values[start + row * side + column] / head
                    for place in column..<side {
                        values[start + row * side + place] -= factor * values[start + column * side + place]
                    }
                }
            }
            return product
        }
        return [try ConstantFolder.tensor(TensorType(.float32, result), determinants, budget: &budget)]
    }

    /// The first elements of each sequence in reverse; the others stay.
    mutating func reverseSequence(_ budget: inout FoldingBudget) throws(ONNXImportError) -> [Tensor] {
        let x = try known(0, "operand")
        let (shape, strides) = (x.shape, x.shape.strides)
        let lengths = try known(1, "sequence_lens").integers()
        let batches = try axis("batch_axis", default: 1, rank: shape.rank)
        let times = try axis("time_axis", default: 0, rank: shape.rank)
        try require(
            lengths.count == shape[batches] && lengths.allSatisfy { (0...Int64(shape[times])).contains($0) },
            "\(lengths.count) lengths for \(shape)")
        try budget.spend(numbers: shape.elementCount)
        let positions = (0..<shape.elementCount).map { position in
            let time = position / strides[times] % shape[times]
            let length = Int(lengths[position / strides[batches] % shape[batches]])
            return time < length ? position + (length - 1 - 2 * time) * strides[times] : position
        }
        return [try ConstantFolder.picked(x, at: positions, shape, budget: &budget)]
    }
}
