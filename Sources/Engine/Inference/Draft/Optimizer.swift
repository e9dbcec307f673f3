/// A rewriting of a draft that preserves its results.
protocol Pass: Sendable {
    /// The name in `inspect --plan` and in tests.
    static var name: String { get }
    static func apply(to draft: inout Draft) throws(InferenceError)
}

/// The passes in the order in which they run.
enum Optimizer {
    static var passes: [any Pass.Type] {
        [
            ViewRemoval.self,
            ConstantFolding.self,
            DeadCodeRemoval.self,
            QuantizationMerging.self,
            HardSigmoidExpansion.self,
            SwishRecognition.self,
            GELURecognition.self,
            LayerNormalizationRecognition.self,
            MatrixProductSelection.self,
            ViewPostponement.self,
            BiasFusion.self,
            ChannelScalingFolding.self,
            BatchNormalizationExpansion.self,
            PaddingMerging.self,
            LinearRecognition.self,
            ActivationFusion.self,
            ResidualFusion.self,
            GateFolding.self,
            DeadCodeRemoval.self,
        ]
    }

    static func optimize(_ draft: inout Draft) throws(InferenceError) {
        for pass in passes { try pass.apply(to: &draft) }
    }
}

extension Draft {
    mutating func note(_ pass: (some Pass).Type, _ node: String) { log.append((pass.name, node)) }
}
