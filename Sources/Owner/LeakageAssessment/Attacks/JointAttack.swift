// SPDX-License-Identifier: Apache-2.0
/// What all boundary tensors together reveal, without a decoder.
enum JointAttack: Attack {
    static let followsDecoders = true
    static let method =
        "Distance correlation with the pictures; the class from one and from five examples of each."

    static func run(on subject: AttackSubject) throws(AssessmentError) -> JointLeakage? {
        JointLeakage(
            gram: subject.features.gram, pictures: subject.pictures, classes: subject.classes, seed: subject.seed)
    }
}

extension JointLeakage: Finding {
    package static let name = "joint"

    /// Accuracy beyond guessing when the class is predicted from one example of each class, or from five. That so few
    /// examples do not suffice says nothing of an attacker with more, so it is a floor.
    package func estimates(for attacker: Attacker) -> [Metric: LeakEstimate] {
        let shares = [oneShot, fiveShot].compactMap { share in
            chance.flatMap { chance in
                share.flatMap { LeakEstimate(share: $0, aboveGuessing: chance, count: attacker.counted) }
            }
        }
        guard let first = shares.first else { return [:] }
        return [.classGain: shares.dropFirst().reduce(first) { Metric.classGain.worse($0, $1) }.asFloor]
    }
}

extension MappingLeakage {
    /// Accuracy beyond guessing when the host predicts the class from the input of the mapping unit, whatever the cut;
    /// `nil` where it was not measured.
    package func classGain(for attacker: Attacker) -> LeakEstimate? {
        func share(_ value: Double?, above guess: Double?) -> LeakEstimate? {
            guard let value, let guess else { return nil }
            return LeakEstimate(share: value, aboveGuessing: guess, count: attacker.counted)
        }
        return LeakEstimate.together(
            [share(readout, above: 0), share(oneShot, above: chance), share(probeAccuracy, above: majorityShare)]
                .compactMap(\.self), of: .classGain)
    }
}
