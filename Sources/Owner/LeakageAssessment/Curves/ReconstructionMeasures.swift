// SPDX-License-Identifier: Apache-2.0
/// A measure of reconstructions, as outcomes of ``CrossValidation``: larger ones leak more. For a metric that leaks where
/// it is low, they are of 1 minus its value.
package struct ReconstructionMeasure: Sendable {
    /// The member of `assessment.json` with its learning curves.
    package let curves: String
    /// Whether it needs the validator's class distributions of the pictures.
    let needsTruths: Bool
    /// Whether guessing gives more than 0, so that a curve above 0 alone is no evidence.
    let isPositiveByGuessing: Bool
    fileprivate let outcomes: @Sendable (Reconstructed) throws(AssessmentError) -> [CrossValidation.Outcome]

    /// Reconstructions beside their pictures.
    fileprivate struct Reconstructed {
        let reconstructions: [Picture]
        let pictures: [Picture]
        /// The mean of the pictures that the decoder learned from.
        let mean: Picture
        /// The class distributions of the pictures; empty if no measure needs them.
        let truths: [ClassDistribution]
        let judge: ReconstructionJudge
    }

    /// SSIM over that of the mean picture.
    static let similarity = ReconstructionMeasure(
        curves: "ssimCurves", needsTruths: false, isPositiveByGuessing: false
    ) { (found) throws(AssessmentError) in
        var outcomes: [CrossValidation.Outcome] = []
        for (reconstruction, picture) in zip(found.reconstructions, found.pictures) {
            let gain = try StructuralSimilarity.value(reconstruction, picture)
            let ofMean = try StructuralSimilarity.value(found.mean, picture)
            outcomes.append(.init(gain: gain - ofMean, scale: 1))
        }
        return outcomes
    }

    /// Decoder-KL over its null.
    static let recognition = ReconstructionMeasure(
        curves: "decoderKLCurves", needsTruths: true, isPositiveByGuessing: false
    ) { (found) throws(AssessmentError) in
        var guesses: [ClassDistribution] = []
        for reconstruction in found.reconstructions { guesses.append(try found.judge.distribution(of: reconstruction)) }
        let divergence = try DecoderDivergence(pictures: found.truths, reconstructions: guesses)
        return zip(divergence.own, divergence.null).map { .init(gain: $1 - $0, scale: $1) }
    }

    /// Top-1 retrieval rate.
    static let retrieval = ReconstructionMeasure(
        curves: "retrievalCurves", needsTruths: false, isPositiveByGuessing: true
    ) { (found) throws(AssessmentError) in
        let ranks = try Retrieval.ranks(
            reconstructions: found.reconstructions, candidates: found.pictures, mean: found.mean)
        return ranks.map { .init(gain: $0 == 0 ? 1 : 0, scale: 1) }
    }
}

/// The gated measures of reconstructions besides R².
struct ReconstructionMeasures {
    /// The metrics that can be measured, in the order of ``Metric/all``.
    static let all = Metric.all.filter { $0.measure != nil }

    /// The metrics that are measured here.
    let metrics: [Metric]
    private let pictures: [Picture]
    private let judge: ReconstructionJudge
    /// The validator's class distributions of the pictures; empty where they are not needed.
    private let truths: [ClassDistribution]

    init(_ metrics: [Metric], pictures: [Picture], judge: ReconstructionJudge) throws(AssessmentError) {
        self.metrics = metrics
        self.pictures = pictures
        self.judge = judge
        var truths: [ClassDistribution] = []
        if metrics.contains(where: { $0.measure?.needsTruths ?? false }) {
            for picture in pictures { truths.append(try judge.distribution(of: picture)) }
        }
        self.truths = truths
    }

    /// - Parameters:
    ///   - reconstructions: Of the pictures `testing`, in this order.
    ///   - mean: The mean of the pictures that the decoder learned from.
    ///   - isAtEdge: Whether the decoder's penalty is the smallest of its grid.
    /// - Returns: One list for each of ``metrics``.
    func outcomes(
        _ reconstructions: [Picture], of testing: [Int], mean: Picture, isAtEdge: Bool
    ) throws(AssessmentError) -> [[CrossValidation.Outcome]] {
        let found = ReconstructionMeasure.Reconstructed(
            reconstructions: reconstructions, pictures: testing.map { pictures[$0] }, mean: mean,
            truths: truths.isEmpty ? [] : testing.map { truths[$0] }, judge: judge)
        var all: [[CrossValidation.Outcome]] = []
        for measure in metrics.compactMap(\.measure) { all.append(try measure.outcomes(found)) }
        return all.map { $0.map { .init(gain: $0.gain, scale: $0.scale, isAtEdge: isAtEdge) } }
    }
}
