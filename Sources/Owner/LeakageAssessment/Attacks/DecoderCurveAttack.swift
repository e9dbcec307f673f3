// SPDX-License-Identifier: Apache-2.0
/// Learning curves of the decoders of feature maps, the trained one included, from a quarter, half and all of the
/// training images.
enum DecoderCurveAttack: Attack {
    static let followsDecoders = true
    static let method =
        "The decoders of feature maps, the trained one included, learn from a part of the pictures as well, where they are "
        + "within the gate: R², SSIM, decoder-KL and top-1 have learning curves."

    static func run(on subject: AttackSubject) throws(AssessmentError) -> DecoderCurves? {
        guard subject.features.maps != nil, !subject.exceedsGate else { return nil }
        // Under noise, which is never recommended, the images at hand suffice.
        guard subject.views != nil || subject.training != nil else { return nil }
        // The mean image is no decoder: a curve of it would be flat and certain.
        guard subject.decoded.scores.kind != .mean else { return nil }
        let measures = try ReconstructionMeasures(
            ReconstructionAttack.open(subject), pictures: subject.targets, judge: subject.judge)
        var (sizes, rSquared): ([Int], [[CrossValidation.Outcome]]) = ([], [])
        var others = measures.metrics.map { _ in [[CrossValidation.Outcome]]() }
        for parts in ReconstructionAttack.parts {
            let part = subject.split.fraction(oneOf: parts)
            guard part.training.count >= CrossValidation.minimumPictures, part.training.count > sizes.last ?? 0
            else { continue }
            let outcome = parts == 1 ? subject.decoded : try decoded(subject, part, share: parts)
            var errors: [CrossValidation.Outcome] = []
            for (reconstruction, picture) in zip(outcome.reconstructions, subject.testing) {
                let scale = try MeanSquaredError.value(outcome.meanPicture, picture)
                errors.append(
                    .init(
                        gain: scale - (try MeanSquaredError.value(reconstruction, picture)), scale: scale,
                        isAtEdge: outcome.scores.isAtEdge))
            }
            sizes.append(part.training.count)
            rSquared.append(errors)
            let found = try measures.outcomes(
                outcome.reconstructions, of: subject.split.testing, mean: outcome.meanPicture,
                isAtEdge: outcome.scores.isAtEdge)
            for index in others.indices { others[index].append(found[index]) }
        }
        var curves: [String: [LearningCurve]] = [:]
        for (metric, outcomes) in zip(measures.metrics, others) {
            curves[metric.name] = CrossValidation.curve(sizes: sizes, outcomes).map { [$0] }
        }
        let appearance = [CrossValidation.curve(sizes: sizes, rSquared)].compactMap(\.self)
        return DecoderCurves(appearance: appearance, curves: curves)
    }

    /// The decoders from a part of the images; their training takes as small a part of the arithmetic.
    private static func decoded(
        _ subject: AttackSubject, _ part: PictureSplit, share parts: Int
    ) throws(AssessmentError) -> DecoderAttack.Outcome {
        var training = subject.training
        training?.multiplyAdds /= parts
        return try DecoderAttack.run(
            on: subject.features, targets: subject.targets, split: part, seed: subject.seed, training: training,
            cancellation: subject.cancellation)
    }
}

/// The learning curves of the decoders of feature maps: of the closed-form decoders, then those with a trained decoder
/// among them.
package struct DecoderCurves: Sendable, Hashable, Codable {
    /// Curves of R² of reconstructions.
    package let appearance: [LearningCurve]
    /// The learning curves, as in ``ReconstructionCurves/curves``.
    package let curves: [String: [LearningCurve]]

    package init(appearance: [LearningCurve], curves: [String: [LearningCurve]]) {
        self.appearance = appearance
        self.curves = curves
    }

    /// Both attacks' curves: a later attack does not replace what an earlier one found.
    package func joined(with later: DecoderCurves) -> DecoderCurves {
        DecoderCurves(
            appearance: appearance + later.appearance, curves: curves.merging(later.curves) { $0 + $1 })
    }
}

extension DecoderCurves: Finding {
    package static let name = "decoderCurves"

    package func curves(of asset: Asset) -> [LearningCurve] { asset == .appearance ? appearance : [] }

    package func estimates(for attacker: Attacker) -> [Metric: LeakEstimate] {
        var estimates = ReconstructionCurves.estimates(
            of: curves, hasLearned: appearance.contains { $0.isEvidence() }, for: attacker)
        estimates[.extrapolatedRSquared] = LeakEstimate.together(
            appearance.map { LeakEstimate($0, pictures: attacker.pictures) }, of: .extrapolatedRSquared)
        return estimates
    }
}
