// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

/// Attacks the gallery's first images with the FrontNet's own gradient, near the decision and at every cut within the
/// gates. One stored result per image and cut.
enum WhiteBoxStage {
    struct Outcome: Sendable {
        let scores: WhiteBoxScores
        /// The reconstructions of the first rows of the gallery.
        let gallery: [StoredImage]
    }

    private struct Attempt: Sendable, Codable {
        let image: StoredImage
        let error: Double
        let errorOfMean: Double
        let similarity: Double
        let similarityOfMean: Double
        let residual: Double
    }

    /// The recommended cut and its neighbours; the deepest ones if everything inside is recommended.
    static func cuts(_ conclusion: Findings.Conclusion) -> [Int] {
        let last = conclusion.cuts.count - 1
        let chosen = conclusion.cuts.firstIndex { $0.name == conclusion.recommendation.front } ?? last
        return [chosen - 1, chosen, chosen + 1].filter { (0...last).contains($0) }
    }

    /// The cuts within the gates after which layers are outside.
    private static func within(_ context: StageContext, _ findings: Findings) -> [Int] {
        let verdicts = findings.conclusion(context).verdicts
        return context.cuts.indices.filter {
            verdicts[$0].asAssessed.passes && context.cuts[$0].nodesInside < context.mapping.nodesInside
        }
    }

    /// Attacks the cuts near the decision, then those within the gates, from the deepest on. What it finds counts, so the
    /// decision may change, and the cuts near the next one are attacked too.
    static func run(_ context: StageContext, _ findings: inout Findings) throws(AssessmentError) {
        var attacked: Set<Int> = []
        while true {
            let near = cuts(findings.conclusion(context)).filter { !attacked.contains($0) }
            let next = within(context, findings).last { !attacked.contains($0) }
            let wanted = near.isEmpty ? next.map { [$0] } ?? [] : near
            guard !wanted.isEmpty else { return }
            attacked.formUnion(wanted)
            findings.whiteBox.merge(try run(context, at: wanted)) { $1 }
        }
    }

    /// Marks the cuts within the gates that it did not attack, where appearance counts.
    static func markOpen(_ context: StageContext, _ findings: inout Findings) {
        let (configuration, metric) = (context.configuration, Metric.extrapolatedRSquared)
        guard configuration.adversary != .paper, configuration.protected.contains(metric.asset),
            !configuration.precedesCostlyAttacks, let limit = configuration.gates[metric.gate],
            !metric.check(metric.untried, limit: limit).passes
        else { return }
        for cut in within(context, findings) where findings.whiteBox[cut] == nil {
            findings.untried[cut].insert(.whiteBox)
        }
    }

    /// - Returns: By the cut's index; empty when the attack is left out, or a node has no derivative.
    static func run(_ context: StageContext, at cuts: [Int]) throws(AssessmentError) -> [Int: Outcome] {
        let options = context.configuration.whiteBox
        let rows = GalleryStage.positions(context).prefix(max(0, options.pictures)).map { context.split.testing[$0] }
        guard !rows.isEmpty, !cuts.isEmpty else { return [:] }
        do throws(AssessmentError) {
            _ = try WhiteBoxAttack(context.model, cut: context.cuts[cuts[cuts.count - 1]], options: options)
        } catch {
            guard error.code == .unsupportedModel else { throw error }
            return [:]
        }
        let mean = try meanPicture(context)
        let items = cuts.flatMap { cut in rows.map { (cut, $0) } }
        let meter = context.meter(.whiteBox, total: items.count)
        let attempts = try WorkerThreads<Attempt>.map(count: items.count, threads: context.threads) {
            () throws(AssessmentError) in
            [Int: WhiteBoxAttack]()
        } body: { (attacks, item) throws(AssessmentError) in
            let (cut, picture) = items[item]
            defer { meter.advance(by: 1) }
            let digests = [context.pictures.entries[picture].digest] + context.decodedDigests
            let key = context.inputs.key("white-box", pictures: digests) { hasher in
                hasher.add("cut", context.cuts[cut].name)
                hasher.add("options", everythingOf: options)
            }
            return try context.work.result(of: key) { () throws(AssessmentError) in
                let attack: WhiteBoxAttack
                if let known = attacks[cut] {
                    attack = known
                } else {
                    attack = try WhiteBoxAttack(context.model, cut: context.cuts[cut], options: options)
                    attacks = [cut: attack]
                }
                return try attempt(attack, at: context.cuts[cut], picture, from: mean, context)
            }
        }
        var outcomes: [Int: Outcome] = [:]
        for (index, cut) in cuts.enumerated() {
            let own = Array(attempts[index * rows.count..<(index + 1) * rows.count])
            let (errors, meanErrors) = (own.map(\.error), own.map(\.errorOfMean))
            outcomes[cut] = Outcome(
                scores: WhiteBoxScores(
                    pictures: own.count, rSquared: MeanSquaredError.rSquared(errors: errors, meanErrors: meanErrors),
                    rSquaredError: try Bootstrap.standardErrorOfRSquared(
                        errors: errors, meanErrors: meanErrors, seed: context.seed),
                    similarity: Statistics.mean(own.map(\.similarity)),
                    similarityOfMean: Statistics.mean(own.map(\.similarityOfMean)),
                    residual: Statistics.mean(own.map(\.residual))),
                gallery: own.map(\.image))
        }
        return outcomes
    }

    private static func attempt(
        _ attack: WhiteBoxAttack, at cut: Cut, _ picture: Int, from mean: Picture, _ context: StageContext
    ) throws(AssessmentError) -> Attempt {
        let form = context.model.preprocessing
        let crossing = try CutProbe(context.model, cuts: [cut]).crossing(of: try context.pictures.tensor(of: picture))
        let outcome = try attack.reconstruct(from: crossing[0], start: mean, cancellation: context.cancellation)
        let layout = FeatureLayout(
            crossing: cut.crossing, of: context.model.graph, picture: (height: form.height, width: form.width),
            seed: context.seed)
        func scaled(_ picture: Picture) -> Picture {
            picture.averaged(
                over: layout.region, height: layout.reconstruction.height, width: layout.reconstruction.width)
        }
        let (truth, found, guess) = (
            scaled(try context.pictures.picture(picture)), scaled(outcome.picture), scaled(mean)
        )
        return Attempt(
            image: StoredImage(try found.image()), error: try MeanSquaredError.value(found, truth),
            errorOfMean: try MeanSquaredError.value(guess, truth),
            similarity: try StructuralSimilarity.value(found, truth),
            similarityOfMean: try StructuralSimilarity.value(guess, truth), residual: outcome.residual)
    }

    /// The mean of the decoders' training images, at full size.
    private static func meanPicture(_ context: StageContext) throws(AssessmentError) -> Picture {
        var mean = try context.pictures.picture(context.split.training[0])
        var sum = [Double](repeating: 0, count: mean.values.count)
        for picture in context.split.training {
            let values = try context.pictures.picture(picture).values
            for index in sum.indices { sum[index] += Double(values[index]) }
        }
        mean.values = sum.map { Float($0 / Double(context.split.training.count)) }
        return mean
    }
}
