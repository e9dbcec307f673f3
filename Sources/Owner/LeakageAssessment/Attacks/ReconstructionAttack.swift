// SPDX-License-Identifier: Apache-2.0
/// Learning curves of the gated measures besides R² of what kernel ridge regression reconstructs. R² has curves of its
/// own in ``AssetEvidence``.
enum ReconstructionAttack: Attack {
    static let followsDecoders = false
    static let method =
        "SSIM, decoder-KL and top-1 of what kernel ridge regression reconstructs, each with a learning curve, where the "
        + "pictures at hand do not already exceed a gate of the same asset."

    /// Numbers of parts of the training images.
    static let parts = [4, 2, 1]

    static func run(on subject: AttackSubject) throws(AssessmentError) -> ReconstructionCurves? {
        guard subject.views != nil else { return nil }
        let open = open(subject)
        let decided = ReconstructionMeasures.all.filter { !open.contains($0) }
        // Of the same kernel ridge regression.
        let rSquared = subject.found[AssetEvidence.self]?.appearance.first
        guard !open.isEmpty else { return ReconstructionCurves(curves: [:], decided: decided, rSquared: rSquared) }
        let measures = try ReconstructionMeasures(open, pictures: subject.targets, judge: subject.judge)
        let kernels = KernelRidge.Kernels(gram: subject.features.gram, roots: subject.features.roots)
        let curves = try CrossValidation.curves(
            pictures: subject.targets.count, measures: open.count, parts: parts, seed: subject.seed
        ) { (training, testing) throws(AssessmentError) -> [[CrossValidation.Outcome]]? in
            try subject.cancellation.check()
            guard let ridge = KernelRidge(kernels, targets: subject.pictures, training: training) else { return nil }
            let known = training.map { subject.targets[$0] }
            return try measures.outcomes(
                testing.map { Picture.combined(known, weights: ridge.weights(of: $0)) }, of: testing,
                mean: Picture.mean(of: known), isAtEdge: ridge.isAtEdge)
        }
        return ReconstructionCurves(
            curves: Dictionary(
                zip(open, curves).compactMap { metric, curve in curve.map { (metric.name, $0) } },
                uniquingKeysWith: { first, _ in first }), decided: decided, rSquared: rSquared)
    }

    /// The metrics that more images can still decide: those with a gate, of whose asset no gate is exceeded with the
    /// images at hand.
    static func open(_ subject: AttackSubject) -> [Metric] {
        let (scores, evidence) = (subject.decoded.scores, subject.found[AssetEvidence.self])
        func exceeds(_ metric: Metric, _ curves: [LearningCurve]) -> Bool {
            curves.contains { subject.exceeds(metric, LeakEstimate($0, pictures: 1)) }
        }
        return ReconstructionMeasures.all.filter { metric in
            guard subject.gates[metric.gate] != nil else { return false }
            switch metric.asset {
            case .appearance:
                let gain = LeakEstimate(scores.similarityGain, standardError: scores.similarityGainError)
                return !subject.exceedsGate && !subject.exceeds(.similarityGain, gain)
            case .identity:
                return !subject.exceeds(.retrieval, scores.retrieval)
                    && !exceeds(.identification, evidence?.identificationCurves ?? [])
            case .class:
                let ratio = subject.found[ReconstructionJudge.Judgement.self]?.ratio
                return !(ratio.map { subject.exceeds(.decoderDivergenceRatio, $0) } ?? false)
                    && !exceeds(.classGain, (evidence?.classes).map { [$0] } ?? [])
            }
        }
    }
}

/// Learning curves of measures of reconstructions.
package struct ReconstructionCurves: Sendable, Hashable, Codable {
    /// By the metric's name. That of the decoder-KL is of 1 minus its ratio to the null.
    package let curves: [String: LearningCurve]
    /// The names of metrics for which the images at hand suffice, as they exceed a gate of the same asset, or as there
    /// is no gate.
    package let decided: [String]
    /// R² of the same reconstructions; `nil` where it has no curve.
    package let rSquared: LearningCurve?

    package init(curves: [String: LearningCurve], decided: [Metric], rSquared: LearningCurve?) {
        self.curves = curves
        self.decided = decided.map(\.name)
        self.rSquared = rSquared
    }
}

extension ReconstructionCurves: Finding {
    package static let name = "reconstructions"

    package func estimates(for attacker: Attacker) -> [Metric: LeakEstimate] {
        var estimates = Self.estimates(
            of: curves.mapValues { [$0] }, hasLearned: rSquared?.isEvidence() ?? false, for: attacker)
        // Adds nothing to what the images at hand show.
        for metric in ReconstructionMeasures.all where decided.contains(metric.name) {
            let none = metric.leaks == .high ? -1.0 : 1.0
            estimates[metric] = LeakEstimate(lower: none, value: none, upper: none)
        }
        return estimates
    }

    /// - Parameter hasLearned: Whether R² of the reconstructions is evidence. That they gain nothing by another measure is
    ///   a result only then; otherwise the attack failed, and a curve that shows nothing is a floor.
    /// - Returns: The worst of each metric's curves.
    static func estimates(
        of curves: [String: [LearningCurve]], hasLearned: Bool, for attacker: Attacker
    ) -> [Metric: LeakEstimate] {
        var estimates: [Metric: LeakEstimate] = [:]
        for metric in ReconstructionMeasures.all {
            for curve in curves[metric.name] ?? [] {
                let found = curve.extrapolatedWithoutEvidence(to: attacker.pictures)
                let upper = curve.isFloor ? 1 : found.upper
                let interval =
                    metric.leaks == .high
                    ? LeakEstimate(lower: found.lower, value: found.estimate, upper: upper)
                    : LeakEstimate(lower: 1 - upper, value: 1 - found.estimate, upper: 1 - found.lower)
                let showsByItself = metric.measure.map { !$0.isPositiveByGuessing } ?? false
                let isEvidence = !curve.isFloor && (hasLearned || (showsByItself && curve.isEvidence()))
                let estimate = isEvidence ? interval : interval.asFloor
                estimates[metric] = estimates[metric].map { metric.worse($0, estimate) } ?? estimate
            }
        }
        return estimates
    }
}
