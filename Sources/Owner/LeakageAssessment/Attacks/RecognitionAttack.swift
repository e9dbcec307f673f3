// SPDX-License-Identifier: Apache-2.0
/// Classifies the decoders' reconstructions with the validator.
enum RecognitionAttack: Attack {
    static let followsDecoders = true
    static let method = "The validator classifies the reconstructions (decoder-KL)."

    static func run(on subject: AttackSubject) throws(AssessmentError) -> ReconstructionJudge.Judgement? {
        try subject.judge.judge(
            subject.decoded.reconstructions, of: subject.testing, mean: subject.decoded.meanPicture)
    }
}

extension ReconstructionJudge.Judgement: Finding {
    package static let name = "recognition"

    package func estimates(for attacker: Attacker) -> [Metric: LeakEstimate] {
        [.decoderDivergenceRatio: ratio.asFloor]
    }

    /// Decoder-KL over its null, with the images at hand.
    var ratio: LeakEstimate { LeakEstimate(divergence.ratioToNull, standardError: divergence.ratioError) }
}
