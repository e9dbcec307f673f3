// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

/// Trains decoders where they can still change a verdict, until every cut with feature maps that is within the gates has
/// stood one. Cuts that still need one are marked as ``Findings/untried``: if the deadline of the context leaves no time,
/// if nothing could be trained there, or if the configuration trains none.
enum TrainedStage {
    static func run(_ context: StageContext, _ findings: inout Findings) throws(AssessmentError) {
        let cuts = context.cuts
        let possible = cuts.map { hasMaps($0, context) }
        var attacked: Set<Int> = []
        let configuration = context.configuration
        func choose(
            _ choice: (AssessmentConfiguration.TrainedCuts, [GateVerdict], [Bool], Set<Int>) -> [Int],
            _ trained: AssessmentConfiguration.TrainedCuts
        ) -> [Int] {
            choice(trained, findings.conclusion(context).verdicts, possible, attacked)
        }
        func markOpen(_ trained: AssessmentConfiguration.TrainedCuts) {
            for index in choose(TrainedCutChoice.open(_:_:hasMaps:attacked:), trained) {
                findings.untried[index].insert(.trainedDecoder)
            }
        }
        if configuration.trainedCuts == .none {
            return configuration.precedesCostlyAttacks ? () : markOpen(.decision)
        }
        var isOver = false
        while !isOver {
            let wanted = choose(TrainedCutChoice.wanted(_:_:hasMaps:attacked:), configuration.trainedCuts)
            guard !wanted.isEmpty else { return }
            let trained = try context.untilDeadline { () throws(AssessmentError) in
                try DecoderStage.run(
                    context, cuts: wanted.map { cuts[$0] }, classes: findings.mapping.answers, views: nil,
                    training: configuration.training)
            }
            isOver = trained == nil
            // Decoders that were finished before the deadline are in the work folder.
            let outcomes =
                trained.map { $0.map(Optional.some) }
                ?? DecoderStage.kept(context, cuts: wanted.map { cuts[$0] }, training: configuration.training)
            for (index, outcome) in zip(wanted, outcomes) {
                guard let outcome else { continue }
                attacked.insert(index)
                findings.outcomes[index] = findings.outcomes[index].joined(with: outcome)
                if !outcome.scores.trials.contains(where: { $0.kind == .trained }) {
                    findings.untried[index].insert(.trainedDecoder)
                }
            }
        }
        findings.unfinished.append(.training)
        markOpen(configuration.trainedCuts)
    }

    /// Whether a decoder can be trained at this cut.
    static func hasMaps(_ cut: Cut, _ context: StageContext) -> Bool {
        cut.crossing.contains { context.model.graph.mapLayout(of: $0) != nil }
    }
}
