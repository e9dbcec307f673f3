/// What a cut's measured leakage must stay within. Each is judged with its statistical error against the cut, and
/// over this cut and all deeper ones: means with ``deviations`` standard errors, shares of pictures with Wilson's bound at
/// as many (``WilsonBound``). So the fewer the pictures, the harder are the gates.
package struct Gates: Sendable, Hashable {
    package var name: String
    /// Of the best decoder's R² plus 1.65 deviations.
    package var maximumRSquared: Double
    /// Of the best decoder's SSIM over that of the mean picture, plus 1.65 standard errors.
    package var maximumSimilarityGain: Double
    /// Lower bound of the share of pictures whose channel KL is above the uniform baseline. No number of pictures shows
    /// that it is 1...
    package var minimumPassFraction: Double
    /// ...or, because the minimum over hundreds of channels falls below that baseline by chance, an area under the curve
    /// against the shuffled null (plus 1.65 standard errors) of at most this.
    package var maximumAreaUnderCurve: Double
    /// Of the decoder-KL over its shuffled null, less 1.65 standard errors; `nil` for no gate.
    package var minimumDecoderDivergenceRatio: Double?
    /// Upper bound of the share of pictures that the best decoder's reconstructions identify among the test pictures; `nil`
    /// for no gate.
    package var maximumRetrieval: Double?
    /// Of the share of pictures that an attacker with ``AssessmentConfiguration/attackerPictures`` finds among
    /// ``GramAttacks/maximumCandidates`` by a second network's view of them.
    package var maximumIdentification: Double
    /// Of how much better than guessing that attacker names the class: 0 for guessing, 1 for always.
    package var maximumClassGain: Double

    package init(
        name: String, maximumRSquared: Double, maximumSimilarityGain: Double, minimumPassFraction: Double,
        maximumAreaUnderCurve: Double, minimumDecoderDivergenceRatio: Double? = nil, maximumRetrieval: Double? = nil,
        maximumIdentification: Double = 0.10, maximumClassGain: Double = 0.10
    ) {
        self.name = name
        self.maximumRSquared = maximumRSquared
        self.maximumSimilarityGain = maximumSimilarityGain
        self.minimumPassFraction = minimumPassFraction
        self.maximumAreaUnderCurve = maximumAreaUnderCurve
        self.minimumDecoderDivergenceRatio = minimumDecoderDivergenceRatio
        self.maximumRetrieval = maximumRetrieval
        self.maximumIdentification = maximumIdentification
        self.maximumClassGain = maximumClassGain
    }

    /// One-sided 95 % of a normal distribution.
    package static let deviations = 1.65

    /// - Source: design notes, section 5.
    package static let standard = Gates(
        name: "standard", maximumRSquared: 0.15, maximumSimilarityGain: 0.05, minimumPassFraction: 0.95,
        maximumAreaUnderCurve: 0.65, minimumDecoderDivergenceRatio: 0.8)

    /// The notes' 60 of 60 pictures, which is what shows 0.95, counting the error.
    ///
    /// - Source: design notes, section 5.
    package static let strict = Gates(
        name: "strict", maximumRSquared: 0.10, maximumSimilarityGain: 0.02, minimumPassFraction: 0.95,
        maximumAreaUnderCurve: 0.60, minimumDecoderDivergenceRatio: 0.8, maximumRetrieval: 0.05,
        maximumIdentification: 0.05, maximumClassGain: 0.05)
}
