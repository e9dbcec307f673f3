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

    package init(sigma: NoiseDeviation, agreement: Double, verdict: GateVerdict, decoder: DecoderScores) {
        self.sigma = sigma
        self.agreement = agreement
        self.verdict = verdict
        self.decoder = decoder
    }
}
