// SPDX-License-Identifier: Apache-2.0
/// Every attack that runs at a cut, and every finding that a cut can have.
package enum AttackCatalogue {
    /// The attacks, in the order in which they run.
    static let attacks: [any Attack.Type] = [
        RecognitionAttack.self, OtherDecodersAttack.self, JointAttack.self, CurveAttack.self, PerceptronAttack.self,
        ReconstructionAttack.self, DecoderCurveAttack.self,
    ]

    /// The names of the attacks, under which results are kept: with another attack they are computed again.
    ///
    /// - Parameter followingDecoders: Only those with ``Attack/followsDecoders``.
    package static func names(followingDecoders: Bool) -> [String] {
        attacks.filter { $0.followsDecoders || !followingDecoders }.map { "\($0)" }
    }

    /// A sentence about each attack, for the report.
    package static var methods: [String] { attacks.map { $0.method } }

    static let findings: [any Finding.Type] = [
        DecoderScores.self, ReconstructionJudge.Judgement.self, OtherDecoders.self, JointLeakage.self,
        AssetEvidence.self, PerceptronEvidence.self, ReconstructionCurves.self, DecoderCurves.self, ChannelKL.self,
        LeakageBounds.self,
        WhiteBoxScores.self, UntriedAttacks.self,
    ]

    static func run(on subject: AttackSubject) throws(AssessmentError) -> CutFindings {
        var subject = subject
        subject.found = CutFindings([subject.decoded.scores])
        func run<Chosen: Attack>(_ attack: Chosen.Type) throws(AssessmentError) {
            subject.found[Chosen.Found.self] = try attack.run(on: subject)
        }
        for attack in attacks where attack.followsDecoders || subject.views != nil { try run(attack) }
        return subject.found
    }
}
