// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

extension ReferenceExecutor {
    static func reduce(_ input: FloatArray, _ reduction: Reduction, _ result: Shape) throws -> [Float] {
        let reduced = Set(try reduction.extent.resolvedAxes(rank: input.shape.rank))
        let kept = try Shape(input.shape.dimensions.indices.map { reduced.contains($0) ? 1 : input.shape[$0] })
        var results = [Double?](repeating: nil, count: result.elementCount)
        for (index, value) in input.values.enumerated() {
            let position = kept.position(of: input.shape.indices(of: index))
            guard let before = results[position] else {
                results[position] = Double(value)
                continue
            }
            results[position] =
                switch reduction.function {
                case .sum: before + Double(value)
                case .maximum: max(before, Double(value))
                case .minimum: min(before, Double(value))
                }
        }
        return results.map { Float($0 ?? 0) }
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
