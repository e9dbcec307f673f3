internal import ModelGraph
internal import Tensors

/// Tier 2: the closed-form decoders of every cut.
enum DecoderStage {
    /// Features in memory at once. Cuts are taken in groups that fit; the model runs once per picture and group.
    static let memoryBytes = 1 << 30
    /// A decoder holds a few hundred megabytes.
    static let maximumThreads = 4

    struct Outcome: Sendable {
        let scores: DecoderScores
        let reconstructions: [Picture]
        let judgement: ReconstructionJudge.Judgement
        let joint: JointLeakage
        /// What the closed-form decoders gain in R² from four times the pictures; `nil` where it was not asked.
        let gainFromPictures: Double?
    }

    /// - Parameters:
    ///   - count: How many of the pictures.
    ///   - classes: The model's own answers for them.
    ///   - training: `nil` for the closed-form decoders alone.
    static func run(
        _ configuration: AssessmentConfiguration, validator: AssessmentConfiguration.Network, cuts: [Cut],
        pictures: PictureSet, split: PictureSplit, count: Int, classes: [Int], training: TrainedDecoder.Options? = nil,
        cancellation: CancellationFlag, progress: @escaping @Sendable (AssessmentProgress) -> Void
    ) throws(AssessmentError) -> [Outcome] {
        let model = configuration.model
        let extents = (height: model.preprocessing.height, width: model.preprocessing.width)
        let seed = configuration.seed
        let layouts = cuts.map { cut in
            FeatureLayout(crossing: cut.crossing, of: model.graph, picture: extents, seed: seed)
        }
        let originals = (0..<count).map(pictures.picture)
        let meter = ProgressMeter(training == nil ? .decoders : .training, total: cuts.count, report: progress)
        MatrixProduct.setThreads(1)

        var outcomes: [Outcome] = []
        for group in groups(cuts, layouts, model.graph, pictures: count) {
            let groupCuts = Array(cuts[group])
            let groupLayouts = Array(layouts[group])
            let features = try WorkerThreads<[FeatureLayout.Features]>.map(
                count: count, threads: configuration.threads
            ) { () throws(AssessmentError) in
                try CutProbe(model, cuts: groupCuts)
            } body: { (probe, picture) throws(AssessmentError) in
                try cancellation.check()
                let crossing = try probe.crossing(of: try pictures.tensor(of: picture))
                var features: [FeatureLayout.Features] = []
                for (index, layout) in groupLayouts.enumerated() {
                    do throws(AssessmentError) { features.append(try layout.features(of: crossing[index])) } catch {
                        throw AssessmentError(
                            error.code,
                            "cut '\(groupCuts[index].name)', picture \(pictures.entries[picture].name): \(error.message)"
                        )
                    }
                }
                return features
            }
            outcomes += try WorkerThreads<Outcome>.map(
                count: groupCuts.count, threads: min(maximumThreads, configuration.threads)
            ) { () throws(AssessmentError) in
                try ReconstructionJudge(validator)
            } body: { (judge, index) throws(AssessmentError) in
                try cancellation.check()
                let layout = groupLayouts[index]
                let targets = originals.map {
                    $0.averaged(
                        over: layout.region, height: layout.reconstruction.height, width: layout.reconstruction.width)
                }
                let cutFeatures = CutFeatures(layout: layout, pictures: features.map { $0[index] })
                let outcome = try DecoderAttack.run(
                    on: cutFeatures, targets: targets, split: split, seed: seed, training: training,
                    cancellation: cancellation)
                let judgement = try judge.judge(
                    outcome.reconstructions, of: split.testing.map { targets[$0] }, mean: outcome.meanPicture)
                let joint = JointLeakage(gram: cutFeatures.gram, pictures: targets, classes: classes, seed: seed)
                var gain: Double?
                if training != nil {
                    let plain = outcome.scores.trials.filter { $0.kind != .trained }.map(\.determination).max()
                    let few = try DecoderAttack.run(on: cutFeatures, targets: targets, split: split.quarter, seed: seed)
                    gain = plain.map { $0 - max(0, few.scores.determination) }
                }
                meter.advance(by: 1)
                return Outcome(
                    scores: outcome.scores, reconstructions: outcome.reconstructions, judgement: judgement,
                    joint: joint, gainFromPictures: gain)
            }
        }
        return outcomes
    }

    private static func groups(
        _ cuts: [Cut], _ layouts: [FeatureLayout], _ graph: Graph, pictures: Int
    ) -> [Range<Int>] {
        var groups: [Range<Int>] = []
        var (start, bytes) = (0, 0)
        for index in cuts.indices {
            let types = cuts[index].crossing.map(graph.type(of:))
            let size = 4 * pictures * layouts[index].elements(crossing: types)
            if index > start, bytes + size > memoryBytes {
                groups.append(start..<index)
                (start, bytes) = (index, 0)
            }
            bytes += size
        }
        if start < cuts.count { groups.append(start..<cuts.count) }
        return groups
    }
}
