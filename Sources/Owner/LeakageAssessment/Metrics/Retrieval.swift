internal import Glibc

/// Re-identification: which of the candidates does a reconstruction show?
package enum Retrieval {
    /// The share of reconstructions whose most similar candidate is the picture that they were made from. Similarity is the
    /// correlation of what differs from the mean picture: regression shrinks towards the mean, so that the nearest candidate
    /// by squared error would be one that looks like the mean. A tie with another candidate counts as a miss.
    ///
    /// - Parameters:
    ///   - reconstructions: One per candidate, in the same order.
    ///   - candidates: The pictures among which to find them.
    ///   - mean: The mean training picture.
    /// - Returns: 0 to 1; chance is 1 over the number of candidates.
    /// - Throws: ``AssessmentError`` `.shapeMismatch`.
    package static func topOne(
        reconstructions: [Picture], candidates: [Picture], mean: Picture
    ) throws(AssessmentError) -> Double {
        guard reconstructions.count == candidates.count, !candidates.isEmpty,
            (reconstructions + candidates).allSatisfy(mean.matches)
        else {
            throw AssessmentError(
                .shapeMismatch, "\(reconstructions.count) reconstructions of \(candidates.count) pictures")
        }
        let directions = candidates.map { direction(of: $0, from: mean) }
        var hits = 0
        for (index, reconstruction) in reconstructions.enumerated() {
            let own = direction(of: reconstruction, from: mean)
            let similarities = directions.map { candidate in
                zip(own, candidate).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
            }
            let others = similarities.indices.filter { $0 != index }
            if others.allSatisfy({ similarities[$0] < similarities[index] }) { hits += 1 }
        }
        return Double(hits) / Double(candidates.count)
    }

    /// The difference from the mean picture, scaled to length 1; zeros when there is none.
    private static func direction(of picture: Picture, from mean: Picture) -> [Float] {
        let difference = zip(picture.values, mean.values).map { $0 - $1 }
        let length = difference.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        return length > 1e-9 ? difference.map { Float(Double($0) / length) } : difference.map { _ in 0 }
    }
}
