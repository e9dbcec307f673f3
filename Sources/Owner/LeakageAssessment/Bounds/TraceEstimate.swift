// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// tr(JᵀJ) over images, estimated with random probes.
package struct TraceEstimate: Sendable, Hashable, Codable {
    package let mean: Double
    /// Standard error of the mean: the spread over probes and images.
    package let standardError: Double
    /// The 95th percentile of the images' own means.
    package let percentile95: Double

    /// - Parameter probes: ‖Jv‖², one list per image, none empty; at least one image.
    package init(probes: [[Double]]) {
        let means = probes.map(Statistics.mean)
        mean = Statistics.mean(means)
        let count = Double(means.count)
        standardError = means.count > 1 ? Statistics.deviation(means) / sqrt(count - 1) : mean
        let sorted = means.sorted()
        // Nearest rank.
        percentile95 = sorted[min(sorted.count - 1, max(0, Int((0.95 * count).rounded(.up)) - 1))]
    }

    /// The upper 95 % limit of the mean.
    package var upper: Double { mean + Gates.deviations * standardError }
}
