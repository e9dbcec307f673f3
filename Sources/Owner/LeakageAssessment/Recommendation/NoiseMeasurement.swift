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

    package init(sigma: NoiseDeviation, agreement: Double, verdict: GateVerdict, decoder: DecoderScores) {
        self.sigma = sigma
        self.agreement = agreement
        self.verdict = verdict
        self.decoder = decoder
    }
}
