// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

enum ReductionKind { case sum, mean, maximum, minimum }

extension NodeDerivative {
    /// A reduction over `axes`; the result may have lost them.
    func reductionPaths(
        _ kind: ReductionKind, axes: [Int], _ graph: inout GraphBuilder
    ) throws(DifferentiationError) -> Paths {
        let from = graph.shape(of: x)
        var dimensions = from.dimensions
        for axis in axes { dimensions[axis] = 1 }
        let (kept, result) = (try graph.shape(dimensions), graph.shape(of: y))
        var path: [LinearMap] = []
        switch kind {
        case .sum: break
        case .mean:
            let count = from.elementCount / max(1, kept.elementCount)
            path.append(.scale(by: try graph.scalar(1 / Float(count))))
        case .maximum, .minimum:
            let extreme = kept == result ? y : try graph.add(.reshape(Reshape(dimensions)), y)
            let distance =
                kind == .maximum ? try graph.difference(extreme, x) : try graph.difference(x, extreme)
            path.append(.scale(by: try graph.shareOfNearest(distance, axes: axes)))
        }
        path.append(.sum(from: from, to: kept))
        if kept != result { path.append(.reshape(from: kept, to: result)) }
        return [path]
    }
}

extension GraphBuilder {
    /// For distances of at least 0: where a distance is 0, one divided by the number of zeros along the axes; elsewhere
    /// 0.
    mutating func shareOfNearest(_ distance: String, axes: [Int]) throws(DifferentiationError) -> String {
        let nearest = try complement(step(distance))
        let count = try add(.reduction(Reduction(.sum, axes: axes, keepsDimensions: true)), nearest)
        return try quotient(nearest, count)
    }
}
