// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Re-identification of images by their reconstructions.
package enum Retrieval {
    /// For each reconstruction, the number of other candidates that are at least as similar to it as its own image.
    /// Similarity is the correlation of the differences from the mean image. Squared error would not do: regression
    /// shrinks towards the mean, so the nearest candidate would be one that looks like the mean. A tie counts against
    /// the attacker.
    ///
    /// - Parameters:
    ///   - reconstructions: One per candidate, in the same order.
    ///   - candidates: The images to choose from.
    ///   - mean: The mean training image.
    /// - Throws: ``AssessmentError`` `.shapeMismatch`.
    package static func ranks(
        reconstructions: [Picture], candidates: [Picture], mean: Picture
    ) throws(AssessmentError) -> [Int] {
        guard reconstructions.count == candidates.count, !candidates.isEmpty,
            (reconstructions + candidates).allSatisfy(mean.matches)
        else {
            throw AssessmentError(
                .shapeMismatch, "\(reconstructions.count) reconstructions of \(candidates.count) pictures")
        }
        let directions = candidates.map { direction(of: $0, from: mean) }
        return reconstructions.enumerated().map { index, reconstruction in
            let own = direction(of: reconstruction, from: mean)
            let similarities = directions.map { candidate in
                zip(own, candidate).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
            }
            return similarities.indices.count { $0 != index && similarities[$0] >= similarities[index] }
        }
    }

    /// The top-k rate: the share of ranks below `k`, 0 to 1; chance is k over the number of candidates.
    package static func share(of ranks: [Int], within k: Int) -> Double {
        ranks.isEmpty ? 0 : Double(ranks.count { $0 < k }) / Double(ranks.count)
    }

    /// The difference from the mean image, scaled to norm 1; zeros when there is none.
    private static func direction(of picture: Picture, from mean: Picture) -> [Float] {
        let difference = zip(picture.values, mean.values).map { $0 - $1 }
        let length = difference.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        return length > 1e-9 ? difference.map { Float(Double($0) / length) } : difference.map { _ in 0 }
    }
}
