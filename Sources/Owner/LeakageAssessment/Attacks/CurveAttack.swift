// SPDX-License-Identifier: Apache-2.0
/// Learning curves of the three assets.
enum CurveAttack: Attack {
    static let followsDecoders = false
    static let method =
        "Kernel ridge regression (linear, Gaussian, Laplacian, each on the features and on their signed square roots) "
        + "onto the picture, onto a second network’s view of the picture and of a cropped, mirrored, recoloured "
        + "version, and onto classes; candidates are compared with the second network’s view and with the picture."

    static func run(on subject: AttackSubject) throws(AssessmentError) -> AssetEvidence? {
        guard let views = subject.views else { return nil }
        let attacks = GramAttacks(
            features: subject.features.gram, roots: subject.features.roots, seed: subject.seed)
        let reconstruction = attacks.reconstruction(pictures: subject.pictures)
        return AssetEvidence(
            appearance: [reconstruction.appearance].compactMap(\.self),
            identity: attacks.identity(views: views) + [reconstruction.identity].compactMap(\.self),
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
}

extension AssetEvidence: Finding {
    package static let name = "curves"

    package func estimates(for attacker: Attacker) -> [Metric: LeakEstimate] {
        let curves: [Metric: [LearningCurve]] = [
            .extrapolatedRSquared: appearance, .identification: identity, .classGain: classes.map { [$0] } ?? [],
        ]
        return curves.reduce(into: [:]) { estimates, entry in
            let (metric, curves) = entry
            let guess = metric == .identification ? 1 / Double(max(1, candidates)) : 0
            estimates[metric] = LeakEstimate.together(
                curves.map { LeakEstimate($0, pictures: attacker.pictures, guess: guess) }, of: metric)
        }
    }
}
