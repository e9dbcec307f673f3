// SPDX-License-Identifier: Apache-2.0
/// The measures of reconstructions besides R², of the decoders that are not the best by R²: what shows the most of a
/// picture need not be nearest to it.
enum OtherDecodersAttack: Attack {
    static let followsDecoders = true
    static let method = "SSIM, top-1 and decoder-KL are measured for every decoder, not only for the best."

    static func run(on subject: AttackSubject) throws(AssessmentError) -> OtherDecoders? {
        guard !subject.decoded.others.isEmpty else { return nil }
        let (pictures, mean) = (subject.testing, subject.decoded.meanPicture)
        // Where the best decoder exceeds the gate already, others do not change the verdict.
        let isClassOpen =
            subject.gates[Metric.decoderDivergenceRatio.gate] != nil
            && !(subject.found[ReconstructionJudge.Judgement.self].map {
                subject.exceeds(.decoderDivergenceRatio, $0.ratio)
            } ?? false)
        var truths: [ClassDistribution] = []
        if isClassOpen {
            for picture in pictures { truths.append(try subject.judge.distribution(of: picture)) }
        }
        var scores: [OtherDecoders.Scores] = []
        for (kind, reconstructions) in subject.decoded.others {
            var gains: [Double] = []
            for (reconstruction, picture) in zip(reconstructions, pictures) {
                let ofMean = try StructuralSimilarity.value(mean, picture)
                gains.append(try StructuralSimilarity.value(reconstruction, picture) - ofMean)
            }
            let ranks = try Retrieval.ranks(reconstructions: reconstructions, candidates: pictures, mean: mean)
            scores.append(
                .init(
                    kind: kind, similarityGain: Statistics.mean(gains),
                    similarityGainError: Statistics.standardError(ofMean: gains),
                    retrievalTopOne: Retrieval.share(of: ranks, within: 1), candidates: pictures.count,
                    divergence: isClassOpen ? try divergence(of: reconstructions, truths, subject.judge) : nil))
        }
        return OtherDecoders(scores)
    }

    /// - Returns: `nil` where the validator says the same of all reconstructions, which then tell nothing.
    private static func divergence(
        of reconstructions: [Picture], _ truths: [ClassDistribution], _ judge: ReconstructionJudge
    ) throws(AssessmentError) -> DecoderDivergence? {
        var guesses: [ClassDistribution] = []
        for reconstruction in reconstructions { guesses.append(try judge.distribution(of: reconstruction)) }
        let found = try DecoderDivergence(pictures: truths, reconstructions: guesses)
        return found.nullMean > DecoderDivergence.leastNull ? found : nil
    }
}

/// Scores of decoders that are not the best by R². R² itself has the trials of ``DecoderScores``.
package struct OtherDecoders: Sendable, Hashable, Codable {
    package struct Scores: Sendable, Hashable, Codable {
        package let kind: DecoderScores.Kind
        /// The gain in SSIM, as in ``DecoderScores``.
        package let similarityGain: Double
        package let similarityGainError: Double
        package let retrievalTopOne: Double
        package let candidates: Int
        /// `nil` where it cannot change the verdict, or the reconstructions do not differ.
        package let divergence: DecoderDivergence?

        package init(
            kind: DecoderScores.Kind, similarityGain: Double, similarityGainError: Double, retrievalTopOne: Double,
            candidates: Int, divergence: DecoderDivergence?
        ) {
            self.kind = kind
            self.similarityGain = similarityGain
            self.similarityGainError = similarityGainError
            self.retrievalTopOne = retrievalTopOne
            self.candidates = candidates
            self.divergence = divergence
        }
    }

    package let scores: [Scores]

    package init(_ scores: [Scores]) { self.scores = scores }
}

extension OtherDecoders: Finding {
    package static let name = "otherDecoders"

    package func estimates(for attacker: Attacker) -> [Metric: LeakEstimate] {
        var estimates: [Metric: LeakEstimate] = [:]
        func count(_ metric: Metric, _ found: LeakEstimate) {
            estimates[metric] = (estimates[metric].map { metric.worse($0, found) } ?? found).asFloor
        }
        for decoder in scores {
            count(.similarityGain, LeakEstimate(decoder.similarityGain, standardError: decoder.similarityGainError))
            count(
                .retrieval,
                .floor(
                    share: decoder.retrievalTopOne, count: decoder.candidates,
                    guess: 1 / Double(max(1, decoder.candidates))))
            if let divergence = decoder.divergence {
                count(
                    .decoderDivergenceRatio,
                    LeakEstimate(divergence.ratioToNull, standardError: divergence.ratioError))
            }
        }
        return estimates
    }
}
