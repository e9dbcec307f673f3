// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

/// Tier 2: the decoders of every cut. One stored result per cut.
enum DecoderStage {
    /// Features of several cuts are recorded at once, up to this many bytes of ``ScratchSpace``; the model runs once
    /// per image and group.
    static let groupBytes = 4 << 30
    /// A decoder uses a few hundred megabytes, which limits the threads.
    static let maximumThreads = 4

    struct Outcome: Sendable, Codable {
        private(set) var scores: DecoderScores
        /// The images at ``GalleryStage/positions(_:)``.
        let gallery: [StoredImage]
        /// Of the attacks of ``AttackCatalogue``. Under noise and for the trained decoder only of attacks with
        /// ``Attack/followsDecoders``.
        var findings: CutFindings

        /// With the results of a later run that has a trained decoder among its decoders: ``DecoderScores/joined(with:)``.
        /// Findings that depend on the reconstructions are shown of the decoder with the higher R²; both runs count.
        func joined(with trained: Outcome) -> Outcome {
            let isBetter = trained.scores.rSquared >= scores.rSquared
            var joined = isBetter ? trained : self
            joined.scores = scores.joined(with: trained.scores)
            let (shown, other) = isBetter ? (trained, self) : (self, trained)
            joined.findings = other.findings.merging(shown.findings).counting(other.findings)
            if let earlier = findings[DecoderCurves.self], let later = trained.findings[DecoderCurves.self] {
                joined.findings[DecoderCurves.self] = earlier.joined(with: later)
            }
            return joined
        }
    }

    /// - Parameters:
    ///   - cuts: Some of the context's cuts.
    ///   - classes: The model's own predictions for the decoders' images.
    ///   - views: From ``SecondViewStage``, for all attacks; `nil` with training or noise, where only attacks with
    ///     ``Attack/followsDecoders`` run.
    ///   - training: `nil` for the closed-form decoders alone.
    ///   - noise: Noise on the boundary of each cut, for training and testing; `nil` for none.
    /// - Returns: One element per cut.
    static func run(
        _ context: StageContext, cuts: [Cut], classes: [Int], views: Lazily<SymmetricMatrix>?,
        training: TrainedDecoder.Options? = nil, noise: [any NoiseModel]? = nil
    ) throws(AssessmentError) -> [Outcome] {
        let stage: AssessmentProgress.Stage = noise != nil ? .noise : training == nil ? .decoders : .training
        let meter = context.meter(stage, total: cuts.count)
        let keys = cuts.indices.map { key(of: cuts[$0], context, training, noise?[$0]) }
        var outcomes = keys.map { context.work.kept($0, as: Outcome.self) }
        let missing = outcomes.indices.filter { outcomes[$0] == nil }
        meter.advance(by: cuts.count - missing.count)
        MatrixProduct.setThreads(1)
        precondition((views == nil) == (training != nil || noise != nil))
        let views = missing.isEmpty ? nil : try views?.value()
        for group in groups(missing.map { RecordedCut(cuts[$0], context, noise?[$0]) }, pictures: context.decoded) {
            let indices = missing[group.range]
            let recorders = try record(group.cuts, context)
            let computed = try WorkerThreads<Outcome>.map(
                count: indices.count, threads: min(maximumThreads, context.threads)
            ) { () throws(AssessmentError) in
                try ReconstructionJudge(context.validator)
            } body: { (judge, item) throws(AssessmentError) in
                try context.cancellation.check()
                let outcome = try context.work.result(of: keys[indices[indices.startIndex + item]]) {
                    () throws(AssessmentError) in
                    try attack(
                        try recorders[item].features(withRoots: views != nil), group.cuts[item].layout, context,
                        judge: judge, classes: classes, training: training, views: views)
                }
                meter.advance(by: 1)
                return outcome
            }
            for (index, outcome) in zip(indices, computed) { outcomes[index] = outcome }
        }
        return outcomes.compactMap { $0 }
    }

    /// The stored results of these cuts; `nil` where there is none.
    static func kept(
        _ context: StageContext, cuts: [Cut], training: TrainedDecoder.Options?
    ) -> [Outcome?] {
        cuts.map { context.work.kept(key(of: $0, context, training, nil), as: Outcome.self) }
    }

