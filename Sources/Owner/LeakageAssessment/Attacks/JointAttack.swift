/// What everything that crosses says at once, without a decoder.
enum JointAttack: Attack {
    static let followsDecoders = true

    static func run(on subject: AttackSubject) throws(AssessmentError) -> JointLeakage? {
        JointLeakage(
            gram: subject.features.gram, pictures: subject.pictures, classes: subject.classes, seed: subject.seed)
    }
}

extension JointLeakage: Finding {
    package static let name = "joint"

    /// How much better than guessing the class is named from one example of each, or from five.
    package func estimates(for attacker: Attacker) -> [Metric: LeakEstimate] {
        let shares = [oneShot, fiveShot].compactMap { share in
            chance.flatMap { chance in
                share.flatMap { LeakEstimate(share: $0, aboveGuessing: chance, count: attacker.counted) }
            }
        }
        return LeakEstimate.together(shares, of: .classGain).map { [.classGain: $0] } ?? [:]
    }
}

extension MappingLeakage {
    /// How much better than guessing the host names the class by what crosses to the mapping unit, whatever the cut; `nil`
    /// where it was not measured.
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
