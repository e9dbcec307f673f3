package import Tensors

/// What Gaussian noise on everything that crosses a cut does there.
package struct NoiseMeasurement: Sendable {
    /// The smallest deviation found within the gates; the largest that keeps the agreement where none is.
    package let sigma: NoiseDeviation
    /// The share of the pictures whose best class is the same with the noise and without.
    package let agreement: Double
    /// Of decoders that learned from noisy features, at this cut alone: what is deeper is computed from the noisy values.
    package let verdict: GateVerdict
    /// Of the best of them.
    package let decoder: DecoderScores

    package static let whyNotRecommended =
        "Noise brings a cut within the gates here, but it is not recommended: the enclave derives it from the input, so that "
        + "a client's repeats say nothing, and pictures that differ by one step in one pixel have fresh noise and nearly the "
        + "same features. 16 of them undo most of it."

    /// What decoders find where an attacker averages what crosses of near-duplicates of a picture.
    package struct Copies: Sendable, Hashable {
        /// Of each picture; 1 is ``decoder``.
        package let count: Int
        package let rSquared: Double
        /// The share of the test pictures that reconstructions identify.
        package let retrievalTopOne: Double

        init(_ count: Int, _ scores: DecoderScores) {
            self.count = count
            rSquared = scores.rSquared
            retrievalTopOne = scores.retrievalTopOne
        }
    }

    /// How many near-duplicates are tried.
    ///
    /// - Source: design notes, section 6.
    package static let copies = [1, 4, 16, 64]
    /// One for each of ``copies``.
    package let repeated: [Copies]

    package init(
        sigma: NoiseDeviation, agreement: Double, verdict: GateVerdict, decoder: DecoderScores, copies: [Copies] = []
    ) {
        repeated = copies
        self.sigma = sigma
        self.agreement = agreement
        self.verdict = verdict
        self.decoder = decoder
    }
}
