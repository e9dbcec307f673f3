// SPDX-License-Identifier: Apache-2.0
import Glibc
package import ModelGraph

/// Agreement of one classifier's outputs with another's, over a set of inputs.
package struct OutputAgreement: Sendable, Hashable {
    package private(set) var count = 0
    private var agreements = 0
    private var divergence = 0.0
    private let scores: ScoreKind

    /// - Parameter scores: What the outputs are. Probabilities are divided by their sum, logits become their softmax.
    package init(_ scores: ScoreKind) { self.scores = scores }

    /// Top-1 agreement: the share of the inputs whose most probable class is the same, 0 to 1.
    package var top1: Double { count == 0 ? 1 : Double(agreements) / Double(count) }

    /// Mean Kullback-Leibler divergence D(expected || actual), in nats.
    package var meanDivergence: Double { count == 0 ? 0 : divergence / Double(count) }

    /// Adds the outputs for one input.
    ///
    /// - Parameters:
    ///   - expected: `[classes]`.
    ///   - actual: The same of the other classifier.
    package mutating func add(expected: [Float], actual: [Float]) {
        let (expected, actual) = (distribution(expected), distribution(actual))
        if Self.best(expected) == Self.best(actual) { agreements += 1 }
        divergence += zip(expected, actual).reduce(0) { sum, pair in
            pair.0 > 0 ? sum + pair.0 * log(pair.0 / max(pair.1, 1e-30)) : sum
        }
        count += 1
    }

    private static func best(_ values: [Double]) -> Int? { values.indices.max { values[$0] < values[$1] } }

    private func distribution(_ values: [Float]) -> [Double] {
        let shares: [Double]
        switch scores {
        case .probabilities: shares = values.map { max(0, Double($0)) }
        case .logits:
            let largest = Double(values.max() ?? 0)
            shares = values.map { exp(Double($0) - largest) }
        }
        let sum = shares.reduce(0, +)
        return sum > 0 ? shares.map { $0 / sum } : shares.map { _ in 1 / Double(shares.count) }
    }
}
