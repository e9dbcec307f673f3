internal import Glibc

/// What Gaussian noise on one cut would and would not achieve. Estimates, no certificates: the local Jacobian bounds
/// unbiased adversaries with one observation, rectifiers and maxima have kinks, and identities are bounded within the
/// candidates alone.
///
/// - Source: design notes, Tier 3; Maeng et al. 2023 (dFIL), Guo et al. 2022.
package struct LeakageBounds: Sendable, Hashable, Codable {
    /// What one amount of noise does.
    package struct Level: Sendable, Hashable, Codable {
        /// Standard deviation of the noise on each element that crosses.
        package let sigma: Double
        /// dFIL = tr(JᵀJ) / (d σ²).
        package let fisherLeakage: Double
        /// No unbiased adversary gets a pixel's mean squared error below 1 / dFIL; as a PSNR in dB of pixels in [0, 1].
        package let peakSignalToNoise: Double
        /// The same for the pixels of a thumbnail.
        package let thumbnailPeakSignalToNoise: Double
        /// Fano's bound on naming the picture among ``LeakageBounds/candidates``.
        package let identificationBound: Estimate
        /// How often the best adversary names it, simulated.
        package let identification: Estimate
    }

    /// Multiples of the root mean square of what crosses that ``levels`` are at.
    package static let multiples = [0.03, 0.1, 0.3, 1, 3, 10, 30]
    /// A floor that leaves no picture to recognise: an error of 0.1 a pixel.
    package static let floorInDecibels = 20.0
    /// What identification must fall to for ``sigmaForAnonymity``.
    package static let anonymity = 0.1

    package let pictures: Int
    package let probes: Int
    /// tr(JᵀJ), divided by the number of pixels.
    package let trace: TraceEstimate
    /// s² tr(UᵀJᵀJU), divided by the number of pixels of the thumbnail; s² pixels become one.
    package let thumbnailTrace: TraceEstimate
    /// Root mean square of what crosses.
    package let rootMeanSquare: Double
    package let candidates: Int
    /// The noise at which the floor of an unbiased adversary is ``floorInDecibels``, by the mean and 1.65 standard errors.
    package let sigmaForFloor: Double
    /// The same for the picture at the 95th percentile.
    package let sigmaForStrictFloor: Double
    /// The noise at which the best adversary names the picture in ``anonymity`` of the cases; `nil` where the candidates do
    /// not differ or are too few.
    package let sigmaForAnonymity: Double?
    package let levels: [Level]

    /// - Parameters:
    ///   - pixelProbes, thumbnailProbes: ‖Jv‖² and ‖JUw‖², one list per picture.
    ///   - pixels: d, and that of the thumbnail, of whose pixels each stands for `area`.
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
                // An error above 1 is no information: pixels are in [0, 1].
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
