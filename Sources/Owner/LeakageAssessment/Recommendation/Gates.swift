/// What a cut's measured leakage must stay within. Each is judged with its statistical error on the careful side, and
/// over this cut and all deeper ones.
package struct Gates: Sendable, Hashable {
    package var name: String
    /// Of the best decoder's R² plus 1.65 deviations.
    package var maximumDetermination: Double
    /// Of the best decoder's SSIM over that of the mean picture.
    package var maximumSimilarityGain: Double
    /// Share of pictures whose channel KL is above the uniform baseline...
    package var minimumPassFraction: Double
    /// ...or, because the minimum over hundreds of channels falls below that baseline by chance, an area under the curve
    /// against the shuffled null (plus 1.65 standard errors) of at most this.
    package var maximumAreaUnderCurve: Double
    /// Of the decoder-KL over its shuffled null; `nil` for no gate.
    package var minimumDecoderDivergenceRatio: Double?
    /// Of the share of pictures that the best decoder's reconstructions identify among the test pictures; `nil` for no
    /// gate.
    package var maximumRetrieval: Double?

    package init(
        name: String, maximumDetermination: Double, maximumSimilarityGain: Double, minimumPassFraction: Double,
        maximumAreaUnderCurve: Double, minimumDecoderDivergenceRatio: Double? = nil, maximumRetrieval: Double? = nil
    ) {
        self.name = name
        self.maximumDetermination = maximumDetermination
        self.maximumSimilarityGain = maximumSimilarityGain
        self.minimumPassFraction = minimumPassFraction
        self.maximumAreaUnderCurve = maximumAreaUnderCurve
        self.minimumDecoderDivergenceRatio = minimumDecoderDivergenceRatio
        self.maximumRetrieval = maximumRetrieval
    }

    /// One-sided 95 % of a normal distribution.
    package static let deviations = 1.65

    /// - Source: design notes, section 5.
    package static let standard = Gates(
        name: "standard", maximumDetermination: 0.15, maximumSimilarityGain: 0.05, minimumPassFraction: 0.95,
        maximumAreaUnderCurve: 0.65, minimumDecoderDivergenceRatio: 0.5)

    /// - Source: design notes, section 5.
    package static let strict = Gates(
        name: "strict", maximumDetermination: 0.10, maximumSimilarityGain: 0.02, minimumPassFraction: 1,
        maximumAreaUnderCurve: 0.60, minimumDecoderDivergenceRatio: 0.8, maximumRetrieval: 0.05)
}
