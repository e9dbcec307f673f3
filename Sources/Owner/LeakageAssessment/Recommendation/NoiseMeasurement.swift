// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// The effect of Gaussian noise on all boundary tensors of a cut.
package struct NoiseMeasurement: Sendable {
    /// The smallest deviation under which no gate is exceeded; if there is none (``holds`` is false), the largest that
    /// keeps the agreement.
    package let sigma: NoiseDeviation
    /// Top-1 agreement with and without the noise.
    package let agreement: Double
    /// The verdict with decoders that learned from noisy features, at this cut alone: deeper tensors are computed from
    /// the noisy values.
    package let verdict: GateVerdict
    /// Whether no gate of a protected asset is exceeded under it with the images at hand.
    package var holds: Bool { verdict.isUnbrokenAtHand }
    /// The scores of the best of these decoders.
    package let decoder: DecoderScores

    /// The decoders' results if an attacker averages the boundary tensors of near-duplicates of an image.
    package struct Copies: Sendable, Hashable {
        /// Number of near-duplicates of each image; 1 is ``decoder``.
        package let count: Int
        package let rSquared: Double
        /// Top-1 retrieval rate by reconstruction.
        package let retrievalTopOne: Double

        package init(_ count: Int, _ scores: DecoderScores) {
            self.count = count
            rSquared = scores.rSquared
            retrievalTopOne = scores.retrievalTopOne
        }
    }

    /// The numbers of near-duplicates that are tried.
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

extension GateVerdict {
    /// Whether no gate of a protected asset is exceeded. Under noise the attacker with more images is not measured, so
    /// no verdict passes there.
    var isUnbrokenAtHand: Bool { outcome != .fails }
}
