package import ModelGraph

/// Everything that was measured at one cut.
package struct CutMeasurement: Sendable {
    package let cut: Cut
    /// The operator of the last node inside, by its ONNX name.
    package let operatorName: String
    /// What crosses, with shapes for one picture.
    package let crossing: [Value]
    package let decoder: DecoderScores
    /// Of all attacks, ``decoder`` among them.
    package let findings: CutFindings
    package let cost: CutCost
    /// How many chosen requests determine the weights inside; `nil` where it was not counted.
    package let weights: WeightRecovery?
    /// What noise on the boundary would change; `nil` where it was not tried.
    package var noise: NoiseMeasurement?

    /// - Parameter findings: Of the attacks beside `decoder`.
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

    /// `nil` when everything that crosses is a vector, of which there is no IR image.
    package var channelKL: ChannelKL? { findings[ChannelKL.self] }
    /// What the validator thinks of the reconstructions.
    package var judgement: ReconstructionJudge.Judgement? { findings[ReconstructionJudge.Judgement.self] }
    /// What everything that crosses says at once, without a decoder.
    package var joint: JointLeakage? { findings[JointLeakage.self] }
    /// Learning curves of the three assets; `nil` where they were not measured.
    package var evidence: AssetEvidence? { findings[AssetEvidence.self] }
    /// `nil` where they were not estimated.
    package var bounds: LeakageBounds? { findings[LeakageBounds.self] }
    /// `nil` where it did not run.
    package var whiteBox: WhiteBoxScores? { findings[WhiteBoxScores.self] }

    /// What the decoders found of a metric at this cut alone.
    package func estimate(of metric: Metric) -> LeakEstimate? {
        // Of the pictures at hand: the attacker's count for nothing.
        findings.estimate(of: metric, for: Attacker(pictures: 1, counted: 1))
    }
}
