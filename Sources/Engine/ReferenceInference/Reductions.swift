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

    static func average(_ input: FloatArray, _ mean: ReduceMean, _ result: Shape) throws -> [Float] {
        let reduced = Set(try mean.resolvedAxes(rank: input.shape.rank))
        let kept = try Shape(input.shape.dimensions.indices.map { reduced.contains($0) ? 1 : input.shape[$0] })
        var sums = [Double](repeating: 0, count: result.elementCount)
        for (index, value) in input.values.enumerated() {
            sums[kept.position(of: input.shape.indices(of: index))] += Double(value)
        }
        let count = Double(input.values.count / sums.count)
        return sums.map { Float($0 / count) }
    }
}
