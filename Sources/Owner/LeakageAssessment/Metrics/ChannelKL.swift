/// The channel KL of one cut over a set of pictures: for picture x the minimum of KL(F(x) || F(IR_j)) over the images
/// IR_j of all channels of all tensors that cross the cut, F being the validator.
///
/// Channels are never sampled: the minimum over fewer of them is larger and looks safer than the cut is.
package struct ChannelKL: Sendable, Hashable {
    /// The minimum over the pictures' own IR images, in nats, one per picture.
    package let own: [Double]
    /// The same minimum over the IR images of the next picture (cyclically), still against F(x): what the minimum over
    /// this many channels falls to by chance.
    package let null: [Double]
    /// KL(F(x) || uniform), one per picture.
    package let baseline: [Double]
    /// The channel (counted over all crossing tensors) where the own minimum is reached, one per picture.
    package let closestChannel: [Int]

    /// - Throws: ``AssessmentError`` `.shapeMismatch` when the lists are empty or differ in length, `.notFinite` when a
    ///   divergence is not finite.
    package init(own: [Double], null: [Double], baseline: [Double], closestChannel: [Int]) throws(AssessmentError) {
        guard !own.isEmpty, own.count == null.count, own.count == baseline.count, own.count == closestChannel.count
        else {
            throw AssessmentError(.shapeMismatch, "channel KL of \(own.count) pictures, null of \(null.count)")
        }
        guard (own + null + baseline).allSatisfy(\.isFinite) else {
            throw AssessmentError(.notFinite, "a channel KL is not finite")
        }
        self.own = own
        self.null = null
        self.baseline = baseline
        self.closestChannel = closestChannel
    }

    package var mean: Double { Statistics.mean(own) }
    package var median: Double { Statistics.median(own) }
    package var nullMean: Double { Statistics.mean(null) }
    package var baselineMean: Double { Statistics.mean(baseline) }

    /// Mean of own over mean of null: 1 where the IR images say no more of their own picture than of another.
    package var ratioToNull: Double { nullMean > 0 ? mean / nullMean : 1 }

    /// The share of pictures whose own minimum is above the uniform baseline: the paper's criterion, picture by picture.
    package var passFraction: Double {
        Double(zip(own, baseline).count { $0 > $1 }) / Double(own.count)
    }

    /// How well the divergence tells a picture's own IR from another's: the share of pairs (own of any, null of any)
    /// with own < null, ties counting half. 0.5 is chance.
    package var areaUnderCurve: Double { AreaUnderCurve.value(positives: own, negatives: null) }
}
