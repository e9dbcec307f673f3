internal import Glibc

/// Where the true share of a population lies of which a sample was counted: within these bounds, on either side, as surely
/// as a normal variable lies within `deviations` of its mean.
///
/// Unlike p ± z sqrt(p (1 - p) / n), they stay within 0 and 1, and a few pictures that all pass, or of which none does,
/// do not count as certain: of n of n the lower bound is n / (n + z²).
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
