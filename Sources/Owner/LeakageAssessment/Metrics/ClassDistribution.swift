// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// A classifier's class probabilities for one image.
package struct ClassDistribution: Sendable, Codable {
    /// Lower bound of the probabilities in the second argument of a divergence, so that a class with probability 0 does
    /// not make it infinite.
    package static let floor = 1e-12

    /// One per class, with sum 1.
    package let probabilities: [Double]
    /// H = -sum p ln p, in nats.
    package let entropy: Double

    /// A distribution that was checked before.
    init(probabilities: [Double], entropy: Double) {
        self.probabilities = probabilities
        self.entropy = entropy
    }

    /// - Parameter probabilities: At least two, each 0 to 1, with a sum within 0.001 of 1; normalised by their sum.
    /// - Throws: ``AssessmentError`` `.notFinite` for anything else.
    package init(_ probabilities: some Collection<Float>) throws(AssessmentError) {
        var sum = 0.0
        for value in probabilities {
            guard value >= 0, value <= 1.001 else {
                throw AssessmentError(
                    .notFinite, "a class probability is \(value), expected 0 to 1: is the output a softmax?")
            }
            sum += Double(value)
        }
        guard probabilities.count >= 2, abs(sum - 1) <= 1e-3 else {
            throw AssessmentError(
                .notFinite, "\(probabilities.count) class probabilities add up to \(sum), expected at least 2 and 1")
        }
        self.probabilities = probabilities.map { Double($0) / sum }
        entropy = -self.probabilities.reduce(0) { $0 + ($1 > 0 ? $1 * log($1) : 0) }
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
