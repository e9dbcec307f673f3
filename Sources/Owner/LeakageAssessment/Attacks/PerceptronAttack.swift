// SPDX-License-Identifier: Apache-2.0
/// A trained multilayer perceptron, where no feature map crosses: maps have decoders of their own.
enum PerceptronAttack: Attack {
    static let followsDecoders = false
    static let method =
        "Where no feature map crosses and the decoders are within the gate, \(Perceptron.members) multilayer perceptrons with "
        + "two hidden layers of \(PerceptronNetwork.width) (ReLU, dropout, Adam, early stop), averaged, onto the picture."

    static func run(on subject: AttackSubject) throws(AssessmentError) -> PerceptronEvidence? {
        guard subject.features.maps == nil, !subject.exceedsGate else { return nil }
        let attacks = GramAttacks(features: subject.features.gram, seed: subject.seed)
        return try attacks.perceptron(pictures: subject.pictures, cancellation: subject.cancellation)
            .map { PerceptronEvidence(appearance: $0) }
    }
}

/// The learning curve of a ``Perceptron``.
package struct PerceptronEvidence: Sendable, Hashable, Codable {
    /// R² of reconstructions.
    package let appearance: LearningCurve

    package init(appearance: LearningCurve) { self.appearance = appearance }
}

extension PerceptronEvidence: Finding {
    package static let name = "perceptron"

    package func curves(of asset: Asset) -> [LearningCurve] { asset == .appearance ? [appearance] : [] }

    package func estimates(for attacker: Attacker) -> [Metric: LeakEstimate] {
        [.extrapolatedRSquared: LeakEstimate(appearance, pictures: attacker.pictures)]
    }
}
