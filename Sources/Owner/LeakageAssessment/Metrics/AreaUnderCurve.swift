internal import Glibc

/// The probability that a positive ranks below a negative, ties counting half: the area under the receiver operating
/// characteristic of "small means positive".
///
/// - Source: Mann and Whitney 1947; standard error under the null hypothesis, sqrt((n + m + 1) / (12 n m)).
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

    package static func standardError(positives n: Int, negatives m: Int) -> Double {
        n > 0 && m > 0 ? sqrt(Double(n + m + 1) / (12 * Double(n) * Double(m))) : .infinity
    }
}
