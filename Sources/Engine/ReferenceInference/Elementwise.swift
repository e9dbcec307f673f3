// SPDX-License-Identifier: Apache-2.0
import Foundation
import ModelGraph
import Tensors

extension ReferenceExecutor {
    static func apply(_ activation: Activation, to x: Float) -> Float {
        let (alpha, beta) = (activation.alpha, activation.beta)
        return switch activation.function {
        case .relu: max(x, 0)
        case .leakyRelu: x < 0 ? alpha * x : x
        case .clip: min(max(x, alpha), beta)
        case .sigmoid: Float(1 / (1 + exp(-Double(x))))
        case .hardSigmoid: min(max(alpha * x + beta, 0), 1)
        case .hardSwish: x * min(max(x / 6 + 0.5, 0), 1)
        case .tanh: Float(tanh(Double(x)))
        case .elu: x < 0 ? Float(Double(alpha) * expm1(Double(x))) : x
        case .exponential: Float(exp(Double(x)))
        case .logarithm: Float(log(Double(x)))
        case .squareRoot: x.squareRoot()
        case .absolute: abs(x)
        case .erf: Float(erf(Double(x)))
        case .floor: x.rounded(.down)
        case .ceil: x.rounded(.up)
        case .round: x.rounded(.toNearestOrEven)
        case .softplus: Float(softplus(Double(x)))
        case .mish: Float(Double(x) * tanh(softplus(Double(x))))
        case .gelu: Float(Double(x) * (1 + erf(Double(x) / 2.0.squareRoot())) / 2)
        case .geluTanh:
            Float(Double(x) * (1 + tanh((2 / Double.pi).squareRoot() * (Double(x) + 0.044715 * pow(Double(x), 3)))) / 2)
        case .thresholdedRelu: x > alpha ? x : 0
        }
    }

    private static func softplus(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }

    static func combine(_ a: FloatArray, _ b: FloatArray, _ arithmetic: Arithmetic, _ result: Shape) -> [Float] {
        (0..<result.elementCount).map { position in
            let indices = result.indices(of: position)
            let x = a.values[a.shape.position(of: indices.suffix(a.shape.rank))]
            let y = b.values[b.shape.position(of: indices.suffix(b.shape.rank))]
            return switch arithmetic.function {
            case .add: x + y
            case .subtract: x - y
            case .multiply: x * y
            case .divide: x / y
            case .maximum: max(x, y)
            case .minimum: min(x, y)
            case .power: Float(pow(Double(x), Double(y)))
            case .equal: x == y ? 1 : 0
            case .greater: x > y ? 1 : 0
            case .greaterOrEqual: x >= y ? 1 : 0
            case .keep: y != 0 ? x : 0
            }
        }
    }
}
