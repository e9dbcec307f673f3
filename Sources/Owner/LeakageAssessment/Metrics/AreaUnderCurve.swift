// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// The probability that a positive ranks below a negative, with ties counting half: the area under the ROC curve where
/// small values mean positive.
///
/// - Source: Mann and Whitney 1947.
package enum AreaUnderCurve {
    /// - Returns: 0 to 1; 0.5 for empty lists.
    package static func value(positives: [Double], negatives: [Double]) -> Double {
        guard !positives.isEmpty, !negatives.isEmpty else { return 0.5 }
        let sorted = negatives.sorted()
        var wins = 0.0
        var (below, through) = (0, 0)
        for positive in positives.sorted() {
            while below < sorted.count, sorted[below] < positive { below += 1 }
            through = max(through, below)
            while through < sorted.count, sorted[through] <= positive { through += 1 }
            wins += Double(sorted.count - through) + 0.5 * Double(through - below)
        }
        return wins / (Double(positives.count) * Double(negatives.count))
    }

    /// Standard error of the mean of `lists` areas, each of one positive among `negatives`, under the null hypothesis:
    /// the rank of the positive is uniform on m + 1 places, so that an area has the variance (m + 2) / (12 m).
    ///
    /// - Source: Mann and Whitney 1947, their variance with one positive.
    package static func standardError(lists: Int, negatives m: Int) -> Double {
        lists > 0 && m > 0 ? sqrt(Double(m + 2) / (12 * Double(m) * Double(lists))) : .infinity
    }
}
