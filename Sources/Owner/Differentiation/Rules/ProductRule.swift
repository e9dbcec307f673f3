// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

extension NodeDerivative {
    func gemmPaths(
        _ gemm: Gemm, _ position: Int, _ graph: inout GraphBuilder
    ) throws(DifferentiationError) -> Paths {
        func matrix(_ position: Int, transposed: Bool) throws(DifferentiationError) -> String {
            transposed ? try graph.add(.transpose(Transpose([1, 0])), node.inputs[position]) : node.inputs[position]
        }
        let scale = LinearMap.scale(by: try graph.scalar(position == 2 ? gemm.beta : gemm.alpha))
        switch position {
        case 0:
            let turned: [LinearMap] = gemm.transposeA ? [.transpose([1, 0])] : []
            return [turned + [.multiplyRight(by: try matrix(1, transposed: gemm.transposeB)), scale]]
        case 1:
            let turned: [LinearMap] = gemm.transposeB ? [.transpose([1, 0])] : []
            return [turned + [.multiplyLeft(by: try matrix(0, transposed: gemm.transposeA)), scale]]
        default:
            let (addend, result) = (graph.shape(of: node.inputs[2]), graph.shape(of: y))
            let ranked = try graph.shape([Int](repeating: 1, count: 2 - addend.rank) + addend.dimensions)
            return [[.reshape(from: addend, to: ranked), .broadcast(from: ranked, to: result), scale]]
        }
    }

    func matMulPaths(_ position: Int, _ graph: inout GraphBuilder) throws(DifferentiationError) -> Paths {
        let (own, other) = (node.inputs[position], node.inputs[1 - position])
        // A vector is a matrix of one row on the left, of one column on the right.
        func matrix(_ shape: Shape, _ position: Int) -> [Int] {
            shape.rank > 1 ? shape.dimensions : position == 0 ? [1, shape[0]] : [shape[0], 1]
        }
        let from = graph.shape(of: own)
        let (left, right) = (matrix(from, position), matrix(graph.shape(of: other), 1 - position))
        let rank = max(left.count, right.count)
        func ranked(_ dimensions: [Int]) -> [Int] { [Int](repeating: 1, count: rank - dimensions.count) + dimensions }
        let (ownRanked, otherRanked) = (ranked(left), ranked(right))
        var full = ownRanked
        for axis in 0..<rank - 2 { full[axis] = max(ownRanked[axis], otherRanked[axis]) }
        let (ownShape, fullShape) = (try graph.shape(ownRanked), try graph.shape(full))
        var path: [LinearMap] = []
        if ownShape != from { path.append(.reshape(from: from, to: ownShape)) }
        if fullShape != ownShape { path.append(.broadcast(from: ownShape, to: fullShape)) }
        let factor =
            otherRanked == graph.shape(of: other).dimensions
            ? other : try graph.add(.reshape(Reshape(otherRanked)), other)
        path.append(position == 0 ? .multiplyRight(by: factor) : .multiplyLeft(by: factor))
        var product = full
        if position == 0 {
            product[rank - 1] = otherRanked[rank - 1]
        } else {
            product[rank - 2] = otherRanked[rank - 2]
        }
        let (made, result) = (try graph.shape(product), graph.shape(of: y))
        if made != result { path.append(.reshape(from: made, to: result)) }
        return [path]
    }
}
