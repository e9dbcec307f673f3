// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Summaries of short lists, in `Double`.
package enum Statistics {
    /// 0 for an empty list.
    package static func mean(_ values: [Double]) -> Double {
        values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
    }

    /// The middle value, or the mean of the two middle ones; 0 for an empty list.
    package static func median(_ values: [Double]) -> Double {
        guard !values.isEmpty else { return 0 }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }

    /// Population standard deviation: square root of the mean squared distance from the mean.
    package static func deviation(_ values: [Double]) -> Double {
        let center = mean(values)
        return sqrt(mean(values.map { ($0 - center) * ($0 - center) }))
    }

    /// Standard error of the mean: s / sqrt(n), s with n - 1 in the denominator; infinite for fewer than two values.
    package static func standardError(ofMean values: [Double]) -> Double {
        guard values.count >= 2 else { return .infinity }
        return deviation(values) / sqrt(Double(values.count - 1))
    }

    /// Standard error of the ratio of two means, to first order: that of the mean of numerator - ratio · denominator,
    /// divided by the mean denominator.
    ///
    /// - Parameter denominators: One per numerator.
    /// - Returns: 0 where the mean denominator is 0; infinite for fewer than two.
    /// - Source: Cochran 1977, section 2.11.
    package static func standardError(ofRatio numerators: [Double], over denominators: [Double]) -> Double {
        let center = mean(denominators)
        guard center != 0 else { return 0 }
        let ratio = mean(numerators) / center
        return standardError(ofMean: zip(numerators, denominators).map { $0 - ratio * $1 }) / abs(center)
    }
}
