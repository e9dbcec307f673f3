// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

/// Trains decoders where they can still change a verdict, until every cut with feature maps that is within the gates has
/// stood one.
enum TrainedStage {
    static func run(_ context: StageContext, _ findings: inout Findings) throws(AssessmentError) {
        let cuts = context.cuts
        let possible = cuts.map { hasMaps($0, context) }
        var attacked: Set<Int> = []
        while true {
            let wanted = TrainedCutChoice.wanted(
                context.configuration.trainedCuts, findings.conclusion(context).verdicts, hasMaps: possible,
                attacked: attacked)
            guard !wanted.isEmpty else { return }
            let trained = try DecoderStage.run(
                context, cuts: wanted.map { cuts[$0] }, classes: findings.mapping.answers, views: nil,
                training: context.configuration.training)
            for (index, outcome) in zip(wanted, trained) {
                findings.outcomes[index] = findings.outcomes[index].joined(with: outcome)
            }
            attacked.formUnion(wanted)
        }
    }

    /// Whether a decoder can be trained at this cut.
    static func hasMaps(_ cut: Cut, _ context: StageContext) -> Bool {
        cut.crossing.contains { FeatureLayout.isMap(context.model.graph.type(of: $0).shape.dimensions) }
    }
}
