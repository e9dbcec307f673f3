// SPDX-License-Identifier: Apache-2.0
package import ModelGraph

/// All measurements of one cut.
package struct CutMeasurement: Sendable {
    package let cut: Cut
    /// The operator of the last node inside, by its ONNX name.
    package let operatorName: String
    /// The boundary tensors, with shapes for one image.
    package let crossing: [Value]
    package let decoder: DecoderScores
    /// The findings of all attacks, including ``decoder``.
    package let findings: CutFindings
    package let cost: CutCost
    /// The number of chosen requests that determine the weights inside; `nil` where it was not counted.
    package let weights: WeightRecovery?
    /// The effect of noise on the boundary; `nil` where it was not tried.
    package var noise: NoiseMeasurement?

    /// - Parameter findings: Of the attacks other than `decoder`.
    package init(
        cut: Cut, operatorName: String, crossing: [Value], decoder: DecoderScores,
        findings: CutFindings = CutFindings(),
        cost: CutCost, weights: WeightRecovery? = nil, noise: NoiseMeasurement? = nil
    ) {
        self.cut = cut
        self.operatorName = operatorName
        self.crossing = crossing
        self.decoder = decoder
        var findings = findings
        findings[DecoderScores.self] = decoder
        self.findings = findings
        self.cost = cost
        self.weights = weights
        self.noise = noise
    }

    package var name: String { cut.name }

    /// Whether the time was over before the channel KL was measured here.
    package var lacksChannelKL: Bool { findings[UntriedAttacks.self]?.kinds.contains(.channelKL) ?? false }
    /// `nil` when all boundary tensors are vectors, which have no IR images, and where it was not measured.
    package var channelKL: ChannelKL? { findings[ChannelKL.self] }
    /// The validator's measures for the reconstructions.
    package var judgement: ReconstructionJudge.Judgement? { findings[ReconstructionJudge.Judgement.self] }
    /// What all boundary tensors together reveal, without a decoder.
    package var joint: JointLeakage? { findings[JointLeakage.self] }
    /// Learning curves of the three assets; `nil` where they were not measured.
    package var evidence: AssetEvidence? { findings[AssetEvidence.self] }
    /// `nil` where they were not estimated.
    package var bounds: LeakageBounds? { findings[LeakageBounds.self] }
    /// `nil` where it did not run.
    package var whiteBox: WhiteBoxScores? { findings[WhiteBoxScores.self] }

    /// The decoders' estimate of a metric at this cut alone.
    package func estimate(of metric: Metric) -> LeakEstimate? {
        // For the images at hand: the attacker's number of images does not matter.
        findings.estimate(of: metric, for: Attacker(pictures: 1, counted: 1))
    }
}
