// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

// Products and statistics of float32 constants, such as position tables that a network computes from constants.

extension ConstantFolder {
    /// Larger products are left to the engine, which is faster.
    static let maximumProduct = 1 << 26

    /// `nil` for products that the engine has to compute.
    static func product(
        _ a: Tensor, _ b: Tensor, to type: TensorType, budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor? {
        let left = a.shape.rank == 1 ? [1, a.shape[0]] : a.shape.dimensions
        let right = b.shape.rank == 1 ? [b.shape[0], 1] : b.shape.dimensions
        let (rows, inner, columns) = (left[left.count - 2], left[left.count - 1], right[right.count - 1])
        let numbers = a.shape.elementCount + b.shape.elementCount + type.shape.elementCount
        let steps = type.shape.elementCount.multipliedClamping(by: inner)
        guard type.shape.elementCount < maximumProduct, steps <= maximumProduct, budget.has(steps: steps),
            budget.allows(numbers: numbers)
        else {
            return nil
        }
        try budget.spend(steps: steps)
        guard type.shape.elementCount > 0 else { return Tensor(type: type) { _ in } }
        let batch = try shape(Array(broadcast(Array(left.dropLast(2)), Array(right.dropLast(2)))))
        var (lefts, rights) = (
            walk(Array(left.dropLast(2)), batch, of: rows * inner),
            walk(Array(right.dropLast(2)), batch, of: inner * columns)
        )
        try budget.spend(numbers: numbers)
        let (x, y) = (a.numbers(), b.numbers())
        var result: [Double] = []
        result.reserveCapacity(type.shape.elementCount)
        for _ in 0..<batch.elementCount {
            let (first, second) = (lefts.next(), rights.next())
            for row in 0..<rows {
                for column in 0..<columns {
                    var sum = 0.0
                    for index in 0..<inner {
                        sum += x[first + row * inner + index] * y[second + index * columns + column]
                    }
                    result.append(sum)
                }
            }
        }
        return try tensor(type, result, budget: &budget)
    }

    private static func broadcast(_ a: [Int], _ b: [Int]) -> [Int] {
        let rank = max(a.count, b.count)
        let (left, right) = (
            [Int](repeating: 1, count: rank - a.count) + a, [Int](repeating: 1, count: rank - b.count) + b
        )
        return zip(left, right).map { $0 == 1 ? $1 : $0 }
    }

    /// Positions of the matrices of an operand whose other extents broadcast to `batch`.
    private static func walk(_ extents: [Int], _ batch: Shape, of count: Int) -> StridedWalk {
        let missing = batch.rank - extents.count
        var strides = [Int](repeating: 0, count: batch.rank)
        var stride = count
        for axis in extents.indices.reversed() {
            strides[missing + axis] = extents[axis] == 1 ? 0 : stride
            stride *= extents[axis]
        }
        return StridedWalk(batch, strides: strides)
    }

    static func gemm(
        _ gemm: Gemm, _ operands: [Tensor], to type: TensorType, budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor? {
        func turned(_ operand: Tensor, _ turns: Bool) throws(ONNXImportError) -> Tensor {
            guard turns else { return operand }
            let extents = [operand.shape[1], operand.shape[0]]
            return try rearrange(
                operand, to: TensorType(.float32, try shape(extents)), from: 0, strides: [1, operand.shape[1]],
                budget: &budget)
        }
        let (a, b) = (try turned(operands[0], gemm.transposeA), try turned(operands[1], gemm.transposeB))
        guard let product = try product(a, b, to: type, budget: &budget) else { return nil }
        var sums = product.numbers().map { $0 * Double(gemm.alpha) }
        if operands.count == 3 {
            let addend = try broadcast(operands[2], to: type.shape, budget: &budget).numbers()
            for index in sums.indices { sums[index] += addend[index] * Double(gemm.beta) }
        }
        return try tensor(type, sums, budget: &budget)
    }

    /// Softmax along an axis, or along all axes from it on.
    static func softmax(
        _ softmax: Softmax, _ operand: Tensor, budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor {
        let rank = operand.shape.rank
        let axis = softmax.axis < 0 ? softmax.axis + rank : softmax.axis
        let axes = softmax.flattensTail ? Array(axis..<rank) : [axis]
        try budget.spend(numbers: operand.shape.elementCount)
        var values = operand.numbers()
        let groups = try groups(operand.shape, axes)
        var (largest, sums) = (
            [Double](repeating: -.infinity, count: groups.count), [Double](repeating: 0, count: groups.count)
        )
        for (index, group) in groups.ofElement.enumerated() { largest[group] = max(largest[group], values[index]) }
        for (index, group) in groups.ofElement.enumerated() {
            values[index] = exponential(values[index] - largest[group])
            sums[group] += values[index]
        }
        for (index, group) in groups.ofElement.enumerated() { values[index] /= sums[group] }
        return try tensor(operand.type, values, budget: &budget)
    }

    /// The result that each element belongs to when these axes are reduced.
    static func groups(
        _ shape: Shape, _ axes: [Int]
    ) throws(ONNXImportError) -> (count: Int, ofElement: [Int]) {
        let kept = try self.shape(shape.dimensions.indices.map { axes.contains($0) ? 1 : shape[$0] })
        let strides = shape.dimensions.indices.map { axes.contains($0) ? 0 : kept.strides[$0] }
        var walk = StridedWalk(shape, strides: strides)
        return (kept.elementCount, (0..<shape.elementCount).map { _ in walk.next() })
    }

    /// (x - mean) / sqrt(variance + epsilon) * scale + bias for each index of axis 1.
    ///
    /// - Parameter operands: x, scale, bias, and mean and variance; if the latter two are missing, they are computed
    ///   from x.
    static func batchNormalization(
        _ operands: [Tensor], epsilon: Float, budget: inout FoldingBudget
    ) throws(ONNXImportError) -> (result: Tensor, mean: [Double], variance: [Double]) {
        let x = operands[0]
        guard x.shape.rank >= 2 else { throw ONNXImportError(.invalidGraph, "input \(x.shape) has no channels") }
        let (images, channels) = (x.shape[0], x.shape[1])
        let area = x.shape.dimensions[2...].reduce(1, *)
        let parameters = operands.dropFirst().map { $0.numbers() }
        guard x.isFloat, parameters.allSatisfy({ $0.count == channels }) else {
            throw ONNXImportError(.invalidGraph, "parameters do not fit the \(channels) channels of \(x.type)")
        }
        try budget.spend(x.type)
        var (mean, variance) = ([Double](repeating: 0, count: channels), [Double](repeating: 0, count: channels))
        if parameters.count == 4 { (mean, variance) = (parameters[2], parameters[3]) }
        let count = Double(max(images * area, 1))
        // Weights are large: channels are processed one by one, without arrays of their elements.
        let result = x.withElements(as: Float.self) { source in
            Tensor(type: x.type) { bytes in
                let target = bytes.bindMemory(to: Float.self)
                for channel in 0..<channels where area > 0 {
                    let starts = (0..<images).map { ($0 * channels + channel) * area }
                    if parameters.count == 2 {
                        var (sum, squares) = (0.0, 0.0)
                        for start in starts { for index in start..<start + area { sum += Double(source[index]) } }
                        mean[channel] = sum / count
                        for start in starts {
                            for index in start..<start + area {
                                let distance = Double(source[index]) - mean[channel]
                                squares += distance * distance
                            }
                        }
                        variance[channel] = squares / count
                    }
                    let scale = parameters[0][channel] / (variance[channel] + Double(epsilon)).squareRoot()
                    let (centre, shift) = (mean[channel], parameters[1][channel])
                    for start in starts {
                        for index in start..<start + area {
                            target[index] = Float((Double(source[index]) - centre) * scale + shift)
                        }
                    }
                }
            }
        }
        return (result, mean, variance)
    }
}
