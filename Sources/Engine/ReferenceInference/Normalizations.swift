// SPDX-License-Identifier: Apache-2.0
import Foundation
import ModelGraph
import Tensors

extension ReferenceExecutor {
    /// Operands: x `[n, c, …]`, then scale, bias, mean and variance of each channel.
    static func normalize(_ operands: [FloatArray], _ normalization: BatchNormalization) -> [Float] {
        let input = operands[0]
        let (scale, bias, mean, variance) = (operands[1], operands[2], operands[3], operands[4])
        return input.values.indices.map { index in
            let channel = index / input.planeCount % input.shape[1]
            let deviation = (Double(variance.values[channel]) + Double(normalization.epsilon)).squareRoot()
            let centred = Double(input.values[index]) - Double(mean.values[channel])
            return Float(Double(scale.values[channel]) * centred / deviation + Double(bias.values[channel]))
        }
    }

    static func exponentiate(_ input: FloatArray, _ softmax: Softmax) -> [Float] {
        let dimensions = input.shape.dimensions
        let axis = softmax.axis < 0 ? softmax.axis + dimensions.count : softmax.axis
        // Elements of one distribution are `step` apart.
        let step = softmax.flattensTail ? 1 : dimensions[(axis + 1)...].reduce(1, *)
        let count = softmax.flattensTail ? dimensions[axis...].reduce(1, *) : dimensions[axis]
        var result = input.values
        guard count > 0 else { return result }
        for first in input.values.indices where first / step % count == 0 {
            let positions = stride(from: first, to: first + count * step, by: step)
            let largest = positions.reduce(-Float.infinity) { max($0, input.values[$1]) }
            let exponentials = positions.map { exp(Double(input.values[$0]) - Double(largest)) }
            let sum = exponentials.reduce(0, +)
            for (position, exponential) in zip(positions, exponentials) { result[position] = Float(exponential / sum) }
        }
        return result
    }

    static func normalizeAcrossChannels(
        _ input: FloatArray, _ normalization: LocalResponseNormalization
    ) -> [Float] {
        let (channels, plane) = (input.shape[1], input.planeCount)
        let (before, after) = ((normalization.size - 1) / 2, normalization.size / 2)
        return input.values.indices.map { index in
            let channel = index / plane % channels
            let first = index - channel * plane
            let neighbours = max(0, channel - before)...min(channels - 1, channel + after)
            let squares = neighbours.reduce(0.0) { sum, neighbour in
                let value = Double(input.values[first + neighbour * plane])
                return sum + value * value
            }
            let scale =
                Double(normalization.bias) + Double(normalization.alpha) / Double(normalization.size) * squares
            return Float(Double(input.values[index]) / pow(scale, Double(normalization.beta)))
        }
    }

    /// Operands: x, scale, optionally bias.
    static func normalize(_ operands: [FloatArray], _ normalization: LayerNormalization) -> [Float] {
        let (input, scale) = (operands[0], operands[1])
        let count = scale.values.count
        var result: [Float] = []
        for start in stride(from: 0, to: input.values.count, by: count) {
            let row = input.values[start..<start + count].map(Double.init)
            let mean = row.reduce(0, +) / Double(count)
            let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
            let deviation = (variance + Double(normalization.epsilon)).squareRoot()
            for (index, value) in row.enumerated() {
                let bias = operands.count == 3 ? Double(operands[2].values[index]) : 0
                result.append(Float((value - mean) / deviation * Double(scale.values[index]) + bias))
            }
        }
        return result
    }
}
