package import ModelGraph

/// Everything that was measured at one cut.
package struct CutMeasurement: Sendable {
    package let cut: Cut
    /// The operator of the last node inside, by its ONNX name.
    package let operatorName: String
    /// What crosses, with shapes for one picture.
    package let crossing: [Value]
    /// `nil` when everything that crosses is a vector, of which there is no IR image.
    package let channelKL: ChannelKL?
    package let decoder: DecoderScores
    /// What the validator thinks of the reconstructions.
    package let judgement: ReconstructionJudge.Judgement?
    /// What everything that crosses says at once, without a decoder.
    package let joint: JointLeakage?
    /// Learning curves of the three assets; `nil` where they were not measured.
    package let evidence: AssetEvidence?
    /// `nil` where they were not estimated.
    package let bounds: LeakageBounds?
    /// `nil` where it did not run.
    package let whiteBox: WhiteBoxScores?
    package let cost: CutCost
    /// How many chosen requests determine the weights inside; `nil` where it was not counted.
    package let weights: WeightRecovery?
    /// What noise on the boundary would change; `nil` where it was not tried.
    package var noise: NoiseMeasurement?

    package init(
        cut: Cut, operatorName: String, crossing: [Value], channelKL: ChannelKL?, decoder: DecoderScores,
        judgement: ReconstructionJudge.Judgement? = nil, joint: JointLeakage? = nil,
        evidence: AssetEvidence? = nil, bounds: LeakageBounds? = nil, whiteBox: WhiteBoxScores? = nil, cost: CutCost,
        weights: WeightRecovery? = nil, noise: NoiseMeasurement? = nil
    ) {
        self.cut = cut
        self.operatorName = operatorName
        self.crossing = crossing
        self.channelKL = channelKL
        self.decoder = decoder
        self.judgement = judgement
        self.joint = joint
        self.evidence = evidence
        self.bounds = bounds
        self.whiteBox = whiteBox
        self.cost = cost
        self.weights = weights
        self.noise = noise
    }

    package var name: String { cut.name }
}
