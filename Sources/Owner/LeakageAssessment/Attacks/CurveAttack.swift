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
            identity: attacks.identity(views: views), identityByReconstruction: reconstruction.identity,
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

    package func curves(of asset: Asset) -> [LearningCurve] {
        switch asset {
        case .appearance: appearance
        case .identity: identificationCurves
        case .class: classes.map { [$0] } ?? []
        }
    }

    package func estimates(for attacker: Attacker) -> [Metric: LeakEstimate] {
        let guess = 1 / Double(max(1, candidates))
        func estimate(_ curves: [LearningCurve], guess: Double = 0) -> [LeakEstimate] {
            curves.map { LeakEstimate($0, pictures: attacker.pictures, guess: guess) }
        }
        var views = estimate(identity, guess: guess)
        // Beside views that learned nothing, few identifications by the reconstruction do not show that views would
        // find few.
        let viewsLearned = views.contains { $0.standing == .evidence }
        views += estimate(identityByReconstruction.map { [$0] } ?? [], guess: guess)
            .map { viewsLearned || $0.standing == .failed ? $0 : $0.asFloor }
        let estimates: [Metric: [LeakEstimate]] = [
            .extrapolatedRSquared: estimate(appearance), .identification: views,
            .classGain: estimate(classes.map { [$0] } ?? []),
        ]
        return estimates.reduce(into: [:]) { $0[$1.key] = LeakEstimate.together($1.value, of: $1.key) }
    }
}
