// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

/// The derivative of one result with respect to one operand: a sum of paths, each a composition of linear steps from
/// the operand to the result. No path means zero; an empty path is the identity.
typealias Paths = [[LinearMap]]

/// A node of the graph and its derivative.
struct NodeDerivative {
    let node: Node

    /// The derivative with respect to the operand at `position`. Values that the steps need are appended to `graph`.
    ///
    /// - Throws: ``DifferentiationError`` naming the node, if its operator has no derivative.
    func paths(by position: Int, in graph: inout GraphBuilder) throws(DifferentiationError) -> Paths {
        do throws(DifferentiationError) { return try rule(position, &graph) } catch { throw error.at(node) }
    }

    var x: String { node.inputs[0] }
    var y: String { node.outputs[0] }

    private func rule(_ position: Int, _ graph: inout GraphBuilder) throws(DifferentiationError) -> Paths {
        switch node.operation {
        case .identity: return [[]]
        case .reshape, .flatten, .squeeze, .unsqueeze:
            return [[.reshape(from: graph.shape(of: x), to: graph.shape(of: y))]]
        case .transpose(let transpose): return [[.transpose(transpose.permutation)]]
        case .concat(let concat): return try concatPaths(concat, position, graph)
        case .slice(let slice): return try slicePaths(slice, graph)
        case .pad(let pad): return try padPaths(pad)
        case .activation(let activation):
            guard let factor = try factor(of: activation, &graph) else { return [] }
            return [[.scale(by: factor)]]
        case .arithmetic(let arithmetic): return try arithmeticPaths(arithmetic.function, position, &graph)
        case .convolution(let convolution):
            try requireOperand(position, 0)
            return [[.convolution(convolution, weights: node.inputs[1], from: graph.shape(of: x))]]
        case .gemm(let gemm): return try gemmPaths(gemm, position, &graph)
        case .matMul: return try matMulPaths(position, &graph)
        case .pooling(let pooling): return try poolingPaths(pooling, &graph)
        case .globalPooling(let pooling):
            return try reductionPaths(
                pooling.kind == .maximum ? .maximum : .mean,
                axes: Array(graph.shape(of: x).dimensions.indices.dropFirst(2)),
                &graph)
        case .reduceMean(let mean): return try reductionPaths(.mean, axes: axes(of: mean, graph), &graph)
        case .reduction(let reduction):
            let kind: ReductionKind =
                switch reduction.function {
                case .sum: .sum
                case .maximum: .maximum
                case .minimum: .minimum
                }
            return try reductionPaths(kind, axes: axes(of: reduction.extent, graph), &graph)
        case .batchNormalization(let normalization):
            try requireOperand(position, 0)
            return try batchNormalizationPaths(normalization, &graph)
        case .layerNormalization(let normalization):
            try requireOperand(position, 0)
            return try layerNormalizationPaths(normalization, &graph)
        case .localResponseNormalization(let normalization):
            return try responseNormalizationPaths(normalization, &graph)
        case .softmax(let softmax): return try softmaxPaths(softmax, &graph)
        case .quantizeLinear, .dequantizeLinear:
            throw DifferentiationError("rounding has no useful derivative: differentiate the float model")
        }
    }

    /// Weights and parameters must not depend on the input.
    private func requireOperand(_ position: Int, _ expected: Int) throws(DifferentiationError) {
        guard position == expected else {
            throw DifferentiationError("operand '\(node.inputs[position])' depends on the input, expected a constant")
        }
    }

    private func axes(of mean: ReduceMean, _ graph: GraphBuilder) throws(DifferentiationError) -> [Int] {
        do throws(GraphError) { return try mean.resolvedAxes(rank: graph.shape(of: x).rank) } catch {
            throw DifferentiationError(error)
        }
    }
}
