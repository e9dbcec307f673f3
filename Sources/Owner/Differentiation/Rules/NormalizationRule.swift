// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

extension NodeDerivative {
    func batchNormalizationPaths(
        _ normalization: BatchNormalization, _ graph: inout GraphBuilder
    ) throws(DifferentiationError) -> Paths {
        let deviation = try graph.function(.squareRoot, graph.sum(node.inputs[4], normalization.epsilon))
        let factor = try graph.quotient(node.inputs[1], deviation)
        let input = graph.shape(of: x)
        let perChannel = [1, input[1]] + [Int](repeating: 1, count: input.rank - 2)
        return [[.scale(by: try graph.add(.reshape(Reshape(perChannel)), factor))]]
    }

    /// With r = 1 / sqrt(variance + epsilon) and z = r (x - mean): dy = scale r (dx - mean(dx) - z mean(z dx)).
    func layerNormalizationPaths(
        _ normalization: LayerNormalization, _ graph: inout GraphBuilder
    ) throws(DifferentiationError) -> Paths {
        let input = graph.shape(of: x)
        let first = normalization.axis < 0 ? normalization.axis + input.rank : normalization.axis
        let axes = Array(first..<input.rank)
        let kept = try graph.shape(input.dimensions.indices.map { $0 < first ? input[$0] : 1 })
        let mean = ModelGraph.Operation.reduceMean(ReduceMean(axes: axes, keepsDimensions: true))
        let centered = try graph.difference(x, graph.add(mean, x))
        let variance = try graph.add(mean, graph.product(centered, centered))
        let deviation = try graph.function(.squareRoot, graph.sum(variance, normalization.epsilon))
        let inverse = try graph.quotient(1, deviation)
        let standard = try graph.product(centered, inverse)
        let share = try graph.scalar(-Float(kept.elementCount) / Float(input.elementCount))
        let average: [LinearMap] = [
            .scale(by: share), .sum(from: input, to: kept), .broadcast(from: kept, to: input),
        ]
        let end: [LinearMap] = [.scale(by: inverse), .scale(by: node.inputs[1])]
        return [end, average + end, [.scale(by: standard)] + average + [.scale(by: standard)] + end]
    }

    /// With s = bias + alpha / size * (window sum of x²): dy = s^-beta dx - 2 alpha beta / size * x s^(-beta-1) * (window
    /// sum of x dx).
    func responseNormalizationPaths(
        _ normalization: LocalResponseNormalization, _ graph: inout GraphBuilder
    ) throws(DifferentiationError) -> Paths {
        let input = graph.shape(of: x)
        let size = normalization.size
        let share = normalization.alpha / Float(size)
        let line = try graph.shape([input[0], 1, input[1], input.dimensions.dropFirst(2).reduce(1, *)])
        let ones = try graph.constant([Float](repeating: 1, count: size), [1, 1, size, 1])
        let window = Window(kernel: [size, 1], pads: [(size - 1) / 2, 0, size / 2, 0])
        let sum: [LinearMap] = [
            .reshape(from: input, to: line),
            .convolution(Convolution(window: window), weights: ones, from: line),
            .reshape(from: line, to: input),
        ]
        var squares = try graph.product(x, x)
        for step in sum { squares = try step.apply(to: squares, in: &graph) }
        let base = try graph.sum(graph.product(squares, share), normalization.bias)
        let factor = try graph.power(base, -normalization.beta)
        let cross = try graph.product(
            graph.product(x, graph.power(base, -normalization.beta - 1)), -2 * share * normalization.beta)
        return [[.scale(by: factor)], [.scale(by: x)] + sum + [.scale(by: cross)]]
    }

    /// dy = y (dx - sum(y dx))
    func softmaxPaths(_ softmax: Softmax, _ graph: inout GraphBuilder) throws(DifferentiationError) -> Paths {
        let input = graph.shape(of: x)
        let first = softmax.axis < 0 ? softmax.axis + input.rank : softmax.axis
        let axes = softmax.flattensTail ? first..<input.rank : first..<first + 1
        let kept = try graph.shape(input.dimensions.indices.map { axes.contains($0) ? 1 : input[$0] })
        let scale = LinearMap.scale(by: y)
        let negative = LinearMap.scale(by: try graph.product(y, -1))
        return [[scale], [scale, .sum(from: input, to: kept), .broadcast(from: kept, to: input), negative]]
    }
}
