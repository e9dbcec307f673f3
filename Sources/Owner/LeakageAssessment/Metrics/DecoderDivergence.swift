// SPDX-License-Identifier: Apache-2.0
/// Decoder-KL: the divergence KL(F(x) ‖ F(x̂)) between the validator's class distributions of an image and of its
/// reconstruction, and the same for the reconstructions of all other images. Unlike the channel KL it uses all channels
/// together.
///
/// - Source: design notes, Tier 1b.
package struct DecoderDivergence: Sendable, Hashable, Codable {
    /// Matched: nats, one per image.
    package let own: [Double]
    /// Mismatched: the mean over the other images' reconstructions, one per image.
    package let null: [Double]
    /// P(matched < mismatched) over pairs from all images, ties counting half: 0.5 is chance.
    package let areaUnderCurve: Double

    /// - Parameters:
    ///   - pictures: The validator's class distributions of the images.
    ///   - reconstructions: Those of their reconstructions, in the same order; at least two.
    /// - Throws: ``AssessmentError`` `.shapeMismatch`.
    package init(
        pictures: [ClassDistribution], reconstructions: [ClassDistribution]
    ) throws(AssessmentError) {
        guard pictures.count == reconstructions.count, pictures.count >= 2 else {
            throw AssessmentError(
                .shapeMismatch, "\(reconstructions.count) reconstructions of \(pictures.count) pictures")
        }
        let logarithms = reconstructions.map(\.flooredLogarithms)
        var (own, null, others): ([Double], [Double], [Double]) = ([], [], [])
        for (row, picture) in pictures.enumerated() {
            var sum = 0.0
            for (column, logarithms) in logarithms.enumerated() {
                let divergence = try KullbackLeibler.divergence(of: picture, fromLogarithms: logarithms)
                if column == row {
                    own.append(divergence)
                } else {
                    sum += divergence
                    others.append(divergence)
                }
            }
            null.append(sum / Double(pictures.count - 1))
        }
        self.own = own
        self.null = null
        areaUnderCurve = AreaUnderCurve.value(positives: own, negatives: others)
    }

    package var mean: Double { Statistics.mean(own) }
    package var nullMean: Double { Statistics.mean(null) }
    /// Matched over mismatched: 1 where a reconstruction reveals no more of its own image than of another; near 0 where
    /// it reveals everything. It is 0, which fails the standard and strict gates, where the validator's outputs are the
    /// same for all reconstructions (a null below ``leastNull``), since then nothing can be measured.
    package var ratioToNull: Double { nullMean > Self.leastNull ? mean / nullMean : 0 }
    /// Nats; smaller values are rounding errors.
    package static let leastNull = 1e-6
    /// Standard error of ``ratioToNull`` over the images.
    package var ratioError: Double {
        nullMean > Self.leastNull ? Statistics.standardError(ofRatio: own, over: null) : 0
    }
}