    private static func key(
        of cut: Cut, _ context: StageContext, _ training: TrainedDecoder.Options?, _ noise: (any NoiseModel)?
    ) -> WorkKey {
        context.inputs.key(training == nil ? "decoders" : "trained", pictures: context.decodedDigests) { hasher in
            hasher.add("cut", cut.name)
            for attack in AttackCatalogue.names(followingDecoders: training != nil || noise != nil) {
                hasher.add("attack", attack)
            }
            // Learning curves are left out where a gate is exceeded.
            for gate in Gate.all { hasher.add("gate", context.configuration.gates[gate].map { "\($0)" } ?? "none") }
            hasher.add("gallery", everythingOf: GalleryStage.positions(context))
            if let training { hasher.add("training", everythingOf: training) }
            if let noise { hasher.add("noise", noise.identity) }
        }
    }

    private struct RecordedCut {
        let cut: Cut
        let types: [TensorType]
        let layout: FeatureLayout
        let noise: (any NoiseModel)?

        init(_ cut: Cut, _ context: StageContext, _ noise: (any NoiseModel)?) {
            let form = context.model.preprocessing
            self.cut = cut
            self.noise = noise
            types = cut.crossing.map(context.model.graph.type(of:))
            layout = FeatureLayout(
                crossing: cut.crossing, of: context.model.graph, picture: (height: form.height, width: form.width),
                seed: context.seed)
        }
    }

    private static func groups(
        _ cuts: [RecordedCut], pictures: Int
    ) -> [(range: Range<Int>, cuts: [RecordedCut])] {
        var groups: [Range<Int>] = []
        var (start, bytes) = (0, 0)
        for (index, cut) in cuts.enumerated() {
            let size = 4 * pictures * cut.layout.elements(crossing: cut.types)
            if index > start, bytes + size > groupBytes {
                groups.append(start..<index)
                (start, bytes) = (index, 0)
            }
            bytes += size
        }
        if start < cuts.count { groups.append(start..<cuts.count) }
        return groups.map { ($0, Array(cuts[$0])) }
    }

    /// Runs the model on every image.
    private static func record(
        _ cuts: [RecordedCut], _ context: StageContext
    ) throws(AssessmentError) -> [FeatureRecorder] {
        var recorders: [FeatureRecorder] = []
        for cut in cuts {
            recorders.append(
                try FeatureRecorder(
                    cut.layout, crossing: cut.types, pictures: context.decoded, scratch: context.scratch))
        }
        let all = recorders
        _ = try WorkerThreads<Void>.map(count: context.decoded, threads: context.threads) {
            () throws(AssessmentError) in
            try CutProbe(context.model, cuts: cuts.map(\.cut))
        } body: { (probe, picture) throws(AssessmentError) in
            try context.cancellation.check()
            do throws(AssessmentError) {
                let crossing = try probe.crossing(of: try context.pictures.tensor(of: picture))
                for (index, tensors) in crossing.enumerated() {
                    let values = cuts[index].noise?.added(to: tensors, picture: picture) ?? tensors
                    try all[index].record(values, of: picture)
                }
            } catch {
                throw AssessmentError(
                    error.code, "picture \(context.pictures.entries[picture].name): \(error.message)")
            }
        }
        return recorders
    }

    private static func attack(
        _ features: CutFeatures, _ layout: FeatureLayout, _ context: StageContext, judge: ReconstructionJudge,
        classes: [Int], training: TrainedDecoder.Options?, views: SymmetricMatrix?
    ) throws(AssessmentError) -> Outcome {
        let (split, seed) = (context.split, context.seed)
        var targets: [Picture] = []
        for picture in 0..<context.decoded {
            targets.append(
                try context.pictures.picture(picture).averaged(
                    over: layout.region, height: layout.reconstruction.height, width: layout.reconstruction.width))
        }
        let outcome = try DecoderAttack.run(
            on: features, targets: targets, split: split, seed: seed, training: training,
            cancellation: context.cancellation)
        let findings = try AttackCatalogue.run(
            on: AttackSubject(
                features: features, targets: targets, pictures: GramMatrix.of(targets.map(\.values)), classes: classes,
                views: views, split: split, seed: seed, gates: context.configuration.gates, decoded: outcome,
                judge: judge, training: training, cancellation: context.cancellation))
        var gallery: [StoredImage] = []
        for position in GalleryStage.positions(context) {
            gallery.append(StoredImage(try outcome.reconstructions[position].image()))
        }
        return Outcome(scores: outcome.scores, gallery: gallery, findings: findings)
    }
}
