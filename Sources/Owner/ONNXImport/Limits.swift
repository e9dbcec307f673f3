// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

/// Limits of the elements of a value, as float32 numbers. NaN is not counted.
typealias Limits = ClosedRange<Double>

extension Limits {
    /// Nothing is known.
    static let all: Limits = -Double.infinity...Double.infinity

    /// The largest constant whose elements are inspected.
    private static let maximumElements = 1 << 18

    static func of(_ tensor: Tensor) -> Limits {
        guard tensor.shape.elementCount <= maximumElements else { return .all }
        var (least, largest) = (Double.infinity, -Double.infinity)
        for number in tensor.numbers() {
            guard !number.isNaN else { return .all }
            (least, largest) = (Swift.min(least, number), Swift.max(largest, number))
        }
        return least <= largest ? least...largest : 0...0
    }

    /// The limits as float32, to which results are rounded; all numbers if one is NaN.
    fileprivate static func made(_ least: Double, _ largest: Double) -> Limits {
        let (low, high) = (Double(Float(least)), Double(Float(largest)))
        return low <= high ? low...high : .all
    }

    fileprivate func joined(_ other: Limits) -> Limits {
        Swift.min(lowerBound, other.lowerBound)...Swift.max(upperBound, other.upperBound)
    }

    fileprivate func mapped(_ body: (Double) -> Double) -> Limits { .made(body(lowerBound), body(upperBound)) }

    /// With room for the rounding of a sum of many elements.
    fileprivate var widened: Limits {
        .made(lowerBound - abs(lowerBound) * 1e-5, upperBound + abs(upperBound) * 1e-5)
    }

    fileprivate static func * (a: Limits, b: Limits) -> Limits {
        // An element that is 0 stays 0, whatever the limit of the other.
        func product(_ x: Double, _ y: Double) -> Double { x == 0 || y == 0 ? 0 : x * y }
        let products = [
            product(a.lowerBound, b.lowerBound), product(a.lowerBound, b.upperBound),
            product(a.upperBound, b.lowerBound), product(a.upperBound, b.upperBound),
        ]
        return .made(products.min() ?? -.infinity, products.max() ?? .infinity)
    }

    /// - Parameter divisor: Does not contain 0.
    fileprivate func divided(by divisor: Limits) -> Limits {
        let quotients = [lowerBound, upperBound].flatMap { [$0 / divisor.lowerBound, $0 / divisor.upperBound] }
        guard let least = quotients.min(), let largest = quotients.max(), !quotients.contains(where: \.isNaN) else {
            return .all
        }
        return .made(least, largest)
    }

    fileprivate static func - (a: Limits, b: Limits) -> Limits {
        .made(a.lowerBound - b.upperBound, a.upperBound - b.lowerBound)
    }
}

extension Operation {
    /// Limits of the result's elements.
    ///
    /// - Parameters:
    ///   - count: The number of operands.
    ///   - operand: The first operand's type.
    ///   - result: The result's type.
    ///   - limits: The limits of an operand.
    func limits(
        count: Int, operand: TensorType?, result: TensorType?, of limits: (Int) -> Limits
    ) -> Limits {
        switch self {
        case .identity, .reshape, .flatten, .squeeze, .unsqueeze, .transpose, .slice: return limits(0)
        case .concat:
            guard count <= Self.maximumParts else { return .all }
            return (1..<max(count, 1)).reduce(limits(0)) { $0.joined(limits($1)) }
        case .pad(let pad):
            guard !pad.value.isNaN else { return .all }
            return pad.mode == .constant ? limits(0).joined(Double(pad.value)...Double(pad.value)) : limits(0)
        case .activation(let activation): return activation.limits(of: limits(0))
        case .arithmetic(let arithmetic): return arithmetic.limits(of: limits)
        case .pooling(let pooling):
            switch pooling.kind {
            case .maximum: return limits(0)
            case .average: return limits(0).widened
            case .averageWithPadding: return limits(0).joined(0...0).widened
            }
        case .globalPooling(let pooling): return pooling.kind == .maximum ? limits(0) : limits(0).widened
        case .reduceMean: return limits(0).widened
        case .reduction(let reduction):
            guard reduction.function == .sum else { return limits(0) }
            guard let operand, let result, result.shape.elementCount > 0 else { return .all }
            let terms = Double(operand.shape.elementCount / result.shape.elementCount)
            return (limits(0) * (terms...terms)).widened
        case .softmax: return (0.0...1.0).widened
        case .quantizeLinear: return result?.element == .int8 ? -128...127 : 0...255
        case .dequantizeLinear: return (limits(0) - limits(2)) * limits(1)
        case .convolution, .batchNormalization, .gemm, .matMul, .localResponseNormalization, .layerNormalization:
            return .all
        }
    }

    private static let maximumParts = 64
}

extension Arithmetic {
    fileprivate func limits(of operand: (Int) -> Limits) -> Limits {
        switch function {
        case .equal, .greater, .greaterOrEqual: return 0...1
        case .keep: return operand(0).joined(0...0)
        default: break
        }
        let (a, b) = (operand(0), operand(1))
        switch function {
        case .add: return .made(a.lowerBound + b.lowerBound, a.upperBound + b.upperBound)
        case .subtract: return a - b
        case .multiply: return a * b
        case .divide: return b.contains(0) ? .all : a.divided(by: b)
        case .maximum: return max(a.lowerBound, b.lowerBound)...max(a.upperBound, b.upperBound)
        case .minimum: return min(a.lowerBound, b.lowerBound)...min(a.upperBound, b.upperBound)
        case .power: return a.lowerBound >= 0 ? 0...Double.infinity : .all
        case .equal, .greater, .greaterOrEqual, .keep: return .all
        }
    }
}

extension Activation {
    fileprivate func limits(of x: Limits) -> Limits {
        switch function {
        case .relu: x.mapped { max($0, 0) }
        case .clip: alpha <= beta ? x.mapped { min(max($0, Double(alpha)), Double(beta)) } : .all
        case .leakyRelu: alpha >= 0 ? x.mapped { $0 < 0 ? Double(alpha) * $0 : $0 } : .all
        case .sigmoid, .hardSigmoid: 0...1
        case .tanh, .erf: -1...1
        case .floor: x.mapped { $0.rounded(.down) }
        case .ceil: x.mapped { $0.rounded(.up) }
        case .round: x.mapped { $0.rounded(.toNearestOrEven) }
        case .absolute:
            x.contains(0)
                ? 0...max(-x.lowerBound, x.upperBound)
                : min(abs(x.lowerBound), abs(x.upperBound))...max(abs(x.lowerBound), abs(x.upperBound))
        case .squareRoot: 0...max(x.upperBound, 0).squareRoot()
        case .exponential: x.mapped { exponential($0) }.widened
        case .thresholdedRelu: x.joined(0...0)
        case .hardSwish, .elu, .logarithm, .softplus, .mish, .gelu, .geluTanh: .all
        }
    }
}
