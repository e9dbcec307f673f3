// SPDX-License-Identifier: Apache-2.0
/// Nonlinear features for a ridge regression: relu(R φ + b) with fixed random R and b. Together with the linear
/// features this is an extreme learning machine, a network with only the last layer trained.
///
/// - Source: Huang, Zhu, Siew 2006; design notes, Tier 2: 512 units, entries of R normal with deviation 1/√p, those of
///   b normal with deviation 1.
package struct RandomFeatures: Sendable {
    package static let units = 512

    package let units: Int
    package let inputs: Int
    /// `[inputs, units]`, for products from the right.
    private let mixing: [Float]
    private let bias: [Float]

    package init(inputs: Int, units: Int = RandomFeatures.units, seed: UInt64) {
        var generator = SeededGenerator(seed: seed, purpose: "random features")
        let scale = 1 / Double(max(1, inputs)).squareRoot()
        self.init(
            mixing: (0..<inputs * units).map { _ in Float(generator.normal() * scale) },
            bias: (0..<units).map { _ in Float(generator.normal()) })
    }

    /// - Parameters:
    ///   - mixing: `[inputs, units]`.
    ///   - bias: `[units]`.
    package init(mixing: [Float], bias: [Float]) {
        precondition(!bias.isEmpty && mixing.count % bias.count == 0)
        units = bias.count
        inputs = mixing.count / bias.count
        self.mixing = mixing
        self.bias = bias
    }

    /// - Parameter rows: `[count, inputs]`.
    /// - Returns: `[count, units]`.
    package func apply(to rows: [Float], count: Int) -> [Float] {
        var result = MatrixProduct.multiply(rows.span, mixing.span, rows: count, inner: inputs, columns: units)
        result.withUnsafeMutableBufferPointer { result in
            for row in 0..<count {
                for unit in 0..<units { result[row * units + unit] = max(0, result[row * units + unit] + bias[unit]) }
            }
        }
        return result
    }
}
