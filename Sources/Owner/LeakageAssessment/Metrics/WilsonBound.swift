// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Wilson's score bounds of a share: one-sided confidence bounds at the level of `deviations` standard deviations of a
/// normal variable.
///
/// Unlike p ± z sqrt(p (1 - p) / n), they stay within 0 and 1, and a small sample that passes or fails completely does
/// not count as certain: for n of n the lower bound is n / (n + z²).
///
/// - Source: Wilson 1927.
package enum WilsonBound {
    /// - Parameters:
    ///   - share: 0 to 1.
    ///   - count: The size of the sample.
    /// - Returns: 0 to `share`; 0 for an empty sample.
    package static func lower(of share: Double, count: Int, deviations: Double) -> Double {
        guard count > 0 else { return 0 }
        let (n, square) = (Double(count), deviations * deviations)
        let spread = deviations * sqrt(share * (1 - share) / n + square / (4 * n * n))
        return max(0, (share + square / (2 * n) - spread) / (1 + square / n))
    }

    /// - Returns: `share` to 1; 1 for an empty sample.
    package static func upper(of share: Double, count: Int, deviations: Double) -> Double {
        1 - lower(of: 1 - share, count: count, deviations: deviations)
    }
}
