// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Agreement of one classifier's outputs with another's, over a set of inputs.
package struct OutputAgreement: Sendable, Hashable {
    package private(set) var count = 0
    private var agreements = 0
    private var divergence = 0.0

    package init() {}

    /// Top-1 agreement: the share of the inputs whose most probable class is the same, 0 to 1.
    package var top1: Double { count == 0 ? 1 : Double(agreements) / Double(count) }

    /// Mean Kullback-Leibler divergence D(expected || actual), in nats.
    package var meanDivergence: Double { count == 0 ? 0 : divergence / Double(count) }

    /// Adds the outputs for one input.
    ///
    /// - Parameters:
    ///   - expected: Probabilities, `[classes]`, or logits to which softmax is applied.
    ///   - actual: The same of the other classifier.
    package mutating func add(expected: [Float], actual: [Float]) {
        let (expected, actual) = (Self.probabilities(expected), Self.probabilities(actual))
        if Self.best(expected) == Self.best(actual) { agreements += 1 }
        divergence += zip(expected, actual).reduce(0) { sum, pair in
            pair.0 > 0 ? sum + pair.0 * log(pair.0 / max(pair.1, 1e-30)) : sum
        }
        count += 1
    }

    private static func best(_ values: [Double]) -> Int? { values.indices.max { values[$0] < values[$1] } }

    private static func probabilities(_ values: [Float]) -> [Double] {
        let values = values.map(Double.init)
        if values.allSatisfy({ $0 >= 0 }), abs(values.reduce(0, +) - 1) < 1e-2 { return values }
        let largest = values.max() ?? 0
        let exponentials = values.map { exp($0 - largest) }
        let sum = exponentials.reduce(0, +)
        return exponentials.map { $0 / sum }
    }
}
