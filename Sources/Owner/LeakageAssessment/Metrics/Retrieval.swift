/// Re-identification: which of the candidates does a reconstruction show?
package enum Retrieval {
    /// The share of reconstructions whose nearest candidate (by mean squared error) is the picture they were made from.
    /// A tie with another candidate counts as a miss.
    ///
    /// - Parameters:
    ///   - reconstructions: One per candidate, in the same order.
    ///   - candidates: The pictures among which to find them.
    /// - Returns: 0 to 1; chance is 1 over the number of candidates.
    /// - Throws: ``AssessmentError`` `.shapeMismatch`.
    package static func topOne(
        reconstructions: [Picture], candidates: [Picture]
    ) throws(AssessmentError) -> Double {
        guard reconstructions.count == candidates.count, !candidates.isEmpty else {
            throw AssessmentError(
                .shapeMismatch, "\(reconstructions.count) reconstructions of \(candidates.count) pictures")
        }
        var hits = 0
        for (index, reconstruction) in reconstructions.enumerated() {
            let own = try MeanSquaredError.value(reconstruction, candidates[index])
            var isNearest = true
            for (other, candidate) in candidates.enumerated() where other != index {
                if try MeanSquaredError.value(reconstruction, candidate) <= own {
                    isNearest = false
                    break
                }
            }
            if isNearest { hits += 1 }
        }
        return Double(hits) / Double(candidates.count)
    }
}
