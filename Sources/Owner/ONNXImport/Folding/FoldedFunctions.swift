// SPDX-License-Identifier: Apache-2.0
import Foundation
import ModelGraph
import Tensors

extension ConstantFolder {
    /// An element-wise function of a float32 constant, in double precision.
    static func compute(
        _ activation: Activation, _ operand: Tensor, budget: inout FoldingBudget
    ) throws(ONNXImportError) -> Tensor? {
        guard operand.isFloat else { return nil }
        try budget.spend(numbers: operand.shape.elementCount)
        return try tensor(operand.type, operand.numbers().map { value(activation, $0) }, budget: &budget)
    }

    private static func value(_ activation: Activation, _ x: Double) -> Double {
        let (alpha, beta) = (Double(activation.alpha), Double(activation.beta))
        return switch activation.function {
        case .relu: max(x, 0)
        case .leakyRelu: x < 0 ? alpha * x : x
        case .clip: min(max(x, alpha), beta)
        case .sigmoid: 1 / (1 + exp(-x))
        case .hardSigmoid: min(max(alpha * x + beta, 0), 1)
        case .hardSwish: x * min(max(x / 6 + 0.5, 0), 1)
        case .tanh: tanh(x)
        case .elu: x < 0 ? alpha * expm1(x) : x
        case .exponential: exp(x)
        case .logarithm: log(x)
        case .squareRoot: x.squareRoot()
        case .absolute: abs(x)
        case .erf: erf(x)
        case .floor: x.rounded(.down)
        case .ceil: x.rounded(.up)
        case .round: x.rounded(.toNearestOrEven)
        case .softplus: softplus(x)
        case .mish: x * tanh(softplus(x))
        case .gelu: x * (1 + erf(x / 2.0.squareRoot())) / 2
        case .geluTanh: x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x))) / 2
        case .thresholdedRelu: x > alpha ? x : 0
        }
    }

    private static func softplus(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }
}
