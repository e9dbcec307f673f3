// SPDX-License-Identifier: Apache-2.0
import Foundation
import ModelGraph
import Tensors

// Operators that are a product with a known matrix along one axis: resampling, cumulative sums, scattered indices.

extension ImportedNode {
    /// Limit of such a matrix in elements.
    static let maximumMatrix = 1 << 24

    /// A tensor multiplied along one axis, from the extent `from` to the extent `to`.
    ///
    /// - Parameter weights: `[from, to]` in row-major order.
    func mapped(
        _ steps: inout Expansion, _ x: Expansion.Source, rank: Int, axis: Int, from: Int, to: Int, _ weights: [Float]
    ) throws(ONNXImportError) -> Expansion.Source {
        let type = TensorType(.float32, try ConstantFolder.shape([from, to]))
        let matrix = Expansion.Source.constant(
            try ConstantFolder.checked { () throws(TensorError) in try Tensor(type, weights) })
        guard axis != rank - 1 else { return steps.add(.matMul(MatMul()), x, matrix) }
        var order = Array(0..<rank)
        order.swapAt(axis, rank - 1)
        let turned = steps.add(.transpose(Transpose(order)), x)
        return steps.add(.transpose(Transpose(order)), steps.add(.matMul(MatMul()), turned, matrix))
    }

    func requireMatrix(_ from: Int, _ to: Int) throws(ONNXImportError) {
        let (count, overflow) = from.multipliedReportingOverflow(by: to)
        try require(
            !overflow && count <= Self.maximumMatrix, .unsupported,
            "from \(from) to \(to) elements of an axis needs a table over \(Self.maximumMatrix) elements")
    }

    /// Cumulative sums.
    mutating func runningSum() throws(ONNXImportError) -> Lowered {
        let shape = try shape(0)
        let axis = try resolved([try constantIntegers(1, "axis")?.first ?? 0], shape.rank)[0]
        let (excludes, reverses) = (try flag("exclusive"), try flag("reverse"))
        let extent = shape[axis]
        try requireMatrix(extent, extent)
        let weights = (0..<extent * extent).map { position -> Float in
            let (from, to) = (position / extent, position % extent)
            return from == to ? (excludes ? 0 : 1) : (reverses ? from > to : from < to) ? 1 : 0
        }
        return try expansion { (steps) throws(ONNXImportError) in
            try mapped(&steps, source(0), rank: shape.rank, axis: axis, from: extent, to: extent, weights)
        }
    }

    /// Elements above or below a diagonal; the others become 0.
    mutating func triangle() throws(ONNXImportError) -> Lowered {
        let shape = try shape(0)
        try require(shape.rank >= 2, "input \(shape) is no matrix")
        let matrix = try ConstantFolder.shape(Array(shape.dimensions.suffix(2)))
        var budget = budget
        let mask = try trianglePositions(matrix, &budget).map { $0 < 0 ? 0.0 : 1.0 }
        let ones = try ConstantFolder.tensor(TensorType(.float32, matrix), mask, budget: &budget)
        self.budget = budget
        return try expansion { (steps) throws(ONNXImportError) in steps.add(.multiply, try source(0), .constant(ones)) }
    }
}
