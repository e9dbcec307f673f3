// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import ONNXNames

/// The results of the stages so far, and the conclusions from them.
struct Findings {
    typealias Conclusion = (cuts: [CutMeasurement], verdicts: [GateVerdict], recommendation: Recommendation)

    /// One element per cut, as in ``outcomes``.
    var channelKL: [ChannelKL?]
    var outcomes: [DecoderStage.Outcome]
    /// The measurements of noise, by cut index, where noise was tried.
    var noise: [Int: NoiseMeasurement] = [:]
    /// Attacks that did not run, one element per cut.
    var untried: [Set<UntriedAttacks.Kind>]
    /// The stages that the deadline ended.
    var unfinished: [AssessmentProgress.Stage] = []
    let costs: CostStage.Outcome
    let mapping: MappingStage.Outcome
    var bounds: BoundsStage.Outcome = .none(nil)
    /// The outcomes of the white-box attack, by cut index.
    var whiteBox: [Int: WhiteBoxStage.Outcome] = [:]

    init(outcomes: [DecoderStage.Outcome], costs: CostStage.Outcome, mapping: MappingStage.Outcome) {
        channelKL = outcomes.map { _ in nil }
        untried = outcomes.map { _ in [] }
        self.outcomes = outcomes
        self.costs = costs
        self.mapping = mapping
    }

    func conclusion(_ context: StageContext) -> Conclusion {
        let (cuts, graph, configuration) = (context.cuts, context.model.graph, context.configuration)
        var bounds: [LeakageBounds?] = cuts.map { _ in nil }
        if case .bounds(let found) = self.bounds { bounds = found }
        let measurements = cuts.indices.map { index -> CutMeasurement in
            var findings = outcomes[index].findings
            findings[ChannelKL.self] = channelKL[index]
            findings[LeakageBounds.self] = bounds[index]
            findings[WhiteBoxScores.self] = whiteBox[index]?.scores
            findings[UntriedAttacks.self] = untried[index].isEmpty ? nil : UntriedAttacks(untried[index])
            return CutMeasurement(
                cut: cuts[index],
                operatorName: graph.nodes[cuts[index].nodesInside - 1].operation.onnxName,
                crossing: cuts[index].crossing.map { Value(name: $0, type: graph.type(of: $0)) },
                decoder: outcomes[index].scores, findings: findings, cost: costs.costs[index],
                weights: WeightRecovery(of: graph, inside: cuts[index]), noise: noise[index])
        }
        let verdicts = GateVerdict.verdicts(
            for: measurements, notAssessed: context.notAssessed, gates: configuration.gates,
            adversary: configuration.adversary, protecting: configuration.protected, attacker: context.attacker,
            attacks: configuration.attacks, mapping: mapping.leakage)
        return (
            measurements, verdicts,
            Recommendation.choose(
                among: measurements, verdicts: verdicts, gates: configuration.gates,
                adversary: configuration.adversary, mapping: (context.mapping.name, context.mapping.nodesInside),
                shallowerMapping: costs.shallowerMapping, whole: costs.whole, budgets: configuration.budgets,
                pictures: context.decoded, protecting: configuration.protected,
                attackerPictures: configuration.attackerPictures,
                trainsDecoders: configuration.trainedCuts != .none, attacks: configuration.attacks)
        )
    }

    func result(
        _ context: StageContext, truths: Truths, gallery: [GalleryRow]
    ) throws(AssessmentError) -> AssessmentResult {
        let (configuration, pictures) = (context.configuration, context.pictures)
        let (measurements, verdicts, recommendation) = conclusion(context)
        return AssessmentResult(
            model: try context.model.description(), validator: try configuration.validator?.description(),
            sample: AssessmentResult.Sample(
                images: pictures.entries.count, folderImages: pictures.files, skipped: pictures.skipped,
                channelImages: truths.count, trainingImages: context.split.training.count,
                testImages: context.split.testing.count,
                baselineMean: Statistics.mean(try truths.map(KullbackLeibler.uniformBaseline)),
                validatorUnsure: try Warnings.unsure(truths)),
            question: AssessmentResult.Question(
                gates: configuration.gates, adversary: configuration.adversary, protected: configuration.protected,
                attackerPictures: configuration.attackerPictures, budgets: configuration.budgets,
                whiteBox: configuration.whiteBox, seed: configuration.seed, threads: configuration.threads),
            cuts: measurements, verdicts: verdicts,
            recommendation: recommendation, paperRule: PaperRule.choose(among: measurements),
            mapping: context.mapping.name, mappingLeakage: mapping.leakage, gallery: gallery,
            warnings: try Warnings.texts(context, truths: truths, measured: measurements)
                + Warnings.texts(bounds: bounds, measured: measurements, verdicts: verdicts, gates: configuration.gates)
                + Warnings.untried(measurements)
                + Warnings.leftOut(measurements, verdicts),
            modelMilliseconds: costs.whole.frontMilliseconds)
    }
}
