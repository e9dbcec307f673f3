// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// What Gaussian noise at one cut achieves, as an estimate and not a certificate: the local Jacobian bounds unbiased
/// adversaries with one observation, ReLU and max-pooling are not differentiable everywhere, and identification is
/// bounded within the candidates only.
///
/// - Source: design notes, Tier 3; Maeng et al. 2023 (dFIL), Guo et al. 2022.
package struct LeakageBounds: Sendable, Hashable, Codable {
    /// The effect of one noise level.
    package struct Level: Sendable, Hashable, Codable {
        /// Standard deviation of the noise on each boundary element.
        package let sigma: Double
        /// dFIL = tr(JᵀJ) / (d σ²).
        package let fisherLeakage: Double
        /// Upper bound of an unbiased adversary's PSNR in dB, for pixels in [0, 1]: its mean squared error per pixel is
        /// at least 1 / dFIL.
        package let peakSignalToNoise: Double
        /// The same bound for the pixels of a thumbnail.
        package let thumbnailPeakSignalToNoise: Double
        /// Fano's bound on the top-1 identification rate among ``LeakageBounds/candidates`` images.
        package let identificationBound: Estimate
        /// Simulated top-1 identification rate of the best possible adversary.
        package let identification: Estimate
    }

    /// Noise levels of ``levels``, as multiples of the root mean square of the boundary tensor.
    package static let multiples = [0.03, 0.1, 0.3, 1, 3, 10, 30]
    /// The PSNR that counts as unrecognisable: an RMSE of 0.1 per pixel.
    package static let floorInDecibels = 20.0
    /// The identification rate of ``sigmaForAnonymity``.
    package static let anonymity = 0.1

    package let pictures: Int
    package let probes: Int
    /// tr(JᵀJ), divided by the number of pixels.
    package let trace: TraceEstimate
    /// s² tr(UᵀJᵀJU), divided by the number of pixels of the thumbnail; s² pixels become one.
    package let thumbnailTrace: TraceEstimate
    /// Root mean square of the boundary tensor.
    package let rootMeanSquare: Double
    package let candidates: Int
    /// The noise at which the bound for unbiased adversaries is ``floorInDecibels``, at the upper 95 % limit of the
    /// mean trace.
    package let sigmaForFloor: Double
    /// The same for the image at the 95th percentile.
    package let sigmaForStrictFloor: Double
    /// The noise at which the best possible adversary's identification rate is ``anonymity``; `nil` where the
    /// candidates do not differ or are too few.
    package let sigmaForAnonymity: Double?
    package let levels: [Level]

    /// - Parameters:
    ///   - pixelProbes, thumbnailProbes: ‖Jv‖² and ‖JUw‖², one list per image.
    ///   - pixels: d; likewise for the thumbnail, each of whose pixels covers `area` pixels.
    package init(
        pixelProbes: [[Double]], thumbnailProbes: [[Double]], pixels: Int, thumbnailPixels: Int, area: Int,
        rootMeanSquare: Double, candidates: CandidateSet, seed: UInt64
    ) {
        pictures = pixelProbes.count
        probes = pixelProbes.first?.count ?? 0
        trace = TraceEstimate(probes: pixelProbes.map { $0.map { $0 / Double(pixels) } })
        let scale = Double(area) / Double(thumbnailPixels)
        thumbnailTrace = TraceEstimate(probes: thumbnailProbes.map { $0.map { $0 * scale } })
        self.rootMeanSquare = rootMeanSquare
        self.candidates = candidates.count
        let floor = pow(10, -Self.floorInDecibels / 10)
        sigmaForFloor = sqrt(floor * trace.upper)
        sigmaForStrictFloor = sqrt(floor * trace.percentile95)
        sigmaForAnonymity = candidates.noise(forIdentification: Self.anonymity, seed: seed)
        let (upper, thumbnail) = (trace.upper, thumbnailTrace.upper)
        levels = Self.multiples.compactMap { multiple in
            let sigma = multiple * rootMeanSquare
            guard sigma > 0 else { return nil }
            func decibels(_ trace: Double) -> Double {
                // A mean squared error above 1 is no information: pixels are in [0, 1].
                10 * log10(max(1, trace / (sigma * sigma)))
            }
            return Level(
                sigma: sigma, fisherLeakage: upper / (sigma * sigma), peakSignalToNoise: decibels(upper),
                thumbnailPeakSignalToNoise: decibels(thumbnail),
                identificationBound: candidates.identificationBound(noise: sigma),
                identification: candidates.identification(noise: sigma, seed: seed))
        }
    }
}
