/// Decoder-KL: how much the validator's view of a reconstruction misses of its view of the picture, KL(F(x) ‖ F(x̂)),
/// beside the same against the reconstructions of all other pictures. Unlike the channel KL it sees all channels at once.
///
/// - Source: design notes, Tier 1b.
package struct DecoderDivergence: Sendable, Hashable, Codable {
    /// Nats, one per picture.
    package let own: [Double]
    /// The mean over the other pictures' reconstructions, one per picture.
    package let null: [Double]
    /// The share of pairs (own of any picture, divergence from any other picture's reconstruction) where own is less, ties
    /// counting half: 0.5 is chance.
    package let areaUnderCurve: Double

    /// - Parameters:
    ///   - pictures: The validator's view of the pictures.
    ///   - reconstructions: Its view of their reconstructions, in the same order; at least two.
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
    /// 1 where a reconstruction says no more of its own picture than of another; near 0 where it says all. 0, which the
    /// standard and strict gates do not let pass, where the validator sees the same in all of them (a null below
    /// ``leastNull``): nothing can be told then.
    package var ratioToNull: Double { nullMean > Self.leastNull ? mean / nullMean : 0 }
    /// Nats; less is rounding.
    package static let leastNull = 1e-6
    /// Standard error of ``ratioToNull`` over the pictures.
    package var ratioError: Double {
        nullMean > Self.leastNull ? Statistics.standardError(ofRatio: own, over: null) : 0
    }
}
