// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph

extension Assessor {
    /// Computes one shard's share, stores its results and, when they are complete, a ``ShardRecord``; blocks until that
    /// is done. Merging does the rest: training and attacks near the decision, distances between all images, and the
    /// report.
    ///
    /// - Parameters:
    ///   - note: What the caller needs to describe the same assessment again.
    /// - Throws: ``AssessmentError``; `.cancelled` once `cancellation` was raised.
    package func run(
        _ shard: Shard, note: [String], work: WorkDirectory, cancellation: CancellationFlag = CancellationFlag(),
        progress: @escaping @Sendable (AssessmentProgress) -> Void = { _ in }
    ) throws(AssessmentError) {
        guard let folder = work.path else {
            throw AssessmentError(.invalidConfiguration, "a shard needs a work directory")
        }
        let context = try StageContext(configuration, work: work, cancellation: cancellation, progress: progress)
        if shard.index == 1 { _ = try CostStage.run(context) }
        let classes = try MappingStage.run(context).answers
        let cuts = context.cuts.enumerated().filter { shard.owns($0.offset) }.map(\.element)
        let outcomes = try DecoderStage.run(
            context, cuts: cuts, classes: classes, views: SecondViewStage.views(context))
        if configuration.trainedCuts == .all {
            let possible = cuts.filter { TrainedStage.hasMaps($0, context) }
            _ = try DecoderStage.run(
                context, cuts: possible, classes: classes, views: nil, training: configuration.training)
        }
        if configuration.adversary != .informed {
            try ChannelStage.prepare(
                context, truths: try TruthStage.run(context),
                of: zip(cuts, outcomes).map { cut, outcome in
                    (cut, configuration.adversary == .paper || !outcome.fails(context))
                })
        }
        if configuration.bounds.isAlways { try BoundsStage.prepare(context, where: shard.owns) }
        try ShardRecord(
            shard: shard, inputs: context.digests, threads: configuration.threads, note: note
        ).write(to: folder)
    }
}

extension DecoderStage.Outcome {
    /// Whether this cut fails a gate by itself, without its deeper cuts.
    fileprivate func fails(_ context: StageContext) -> Bool {
        let configuration = context.configuration
        guard let limit = configuration.gates[.rSquared], configuration.protected.contains(.appearance) else {
            return false
        }
        return scores.rSquared - Gates.deviations * scores.rSquaredError > limit
    }
}

extension StageContext {
    /// A digest per kind of input. Equal digests give equal results, except for training and timing.
    var digests: [String: String] {
        func digest(_ add: (inout InputHasher) -> Void) -> String {
            var hasher = InputHasher()
            add(&hasher)
            return hasher.digest()
        }
        return [
            "model": inputs.model, "validator": inputs.validator, "seed": "\(seed)", "software": inputs.software,
            "pictures": digest { hasher in
                for entry in pictures.entries { hasher.add("picture", entry.digest) }
            },
            "choice of cuts and options": digest { hasher in
                for cut in cuts { hasher.add("cut", cut.name) }
                let settings = configuration
                hasher.add(
                    "limits", "\(settings.channelImageLimit) \(settings.fewChannelImages) \(settings.decoderImageLimit)"
                )
                hasher.add("trained", everythingOf: (settings.trainedCuts, settings.training))
                hasher.add("bounds and attack", everythingOf: (settings.bounds, settings.whiteBox))
                hasher.add(
                    "decision",
                    everythingOf: (settings.gates, settings.adversary, settings.budgets, settings.attackerPictures))
                for asset in Asset.allCases where settings.protected.contains(asset) {
                    hasher.add("protected", asset.rawValue)
                }
                hasher.add("measures time", "\(settings.measuresTime)")
                hasher.add("tries noise", "\(settings.triesNoise)")
                for attack in settings.attacks { hasher.add("attack", everythingOf: attack) }
            },
        ]
    }
}
