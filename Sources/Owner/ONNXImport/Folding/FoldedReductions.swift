// SPDX-License-Identifier: Apache-2.0
import Foundation
import ModelGraph
import Tensors

/// The function of a reduction.
enum FoldedReduction {
    case sum
    case mean
    case product
    case maximum
    case minimum
    case magnitudes
    case squares
    case rootOfSquares
    case logOfSum
    case logOfExponentials
}

func exponential(_ x: Double) -> Double { exp(x) }

extension ConstantFolder {
    /// - Parameter axes: Counted from the front; `nil` for all axes.
    static func reduce(
        _ function: FoldedReduction, _ operand: Tensor, axes: [Int], keeps: Bool, budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor {
        let rank = operand.shape.rank
        let axes = axes.isEmpty ? Array(0..<rank) : axes
        try budget.spend(numbers: operand.shape.elementCount)
        let groups = try groups(operand.shape, axes)
        let extents = operand.shape.dimensions.indices.compactMap { axis -> Int? in
            axes.contains(axis) ? (keeps ? 1 : nil) : operand.shape[axis]
        }
        let type = TensorType(operand.element, try shape(extents))
        if !operand.isFloat, [.sum, .product, .maximum, .minimum].contains(function) {
            return try tensor(
                type, try reduceIntegers(function, operand.integers(), groups.count, groups.ofElement), budget: &budget)
        }
        let values = operand.numbers()
        let start: Double =
            switch function {
            case .product: 1
            case .maximum: -.infinity
            case .minimum: .infinity
            default: 0
            }
        var results = [Double](repeating: start, count: groups.count)
        for (index, group) in groups.ofElement.enumerated() {
            let value = values[index]
            switch function {
            case .sum, .mean, .logOfSum: results[group] += value
            case .product: results[group] *= value
            case .maximum: results[group] = max(results[group], value)
            case .minimum: results[group] = min(results[group], value)
            case .magnitudes: results[group] += abs(value)
            case .squares, .rootOfSquares: results[group] += value * value
            case .logOfExponentials: results[group] += exp(value)
            }
        }
        let count = Double(operand.shape.elementCount / max(groups.count, 1))
        switch function {
        case .mean: results = results.map { $0 / count }
        case .rootOfSquares: results = results.map { $0.squareRoot() }
        case .logOfSum, .logOfExponentials: results = results.map { log($0) }
        default: break
        }
        return try tensor(type, results, budget: &budget)
    }

    private static func reduceIntegers(
        _ function: FoldedReduction, _ values: [Int64], _ count: Int, _ groups: [Int]
    ) throws(ONNXImportError) -> [Int64] {
        let start: Int64 =
            switch function {
            case .product: 1
            case .maximum: .min
            case .minimum: .max
            default: 0
            }
        var results = [Int64](repeating: start, count: count)
        for (index, group) in groups.enumerated() {
            let (result, overflow) =
                switch function {
                case .product: results[group].multipliedReportingOverflow(by: values[index])
                case .maximum: (max(results[group], values[index]), false)
                case .minimum: (min(results[group], values[index]), false)
                default: results[group].addingReportingOverflow(values[index])
                }
            guard !overflow else { throw ONNXImportError(.invalidGraph, "a reduction of constants overflows") }
            results[group] = result
        }
        return results
    }

    /// Indices of the largest or smallest elements along an axis, in order.
    ///
    /// - Parameter isLast: Of equal elements, the last is taken.
    static func ranked(
        _ operand: Tensor, axis: Int, count: Int, largest: Bool, isLast: Bool = false, budget: inout FoldingBudget
    ) throws(ONNXImportError) -> [[Int]] {
        try budget.spend(numbers: operand.shape.elementCount)
        try budget.spend(steps: operand.shape.elementCount.multipliedClamping(by: 32))
        let values = operand.numbers()
        let (extent, stride) = (operand.shape[axis], operand.shape.strides[axis])
        let groups = try groups(operand.shape, [axis])
        var starts = [Int](repeating: -1, count: groups.count)
        for (index, group) in groups.ofElement.enumerated() where starts[group] < 0 { starts[group] = index }
        return starts.map { start in
            guard start >= 0 else { return [] }
            return Array(
                (0..<extent).sorted { a, b in
                    let (x, y) = (values[start + a * stride], values[start + b * stride])
                    return x == y ? (isLast ? a > b : a < b) : (largest ? x > y : x < y)
                }.prefix(count))
        }
    }
}
