// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import ModelGraph

/// A classifier's class probabilities for one image.
package struct ClassDistribution: Sendable, Codable {
    /// Lower bound of the probabilities in the second argument of a divergence, so that a class with probability 0 does
    /// not make it infinite.
    package static let floor = 1e-12
    /// How far a probability may be beyond 0 or 1: 8-bit levels are 0.004 apart.
    package static let rounding: Float = 0.01

    /// One per class, with sum 1.
    package let probabilities: [Double]
    /// H = -sum p ln p, in nats.
    package let entropy: Double

    /// A distribution that was checked before.
    init(probabilities: [Double], entropy: Double) {
        self.probabilities = probabilities
        self.entropy = entropy
    }

    /// - Parameter probabilities: At least two, each 0 to 1 up to ``rounding``. They are divided by their sum, which is 1
    ///   for a softmax and any number for sigmoids; if it is 0, all classes are equally probable.
    /// - Throws: ``AssessmentError`` `.notFinite` for anything else.
    package init(_ probabilities: some Collection<Float>) throws(AssessmentError) {
        for value in probabilities {
            guard value >= -Self.rounding, value <= 1 + Self.rounding else {
                throw AssessmentError(
                    .notFinite, "a class probability is \(value), expected 0 to 1")
            }
        }
        guard probabilities.count >= 2 else {
            throw AssessmentError(.notFinite, "\(probabilities.count) class probabilities, expected at least 2")
        }
        let clipped = probabilities.map { min(max(Double($0), 0), 1) }
        let sum = clipped.reduce(0, +)
        self.probabilities = clipped.map { sum > 0 ? $0 / sum : 1 / Double(clipped.count) }
        entropy = -self.probabilities.reduce(0) { $0 + ($1 > 0 ? $1 * log($1) : 0) }
    }

    /// The distribution of a network's scores.
    ///
    /// - Throws: ``AssessmentError`` `.notFinite` when one is not finite or no probability, or there are fewer than two.
    init(_ scores: some Collection<Float>, as kind: ScoreKind) throws(AssessmentError) {
        switch kind {
        case .logits: try self.init(logits: scores)
        case .probabilities: try self.init(scores)
        }
    }

    /// The softmax of `logits`.
    ///
    /// - Throws: ``AssessmentError`` `.notFinite` when one is not finite or there are fewer than two.
    package init(logits: some Collection<Float>) throws(AssessmentError) {
        guard logits.count >= 2, logits.allSatisfy(\.isFinite), let largest = logits.max() else {
            throw AssessmentError(.notFinite, "the \(logits.count) class scores are not all finite")
        }
        let exponentials = logits.map { exp(Double($0) - Double(largest)) }
        let sum = exponentials.reduce(0, +)
        probabilities = exponentials.map { $0 / sum }
        entropy = -probabilities.reduce(0) { $0 + ($1 > 0 ? $1 * log($1) : 0) }
    }

    /// The largest probability.
    package var confidence: Double { probabilities.max() ?? 0 }

    /// The most probable class; of equals the first.
    package var likeliestClass: Int { probabilities.indices.max { probabilities[$0] < probabilities[$1] } ?? 0 }

    /// ln max(p, ``floor``) for each class.
    package var flooredLogarithms: [Double] { probabilities.map { log(max($0, Self.floor)) } }
}
