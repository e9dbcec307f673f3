// SPDX-License-Identifier: Apache-2.0
import Foundation
import ModelGraph
import Tensors

// Convolutions, poolings and normalisations of constants, such as backgrounds and position maps that a network
// computes from its weights. Sums are in double precision. What exceeds the limits is left to the engine.

extension ConstantFolder {
    /// The elements of a plane under each position of a window.
    private struct Taps {
        /// For each position of the result and each element of the kernel, the position in the operand's plane; -1
        /// outside.
        var inside: [Int] = []
        /// For each position of the result, how many elements are inside the operand or its padding.
        var withPadding: [Int] = []

        /// - Parameters:
        ///   - input: Spatial extents of the operand.
        ///   - result: Spatial extents of the result.
        init(_ window: Window, input: [Int], result: [Int]) {
            let rank = input.count
            let (positions, count) = (result.reduce(1, *), window.kernel.reduce(1, *))
            inside.reserveCapacity(positions * count)
            withPadding.reserveCapacity(positions)
            var (corner, offset) = ([Int](repeating: 0, count: rank), [Int](repeating: 0, count: rank))
            for _ in 0..<positions {
                var padded = 0
                for _ in 0..<count {
                    var (place, isInside, isPadded) = (0, true, true)
                    for axis in 0..<rank {
                        let coordinate =
                            corner[axis] * window.strides[axis] + offset[axis] * window.dilations[axis]
                            - window.pads[axis]
                        isInside = isInside && coordinate >= 0 && coordinate < input[axis]
                        isPadded = isPadded && coordinate < input[axis] + window.pads[rank + axis]
                        // Wraps only outside, where it is not used.
                        place = place &* input[axis] &+ coordinate
                    }
                    inside.append(isInside ? place : -1)
                    if isPadded { padded += 1 }
                    Self.step(&offset, window.kernel)
                }
                withPadding.append(padded)
                Self.step(&corner, result)
            }
        }

        private static func step(_ index: inout [Int], _ extents: [Int]) {
            for axis in extents.indices.reversed() {
                index[axis] += 1
                if index[axis] < extents[axis] { return }
                index[axis] = 0
            }
        }
    }

