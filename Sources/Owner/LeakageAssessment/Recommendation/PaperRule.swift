// SPDX-License-Identifier: Apache-2.0
/// The choice of the paper's rule alone: the shallowest cut from which on the mean channel KL stays above the uniform
/// baseline.
package struct PaperRule: Sendable, Hashable {
    /// The finding of the mean channel KL (in nats).
    package enum Basis: Sendable, Hashable {
        /// It was not measured at every cut.
        case notMeasured
        /// No cut has an IR image.
        case noChannels
        /// From ``front`` on it is at least `least`.
        case stays(least: Double, baseline: Double)
        /// At the deepest cut with an IR image it is `deepest`, and nowhere does it stay above the baseline.
        case falls(deepest: Double, baseline: Double)
    }

    /// `nil` when it holds nowhere, no cut has an IR image, or not every cut was measured.
    package let front: String?
    package let basis: Basis

    package static func choose(among cuts: [CutMeasurement]) -> PaperRule {
        guard !cuts.contains(where: \.lacksChannelKL) else { return PaperRule(front: nil, basis: .notMeasured) }
        let applicable = cuts.filter { $0.channelKL != nil }
        guard let baseline = applicable.first?.channelKL?.baselineMean else {
            return PaperRule(front: nil, basis: .noChannels)
        }
        let lowest = Envelope.smallestFromHere(applicable.map { $0.channelKL?.mean })
        for (cut, value) in zip(applicable, lowest) {
            if let value, value >= baseline {
                return PaperRule(front: cut.name, basis: .stays(least: value, baseline: baseline))
            }
        }
        let deepest = applicable.last?.channelKL?.mean ?? 0
        return PaperRule(front: nil, basis: .falls(deepest: deepest, baseline: baseline))
    }
}
