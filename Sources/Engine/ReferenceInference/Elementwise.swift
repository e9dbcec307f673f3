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
        }
    }

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
            }
        }
    }
}
