// SPDX-License-Identifier: Apache-2.0
/// Learning curves of the three assets.
enum CurveAttack: Attack {
    static let followsDecoders = false
    static let method =
        "Kernel ridge regression (linear, Gaussian, Laplacian) onto the picture, onto a second network’s view of the picture and "
        + "of a cropped, mirrored, recoloured version, and onto classes."

    static func run(on subject: AttackSubject) throws(AssessmentError) -> AssetEvidence? {
        guard let views = subject.views else { return nil }
        let attacks = GramAttacks(features: subject.features.gram, seed: subject.seed)
        var appearance = [attacks.appearance(pictures: subject.pictures)].compactMap(\.self)
        if subject.features.maps != nil, !subject.exceedsGate, let curve = try decoderCurve(subject) {
            appearance.append(curve)
        }
        return AssetEvidence(
            appearance: appearance,
            identity: [false, true].compactMap { attacks.identity(views: views, versions: $0) },
            candidates: min(
                GramAttacks.maximumCandidates,
                (subject.targets.count + CrossValidation.folds - 1) / CrossValidation.folds),
            classes: attacks.classes(subject.classes), tint: try coarse(subject, side: 1),
            layout: try coarse(subject, side: 4))
    }

    /// R² of the reconstructions averaged over `side` x `side` areas; `nil` for images with fewer pixels.
    private static func coarse(_ subject: AttackSubject, side: Int) throws(AssessmentError) -> Double? {
        guard subject.targets[0].height >= side, subject.targets[0].width >= side else { return nil }
        var (errors, meanErrors): ([Double], [Double]) = ([], [])
        let mean = subject.decoded.meanPicture.averaged(to: side)
        for (picture, reconstruction) in zip(subject.testing, subject.decoded.reconstructions) {
            let truth = picture.averaged(to: side)
            errors.append(try MeanSquaredError.value(reconstruction.averaged(to: side), truth))
            meanErrors.append(try MeanSquaredError.value(mean, truth))
        }
        return MeanSquaredError.rSquared(errors: errors, meanErrors: meanErrors)
    }

    /// The closed-form decoders, trained on a quarter, half and all of the training images.
    private static func decoderCurve(_ subject: AttackSubject) throws(AssessmentError) -> LearningCurve? {
        var (sizes, outcomes): ([Int], [[CrossValidation.Outcome]]) = ([], [])
        for parts in [4, 2, 1] {
            let part = subject.split.fraction(oneOf: parts)
            guard part.training.count >= CrossValidation.minimumPictures, part.training.count > sizes.last ?? 0
            else { continue }
            let outcome =
                parts == 1
                ? subject.decoded
                : try DecoderAttack.run(
                    on: subject.features, targets: subject.targets, split: part, seed: subject.seed)
            var errors: [CrossValidation.Outcome] = []
            for (reconstruction, picture) in zip(outcome.reconstructions, subject.testing) {
                let scale = try MeanSquaredError.value(outcome.meanPicture, picture)
                errors.append(.init(gain: scale - (try MeanSquaredError.value(reconstruction, picture)), scale: scale))
            }
            sizes.append(part.training.count)
            outcomes.append(errors)
        }
        return CrossValidation.curve(sizes: sizes, outcomes)
    }
}

extension AssetEvidence: Finding {
    package static let name = "curves"

    package func estimates(for attacker: Attacker) -> [Metric: LeakEstimate] {
        let curves: [Metric: [LearningCurve]] = [
            .extrapolatedRSquared: appearance, .identification: identity, .classGain: classes.map { [$0] } ?? [],
        ]
        return curves.reduce(into: [:]) { estimates, entry in
            let (metric, curves) = entry
            estimates[metric] = LeakEstimate.together(
                curves.map { LeakEstimate($0, pictures: attacker.pictures) }, of: metric)
        }
    }
}
