internal import ModelGraph
internal import Tensors

/// The Model Assessment Framework: measures what every cut of a model would leak, and recommends one.
package struct Assessor: Sendable {
    private let configuration: AssessmentConfiguration

    /// - Throws: ``AssessmentError`` when the networks are no image classifiers, or the options contradict each other.
    package init(_ configuration: AssessmentConfiguration) throws(AssessmentError) {
        let factor = configuration.budgets.enclaveFactor
        guard factor.isFinite, factor > 0 else {
            throw AssessmentError(.invalidConfiguration, "the enclave's factor is \(factor), expected above 0")
        }
        guard configuration.threads >= 1 else {
            throw AssessmentError(.invalidConfiguration, "\(configuration.threads) threads, expected at least 1")
        }
        for limit in [configuration.imageLimit ?? .max, configuration.decoderImageLimit]
        where limit < PictureSplit.minimum {
            throw AssessmentError(
                .tooFewImages, "\(limit) pictures are asked for, at least \(PictureSplit.minimum) are needed")
        }
        guard configuration.channelImageLimit >= 2 else {
            throw AssessmentError(
                .invalidConfiguration,
                "\(configuration.channelImageLimit) pictures for the channel KL, expected at least 2")
        }
        try configuration.model.check()
        try configuration.validator?.check()
        self.configuration = configuration
    }

    /// Measures all of it; blocks for as long as that takes.
    ///
    /// - Parameter progress: Called from several threads, at most ten times a second.
    /// - Throws: ``AssessmentError``; `.cancelled` once `cancellation` was raised.
    package func run(
        cancellation: CancellationFlag = CancellationFlag(),
        progress: @escaping @Sendable (AssessmentProgress) -> Void = { _ in }
    ) throws(AssessmentError) -> AssessmentResult {
        let model = configuration.model
        let validator = configuration.validator ?? model
        let mapping = try model.graph.mappingCut()
        let cuts = try CutChoice.cuts(configuration.cuts, of: model.graph)
        let pictures = try PictureSet(
            configuration, validator: validator, cancellation: cancellation, progress: progress)
        let decoded = min(pictures.entries.count, configuration.decoderImageLimit)
        let split = PictureSplit(count: decoded, seed: configuration.seed)

        let costs = try CostStage.run(
            configuration, cuts: cuts, mapping: mapping, input: try pictures.tensor(of: 0),
            cancellation: cancellation, progress: progress)
        let classes = try MappingStage.run(
            configuration, mapping: mapping, pictures: pictures, split: split, count: decoded,
            cancellation: cancellation)
        var outcomes = try DecoderStage.run(
            configuration, validator: validator, cuts: cuts, pictures: pictures, split: split, count: decoded,
            classes: classes.answers, cancellation: cancellation, progress: progress)
        let channelKL =
            configuration.adversary == .informed
            ? cuts.map { _ in nil }
            : try ChannelStage.run(
                configuration, validator: validator, cuts: cuts, pictures: pictures, cancellation: cancellation,
                progress: progress)
        func measured() -> (cuts: [CutMeasurement], verdicts: [GateVerdict], recommendation: Recommendation) {
            let measurements = cuts.indices.map { index in
                CutMeasurement(
                    cut: cuts[index],
                    operatorName: model.graph.nodes[cuts[index].nodesInside - 1].operation.onnxName,
                    crossing: cuts[index].crossing.map { Value(name: $0, type: model.graph.type(of: $0)) },
                    channelKL: channelKL[index], decoder: outcomes[index].scores,
                    judgement: outcomes[index].judgement, joint: outcomes[index].joint,
                    gainFromPictures: outcomes[index].gainFromPictures, cost: costs.costs[index])
            }
            let verdicts = GateVerdict.verdicts(
                for: measurements, gates: configuration.gates, adversary: configuration.adversary)
            return (
                measurements, verdicts,
                Recommendation.choose(
                    among: measurements, verdicts: verdicts, gates: configuration.gates,
                    adversary: configuration.adversary, mapping: (mapping.name, mapping.nodesInside),
                    shallowerMapping: costs.shallowerMapping, whole: costs.whole, budgets: configuration.budgets,
                    pictures: decoded)
            )
        }
        var attacked: Set<Int> = []
        while true {
            let wanted = TrainedCutChoice.wanted(
                configuration.trainedCuts, measured(),
                hasMaps: cuts.map { cut in
                    cut.crossing.contains { FeatureLayout.isMap(model.graph.type(of: $0).shape.dimensions) }
                }
            ).filter { !attacked.contains($0) }
            guard !wanted.isEmpty else { break }
            let trained = try DecoderStage.run(
                configuration, validator: validator, cuts: wanted.map { cuts[$0] }, pictures: pictures, split: split,
                count: decoded, classes: classes.answers, training: configuration.training,
                cancellation: cancellation, progress: progress)
            for (index, outcome) in zip(wanted, trained) { outcomes[index] = outcome }
            attacked.formUnion(wanted)
        }
        let (measurements, verdicts, recommendation) = measured()
        let gallery = try GalleryStage.run(
            configuration, cuts: cuts, channelKL: channelKL, outcomes: outcomes, pictures: pictures, split: split)

        return AssessmentResult(
            model: model.description, validator: configuration.validator?.description,
            images: pictures.entries.count, skipped: pictures.skipped, channelImages: pictures.truths.count,
            trainingImages: split.training.count, testImages: split.testing.count, seed: configuration.seed,
            gates: configuration.gates,
            adversary: configuration.adversary, budgets: configuration.budgets,
            baselineMean: Statistics.mean(pictures.truths.map(KullbackLeibler.uniformBaseline)),
            validatorUnsure: Warnings.unsure(pictures.truths), cuts: measurements, verdicts: verdicts,
            recommendation: recommendation,
            paperRule: PaperRule.choose(among: measurements), mapping: mapping.name,
            mappingLeakage: classes.leakage, gallery: gallery,
            warnings: Warnings.texts(
                pictures, decoded: decoded, independentValidator: configuration.validator != nil,
                measured: measurements),
            modelMilliseconds: costs.whole.frontMilliseconds, threads: configuration.threads)
    }
}

extension AssessmentConfiguration.Network {
    var description: AssessmentResult.NetworkDescription {
        AssessmentResult.NetworkDescription(
            name: name, sha256: sha256, classes: classes, parameters: graph.parameters,
            multiplyAdds: graph.multiplyAddsByNode.reduce(0, +), width: preprocessing.width,
            height: preprocessing.height)
    }
}
