// SPDX-License-Identifier: Apache-2.0
extension DecoderScores: Finding {
    package static let name = "decoders"

    package func estimates(for attacker: Attacker) -> [Metric: LeakEstimate] {
        let found = LeakEstimate(rSquared, standardError: rSquaredError)
        return [
            .rSquared: found,
            // With more images an attacker finds at least what the decoders have found already.
            .extrapolatedRSquared: LeakEstimate(
                lower: max(0, found.lower), value: max(0, found.value), upper: min(1, max(0, found.upper)),
                standing: .floor),
            .similarityGain: LeakEstimate(similarityGain, standardError: similarityGainError).asFloor,
            .retrieval: retrieval,
        ]
    }

    /// The share identified by reconstruction, with the images at hand, as a floor.
    package var retrieval: LeakEstimate {
        .floor(share: retrievalTopOne, count: candidates, guess: 1 / Double(max(1, candidates)))
    }
}

extension ChannelKL: Finding {
    package static let name = "channelKL"

    package func estimates(for attacker: Attacker) -> [Metric: LeakEstimate] {
        [
            .passFraction: LeakEstimate(share: passFraction, count: judged.count),
            .areaUnderCurve: LeakEstimate(areaUnderCurve, standardError: areaUnderCurveError),
        ]
    }
}

extension ChannelKL: Codable {
    private enum Member: CodingKey { case divergences, baseline, closestChannel, judged }

    package init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: Member.self)
        try self.init(
            divergences: members.decode([[Double]].self, forKey: .divergences),
            baseline: members.decode([Double].self, forKey: .baseline),
            closestChannel: members.decode([Int].self, forKey: .closestChannel),
            judged: members.decode([Int].self, forKey: .judged))
    }

    package func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: Member.self)
        try members.encode(divergences, forKey: .divergences)
        try members.encode(baseline, forKey: .baseline)
        try members.encode(closestChannel, forKey: .closestChannel)
        try members.encode(judged, forKey: .judged)
    }
}

/// Bounds the effect of noise; no gate uses it.
extension LeakageBounds: Finding {
    package static let name = "bounds"
    package func estimates(for attacker: Attacker) -> [Metric: LeakEstimate] { [:] }
}

extension WhiteBoxScores: Finding {
    package static let name = "whiteBox"

    /// It learns from no images, so it is a floor for an attacker with any number of them. A few images show that a gate
    /// is exceeded; their upper bound would say little of other images, so the value stands for it.
    package func estimates(for attacker: Attacker) -> [Metric: LeakEstimate] {
        let found = LeakEstimate(rSquared, standardError: rSquaredError)
        let value = max(0, found.value)
        return [
            .extrapolatedRSquared: LeakEstimate(
                lower: max(0, found.lower), value: value, upper: value, standing: .floor)
        ]
    }
}
