// SPDX-License-Identifier: Apache-2.0
/// The gated measures of reconstructions besides R², as outcomes of ``CrossValidation``.
struct ReconstructionMeasures {
    /// The metrics that can be measured, in a fixed order.
    static let all: [Metric] = [.similarityGain, .decoderDivergenceRatio, .retrieval]

    /// Those that are measured here.
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
        if metrics.contains(.decoderDivergenceRatio) {
            for picture in pictures { truths.append(try judge.distribution(of: picture)) }
        }
        self.truths = truths
    }

    /// - Parameters:
    ///   - reconstructions: Of the pictures `testing`, in this order.
    ///   - mean: The mean of the pictures that the decoder learned from.
    ///   - isAtEdge: Whether the decoder's penalty is the smallest of its grid.
    /// - Returns: One list for each of ``metrics``. The value of the decoder-KL's curve is 1 minus its ratio to the null.
    func outcomes(
        _ reconstructions: [Picture], of testing: [Int], mean: Picture, isAtEdge: Bool
    ) throws(AssessmentError) -> [[CrossValidation.Outcome]] {
        var all: [[CrossValidation.Outcome]] = []
        for metric in metrics {
            switch metric {
            case .similarityGain: all.append(try similarity(reconstructions, testing, mean))
            case .decoderDivergenceRatio: all.append(try recognition(reconstructions, testing))
            default: all.append(try retrieval(reconstructions, testing, mean))
            }
        }
        return all.map { $0.map { .init(gain: $0.gain, scale: $0.scale, isAtEdge: isAtEdge) } }
    }

    private func similarity(
        _ reconstructions: [Picture], _ testing: [Int], _ mean: Picture
    ) throws(AssessmentError) -> [CrossValidation.Outcome] {
        var outcomes: [CrossValidation.Outcome] = []
        for (reconstruction, picture) in zip(reconstructions, testing) {
            let gain = try StructuralSimilarity.value(reconstruction, pictures[picture])
            let ofMean = try StructuralSimilarity.value(mean, pictures[picture])
            outcomes.append(.init(gain: gain - ofMean, scale: 1))
        }
        return outcomes
    }

    private func recognition(
        _ reconstructions: [Picture], _ testing: [Int]
    ) throws(AssessmentError) -> [CrossValidation.Outcome] {
        var guesses: [ClassDistribution] = []
        for reconstruction in reconstructions { guesses.append(try judge.distribution(of: reconstruction)) }
        let found = try DecoderDivergence(pictures: testing.map { truths[$0] }, reconstructions: guesses)
        return zip(found.own, found.null).map { .init(gain: $1 - $0, scale: $1) }
    }

    private func retrieval(
        _ reconstructions: [Picture], _ testing: [Int], _ mean: Picture
    ) throws(AssessmentError) -> [CrossValidation.Outcome] {
        let ranks = try Retrieval.ranks(
            reconstructions: reconstructions, candidates: testing.map { pictures[$0] }, mean: mean)
        return ranks.map { .init(gain: $0 == 0 ? 1 : 0, scale: 1) }
    }
}
