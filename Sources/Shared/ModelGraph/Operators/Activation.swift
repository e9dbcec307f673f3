// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// An element-wise function of one operand.
package struct Activation: Operator {
    package enum Function: UInt8, Sendable, Hashable, CaseIterable {
        case relu = 1
        /// x < 0 ? alpha * x : x
        case leakyRelu = 2
        /// min(max(x, alpha), beta)
        case clip = 3
        case sigmoid = 4
        /// min(max(alpha * x + beta, 0), 1)
        case hardSigmoid = 5
        /// x * min(max(x / 6 + 0.5, 0), 1)
        case hardSwish = 6
        case tanh = 7
        /// x < 0 ? alpha * (exp(x) - 1) : x
        case elu = 8
        case exponential = 9
        /// The natural logarithm.
        case logarithm = 10
        case squareRoot = 11
        case absolute = 12
        /// The error function.
        case erf = 13
        case floor = 14
        case ceil = 15
        /// The nearest integer, half to even.
        case round = 16
        /// log(1 + exp(x))
        case softplus = 17
        /// x * tanh(log(1 + exp(x)))
        case mish = 18
        /// x * (1 + erf(x / sqrt(2))) / 2
        case gelu = 19
        /// x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) / 2
        case geluTanh = 20
        /// x > alpha ? x : 0
        case thresholdedRelu = 21
    }

    package var function: Function
    /// As in the function's formula; 0 where it has none.
    package var alpha: Float
    package var beta: Float

    package init(_ function: Function, alpha: Float = 0, beta: Float = 0) {
        self.function = function
        self.alpha = alpha
        self.beta = beta
    }

    package func resultTypes(for operands: [TensorType]) throws(GraphError) -> [TensorType] {
        try requireFloats(operands, count: 1...1)
        return operands
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(function.rawValue)
        writer.write(alpha)
        writer.write(beta)
    }

    package init(from reader: inout ByteReader) throws(TensorError) {
        let code: UInt8 = try reader.read("activation")
        guard let function = Function(rawValue: code) else {
            throw TensorError(.malformed, "activation code \(code) is unknown")
        }
        self.function = function
        alpha = try reader.readFloat("alpha")
        beta = try reader.readFloat("beta")
    }
}
