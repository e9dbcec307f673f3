// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

/// The paper's Model Assessment Framework: measures what every cut of a model leaks, and recommends one.
package struct Assessor: Sendable {
    let configuration: AssessmentConfiguration

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

    /// Runs all measurements; blocks until they are done.
    ///
    /// - Parameters:
    ///   - work: Stores results. After an interruption the same call resumes, and gives the same result.
    ///   - shards: Of the same assessment; others are refused.
    ///   - progress: Called from several threads, at most ten times a second.
    ///   - forecast: Called once, after the first cut was attacked.
    /// - Throws: ``AssessmentError``; `.cancelled` once `cancellation` was raised.
    package func run(
        work: WorkDirectory = .none, merging shards: [ShardRecord] = [],
        cancellation: CancellationFlag = CancellationFlag(),
        progress: @escaping @Sendable (AssessmentProgress) -> Void = { _ in },
        forecast: (AssessmentForecast) -> Void = { _ in }
    ) throws(AssessmentError) -> AssessmentResult {
        let context = try StageContext(configuration, work: work, cancellation: cancellation, progress: progress)
        for record in shards {
            if let kind = record.difference(from: context.digests) {
                throw AssessmentError(
                    .file, "shard \(record.shard) is of different inputs than there are now: \(kind)")
            }
        }
        let truths = try TruthStage.run(context)
        let costs = try CostStage.run(context)
        let mapping = try MappingStage.run(context)
        let views = SecondViewStage.views(context)
        _ = try views.value()
        let start = ContinuousClock.now
        // The time of one cut in the middle, whose result is kept, predicts the time of all.
        let middle = context.cuts.count / 2
        let attacked = try DecoderStage.run(
            context, cuts: [context.cuts[middle]], classes: mapping.answers, views: views)
        forecast(
            try AssessmentForecast(context, secondsPerCut: (ContinuousClock.now - start) / .seconds(1)))
        let rest = context.cuts.enumerated().filter { $0.offset != middle }.map(\.element)
        var outcomes = try DecoderStage.run(context, cuts: rest, classes: mapping.answers, views: views)
        outcomes.insert(contentsOf: attacked, at: middle)
        var findings = Findings(outcomes: outcomes, costs: costs, mapping: mapping)
        if configuration.adversary != .informed {
            let decides = findings.conclusion(context).verdicts.map {
                configuration.adversary == .paper || $0.outcome != .fails
            }
            findings.channelKL = try ChannelStage.run(context, truths: truths, decides: decides)
        }
        try TrainedStage.run(context, &findings)
        try NoiseStage.run(context, &findings)
        let conclusion = findings.conclusion(context)
        // They are expensive and show how far a usable cut can be trusted, so they are left out where no cut is within
        // the gates.
        let isAnyWithin = zip(context.cuts, conclusion.verdicts).contains {
            $1.passes && $0.nodesInside < context.mapping.nodesInside
        }
        if isAnyWithin || configuration.bounds.isAlways { findings.bounds = try BoundsStage.run(context) }
        if isAnyWithin || configuration.whiteBox.isAlways {
            findings.whiteBox = try WhiteBoxStage.run(context, at: WhiteBoxStage.cuts(conclusion))
        }
        let gallery = try GalleryStage.run(context, findings)
        var result = try findings.result(context, truths: truths, gallery: gallery)
        result.attacks = configuration.attacks
        return result
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
