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
        let unjudged = configuration.protected.subtracting([.appearance])
        guard configuration.adversary != .paper || unjudged.isEmpty else {
            throw AssessmentError(
                .invalidConfiguration,
                "the paper's adversary has no measure of \(Asset.sentence(unjudged)), so the assessment could not "
                    + "protect it: protect appearance alone (--protect appearance), or choose the adversary informed "
                    + "or both")
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
    ///   - forecast: Called before the first attack, and again with a better estimate after the first cut; `nil` makes
    ///     none.
    ///   - costlyDeadline: Ends channel KL (not for the paper's adversary, who has nothing else), trained decoders, noise,
    ///     bounds and white-box attack. What did not run is named in ``AssessmentResult/unfinished`` and in warnings, and
    ///     a cut that an attack could still fail does not pass.
    /// - Throws: ``AssessmentError``; `.cancelled` once `cancellation` was raised.
    package func run(
        work: WorkDirectory = .none, merging shards: [ShardRecord] = [],
        cancellation: CancellationFlag = CancellationFlag(),
        progress: @escaping @Sendable (AssessmentProgress) -> Void = { _ in },
        forecast: ((AssessmentForecast) -> Void)? = nil, costlyDeadline: ContinuousClock.Instant? = nil
    ) throws(AssessmentError) -> AssessmentResult {
        let context = try StageContext(configuration, work: work, cancellation: cancellation, progress: progress)
        for record in shards {
            if let kind = record.difference(from: context.digests) {
                throw AssessmentError(
                    .file, "shard \(record.shard) is of different inputs than there are now: \(kind)")
            }
        }
        // An error of a network is thrown by the stages below, with the name of the picture.
        if let forecast, let first = try? AssessmentForecast(context) { forecast(first) }
        let limited = context.limited(to: costlyDeadline)
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
        if let forecast {
            forecast(try AssessmentForecast(context, secondsPerCut: (ContinuousClock.now - start) / .seconds(1)))
        }
        let rest = context.cuts.enumerated().filter { $0.offset != middle }.map(\.element)
        var outcomes = try DecoderStage.run(context, cuts: rest, classes: mapping.answers, views: views)
        outcomes.insert(contentsOf: attacked, at: middle)
        var findings = Findings(outcomes: outcomes, costs: costs, mapping: mapping)
        if configuration.adversary != .informed {
            let decides = findings.conclusion(context).verdicts.map {
                configuration.adversary == .paper || $0.outcome != .fails
            }
            let judged = try ChannelStage.run(
                configuration.adversary == .paper ? context : limited, truths: truths, decides: decides)
            findings.channelKL = judged.found
            if !judged.missing.isEmpty { findings.unfinished.append(.channelKL) }
            for index in judged.missing { findings.untried[index].insert(.channelKL) }
        }
        try TrainedStage.run(limited, &findings)
        try finish(.noise, limited, &findings) { (findings) throws(AssessmentError) in
            try NoiseStage.run(limited, &findings)
        }
        let conclusion = findings.conclusion(context)
        // They are expensive and show how far a usable cut can be trusted, so they are left out where no cut is within
        // the gates.
        let isAnyWithin = zip(context.cuts, conclusion.verdicts).contains {
            $1.asAssessed.passes && $0.nodesInside < context.mapping.nodesInside
        }
        if isAnyWithin || configuration.bounds.isAlways {
            try finish(.bounds, limited, &findings) { (findings) throws(AssessmentError) in
                findings.bounds = try BoundsStage.run(limited)
            }
        }
        if isAnyWithin || configuration.whiteBox.isAlways {
            try finish(.whiteBox, limited, &findings) { (findings) throws(AssessmentError) in
                try WhiteBoxStage.run(limited, &findings)
            }
        }
        WhiteBoxStage.markOpen(context, &findings)
        let gallery = try GalleryStage.run(context, findings)
        var result = try findings.result(context, truths: truths, gallery: gallery)
        result.attacks = configuration.attacks
        result.unfinished = findings.unfinished
        return result
    }

    /// Runs a stage that the deadline of the context may end.
    private func finish(
        _ stage: AssessmentProgress.Stage, _ limited: StageContext, _ findings: inout Findings,
        _ run: (inout Findings) throws(AssessmentError) -> Void
    ) throws(AssessmentError) {
        let finished: Void? = try limited.untilDeadline { () throws(AssessmentError) in try run(&findings) }
        if finished == nil { findings.unfinished.append(stage) }
    }
}
