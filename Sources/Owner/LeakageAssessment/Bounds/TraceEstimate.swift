internal import Glibc

/// tr(JᵀJ) over pictures, by probes.
package struct TraceEstimate: Sendable, Hashable, Codable {
    package let mean: Double
    /// Of the mean: the probes' spread and the pictures'.
    package let standardError: Double
    /// Of the pictures' own means; what strict settings count with.
    package let percentile95: Double

    /// - Parameter probes: ‖Jv‖², one list per picture, none empty; at least one picture.
    package init(probes: [[Double]]) {
        let means = probes.map(Statistics.mean)
        mean = Statistics.mean(means)
        let count = Double(means.count)
        standardError = means.count > 1 ? Statistics.deviation(means) / sqrt(count - 1) : mean
        let sorted = means.sorted()
        // Nearest rank.
        percentile95 = sorted[min(sorted.count - 1, max(0, Int((0.95 * count).rounded(.up)) - 1))]
    }

    /// The mean with the error that a gate would count against it.
    package var upper: Double { mean + Gates.deviations * standardError }
}