    /// The taps of a window, if they and `steps` are within the limits; `nil` otherwise.
    ///
    /// - Parameter numbers: The elements that are copied into arrays.
    private static func taps(
        _ window: Window, _ operand: Shape, _ result: Shape, steps: Int, numbers: Int, budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Taps? {
        let (input, extents) = (Array(operand.dimensions.dropFirst(2)), Array(result.dimensions.dropFirst(2)))
        let count = (extents + window.kernel).reduce(1) { $0.multipliedClamping(by: $1) }
        let all = steps.addingClamping(count.multipliedClamping(by: 4 * input.count))
        guard count <= ONNXModel.maximumFoldedNumbers, all <= maximumProduct, budget.allows(numbers: numbers),
            budget.has(steps: all.addingClamping(numbers.multipliedClamping(by: 8)))
        else { return nil }
        try budget.spend(steps: all)
        try budget.spend(numbers: numbers)
        return Taps(window, input: input, result: extents)
    }

    /// Operands: x `[n, c, spatial…]`, weights `[m, c / groups, kernel…]`, optionally a bias `[m]`.
    ///
    /// - Returns: `nil` for a convolution that the engine has to compute.
    static func convolution(
        _ convolution: Convolution, _ operands: [Tensor], to type: TensorType, budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor? {
        let (input, weights) = (operands[0].shape, operands[1].shape)
        let (filters, channels) = (weights[0], weights[1])
        let kernel = weights.dimensions[2...].reduce(1, *)
        let numbers = operands.reduce(type.shape.elementCount) { $0.addingClamping($1.shape.elementCount) }
        let steps = type.shape.elementCount.multipliedClamping(by: channels.multipliedClamping(by: kernel))
        guard
            let taps = try taps(
                convolution.window, input, type.shape, steps: steps, numbers: numbers, budget: &budget)
        else { return nil }
        let (x, w, bias) = (operands[0].numbers(), operands[1].numbers(), operands.dropFirst(2).first?.numbers())
        let plane = input.dimensions[2...].reduce(1, *)
        var result: [Double] = []
        result.reserveCapacity(type.shape.elementCount)
        for image in 0..<type.shape[0] {
            for filter in 0..<filters {
                let first = image * input[1] + filter / (filters / convolution.groups) * channels
                for position in taps.withPadding.indices {
                    var sum = bias?[filter] ?? 0
                    for channel in 0..<channels {
                        let (start, row) = ((first + channel) * plane, (filter * channels + channel) * kernel)
                        for element in 0..<kernel {
                            let place = taps.inside[position * kernel + element]
                            if place >= 0 { sum += x[start + place] * w[row + element] }
                        }
                    }
                    result.append(sum)
                }
            }
        }
        return try tensor(type, result, budget: &budget)
    }

    /// - Returns: `nil` for a pooling that the engine has to compute.
    static func pooled(
        _ pooling: Pooling, _ operand: Tensor, to type: TensorType, budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor? {
        let kernel = pooling.window.kernel.reduce(1) { $0.multipliedClamping(by: $1) }
        guard
            let taps = try taps(
                pooling.window, operand.shape, type.shape,
                steps: type.shape.elementCount.multipliedClamping(by: kernel),
                numbers: operand.shape.elementCount.addingClamping(type.shape.elementCount), budget: &budget)
        else { return nil }
        let x = operand.numbers()
        let plane = operand.shape.dimensions[2...].reduce(1, *)
        var result: [Double] = []
        result.reserveCapacity(type.shape.elementCount)
        for start in stride(from: 0, to: x.count, by: max(plane, 1)) {
            for (position, padded) in taps.withPadding.enumerated() {
                var (sum, largest, count) = (0.0, -Double.infinity, 0)
                for place in taps.inside[position * kernel..<(position + 1) * kernel] where place >= 0 {
                    sum += x[start + place]
                    largest = x[start + place] > largest || x[start + place].isNaN ? x[start + place] : largest
                    count += 1
                }
                switch pooling.kind {
                case .maximum: result.append(largest)
                case .average: result.append(sum / Double(count))
                case .averageWithPadding: result.append(sum / Double(padded))
                }
            }
        }
        return try tensor(type, result, budget: &budget)
    }

    /// Operands: x, scale, optionally bias.
    ///
    /// - Returns: `nil` for a normalisation that the engine has to compute.
    static func layerNormalization(
        _ normalization: LayerNormalization, _ operands: [Tensor], budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor? {
        let (count, type) = (operands[1].shape.elementCount, operands[0].type)
        let numbers = type.shape.elementCount.addingClamping(count.multipliedClamping(by: 2))
        guard budget.allows(numbers: numbers), budget.has(steps: numbers.multipliedClamping(by: 8)) else { return nil }
        try budget.spend(numbers: numbers)
        var values = operands[0].numbers()
        let (scale, bias) = (operands[1].numbers(), operands.dropFirst(2).first?.numbers())
        for start in stride(from: 0, to: values.count, by: count) {
            let row = start..<start + count
            let mean = values[row].reduce(0, +) / Double(count)
            let variance = values[row].reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
            let deviation = (variance + Double(normalization.epsilon)).squareRoot()
            for index in row {
                values[index] =
                    (values[index] - mean) / deviation * scale[index - start] + (bias?[index - start] ?? 0)
            }
        }
        return try tensor(type, values, budget: &budget)
    }

    /// - Returns: `nil` for a normalisation that the engine has to compute.
    static func localResponseNormalization(
        _ normalization: LocalResponseNormalization, _ operand: Tensor, budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor? {
        let (shape, channels) = (operand.shape, operand.shape[1])
        let steps = shape.elementCount.multipliedClamping(by: min(normalization.size, channels) + 8)
        guard steps <= maximumProduct, budget.has(steps: steps), budget.allows(numbers: 2 * shape.elementCount) else {
            return nil
        }
        try budget.spend(steps: steps)
        try budget.spend(numbers: 2 * shape.elementCount)
        let x = operand.numbers()
        let plane = max(shape.dimensions[2...].reduce(1, *), 1)
        let (before, after) = ((normalization.size - 1) / 2, normalization.size / 2)
        let result = x.indices.map { index in
            let channel = index / plane % channels
            let first = index - channel * plane
            var squares = 0.0
            for neighbour in max(0, channel - before)...min(channels - 1, channel + after) {
                squares += x[first + neighbour * plane] * x[first + neighbour * plane]
            }
            let scale =
                Double(normalization.bias) + Double(normalization.alpha) / Double(normalization.size) * squares
            return x[index] / pow(scale, Double(normalization.beta))
        }
        return try tensor(operand.type, result, budget: &budget)
    }
}
