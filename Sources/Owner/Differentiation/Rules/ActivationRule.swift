// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import ModelGraph

extension NodeDerivative {
    /// f'(x), element by element; `nil` where it is zero almost everywhere. Where f is not differentiable it is the
    /// left derivative.
    func factor(
        of activation: Activation, _ graph: inout GraphBuilder
    ) throws(DifferentiationError) -> String? {
        let (alpha, beta) = (activation.alpha, activation.beta)
        switch activation.function {
        case .floor, .ceil, .round: return nil
        // From the result, so that the engine can fuse the activation into the node that computes its operand.
        case .relu: return try graph.step(y)
        case .leakyRelu: return try graph.sum(graph.product(graph.step(x), 1 - alpha), alpha)
        case .clip:
            return try graph.product(
                graph.step(graph.sum(x, -alpha)), graph.step(graph.sum(graph.product(x, -1), beta)))
        case .sigmoid: return try graph.product(y, graph.complement(y))
        case .hardSigmoid: return try graph.product(inside(y, &graph), alpha)
        case .hardSwish:
            let gate = try graph.function(.hardSigmoid, x, alpha: 1 / 6, beta: 0.5)
            return try graph.sum(gate, graph.product(graph.product(x, 1 / 6), inside(gate, &graph)))
        case .tanh: return try graph.complement(graph.product(y, y))
        case .elu:
            let step = try graph.step(x)
            return try graph.sum(step, graph.product(graph.complement(step), graph.sum(y, alpha)))
        case .exponential: return y
        case .logarithm: return try graph.quotient(1, x)
        case .squareRoot: return try graph.quotient(0.5, y)
        case .absolute: return try graph.difference(graph.step(x), graph.step(graph.product(x, -1)))
        case .erf:
            let gauss = try graph.function(.exponential, graph.product(graph.product(x, x), -1))
            return try graph.product(gauss, 2 / Float.pi.squareRoot())
        case .softplus: return try graph.function(.sigmoid, x)
        case .mish:
            let gate = try graph.function(.tanh, graph.function(.softplus, x))
            let slope = try graph.product(
                graph.complement(graph.product(gate, gate)), graph.function(.sigmoid, x))
            return try graph.sum(gate, graph.product(x, slope))
        case .gelu:
            let cumulative = try graph.product(
                graph.sum(graph.function(.erf, graph.product(x, Float(0.5).squareRoot())), 1), 0.5)
            let density = try graph.product(
                graph.function(.exponential, graph.product(graph.product(x, x), -0.5)),
                1 / (2 * Float.pi).squareRoot())
            return try graph.sum(cumulative, graph.product(x, density))
        case .geluTanh:
            let (scale, cubic) = ((2 / Float.pi).squareRoot(), Float(0.044715))
            let square = try graph.product(x, x)
            let inner = try graph.product(graph.product(x, graph.sum(graph.product(square, cubic), 1)), scale)
            let gate = try graph.function(.tanh, inner)
            let slope = try graph.product(graph.sum(graph.product(square, 3 * cubic), 1), scale)
            let curve = try graph.product(graph.complement(graph.product(gate, gate)), graph.product(x, slope))
            return try graph.product(graph.sum(graph.sum(gate, curve), 1), 0.5)
        case .thresholdedRelu: return try graph.step(graph.sum(x, -alpha))
        }
    }

    /// 1 where 0 < value < 1.
    private func inside(_ value: String, _ graph: inout GraphBuilder) throws(DifferentiationError) -> String {
        try graph.product(graph.step(value), graph.step(graph.complement(value)))
    }
}
