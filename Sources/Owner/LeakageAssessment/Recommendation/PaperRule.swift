// SPDX-License-Identifier: Apache-2.0
/// The choice of the paper's rule alone: the shallowest cut from which on the mean channel KL stays above the uniform
/// baseline.
package struct PaperRule: Sendable, Hashable {
    /// `nil` when it holds nowhere, no cut has an IR image, or not every cut was measured.
    package let front: String?
    package let reason: String

    package static func choose(among cuts: [CutMeasurement]) -> PaperRule {
        guard !cuts.contains(where: \.lacksChannelKL) else {
            return PaperRule(
                front: nil, reason: "The channel KL was not measured at every cut, so the rule says nothing.")
        }
        let applicable = cuts.filter { $0.channelKL != nil }
        guard let baseline = applicable.first?.channelKL?.baselineMean else {
            return PaperRule(front: nil, reason: "No cut has an IR image, so the rule says nothing.")
        }
        let lowest = Envelope.smallestFromHere(applicable.map { $0.channelKL?.mean })
        for (cut, value) in zip(applicable, lowest) {
            if let value, value >= baseline {
                return PaperRule(
                    front: cut.name,
                    reason: "From '\(cut.name)' on, the mean KL stays at or above \(Format.number(value)), the uniform "
                        + "baseline being \(Format.number(baseline)).")
            }
        }
        let deepest = applicable.last?.channelKL?.mean ?? 0
        return PaperRule(
            front: nil,
            reason: "At no cut does the mean KL stay above the uniform baseline of \(Format.number(baseline)); at the "
                + "deepest with an IR image it is \(Format.number(deepest)). The rule would keep everything inside.")
    }
}
