// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// KL(p || q) = sum p ln(p / max(q, 1e-12)) in nats: the divergence of the class distribution q of a feature map from
/// that of the image, p. Large values are good: the map reveals little of the image.
///
/// - Source: the paper's assessment (arXiv 1807.00969), reconstructed in the design notes' Tier 1; floor as stated
///   there.
package enum KullbackLeibler {
    /// - Parameter logarithms: ``ClassDistribution/flooredLogarithms`` of q, one per class of p.
    /// - Returns: Nats; at least 0 up to rounding by the floor.
    package static func divergence(
        of p: ClassDistribution, fromLogarithms logarithms: [Double]
    ) throws(AssessmentError) -> Double {
        guard logarithms.count == p.probabilities.count else {
            throw AssessmentError(
                .shapeMismatch, "distributions over \(p.probabilities.count) and \(logarithms.count) classes")
        }
        var cross = 0.0
        for index in logarithms.indices { cross += p.probabilities[index] * logarithms[index] }
        return -p.entropy - cross
    }

    package static func divergence(
        of p: ClassDistribution, from q: ClassDistribution
    ) throws(AssessmentError) -> Double {
        try divergence(of: p, fromLogarithms: q.flooredLogarithms)
    }

    /// KL(p || uniform) = ln C - H(p): the divergence of a guess without information. The paper's threshold.
    package static func uniformBaseline(_ p: ClassDistribution) -> Double {
        log(Double(p.probabilities.count)) - p.entropy
    }
}
