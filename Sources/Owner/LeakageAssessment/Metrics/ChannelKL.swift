/// The channel KL of one cut over a set of pictures: for picture x the minimum of KL(F(x) || F(IR_j)) over the images
/// IR_j of all channels of all tensors that cross the cut, F being the validator.
///
/// Channels are never sampled: the minimum over fewer of them is larger and looks safer than the cut is. What the minimum
/// over this many channels falls to by chance is measured with the null: the same minimum over the IR images of other
/// pictures, still against F(x).
///
/// - Source: the paper (arXiv 1807.00969) for the minimum; design notes, section 3b, for the shuffled null.
package struct ChannelKL: Sendable, Hashable {
    /// How many pictures' IR images a picture is compared with at most, its own among them.
    package static let maximumCandidates = 60

    /// Nats, `[pictures, candidates]`: the minimum over the IR images of the d-th next picture (cyclically), against
    /// F(x); d = 0 is the picture itself.
    package let divergences: [[Double]]
    /// KL(F(x) || uniform), one per picture.
    package let baseline: [Double]
    /// The channel (counted over all crossing tensors) where the own minimum is reached, one per picture.
    package let closestChannel: [Int]

    /// - Throws: ``AssessmentError`` `.shapeMismatch` when the lists are empty or differ in length, or there is not at
    ///   least one other picture to compare with; `.notFinite` when a divergence is not finite.
    package init(
        divergences: [[Double]], baseline: [Double], closestChannel: [Int]
    ) throws(AssessmentError) {
        let candidates = divergences.first?.count ?? 0
        guard candidates >= 2, candidates <= divergences.count,
            divergences.allSatisfy({ $0.count == candidates }), divergences.count == baseline.count,
            divergences.count == closestChannel.count
        else {
            throw AssessmentError(
                .shapeMismatch, "channel KL of \(divergences.count) pictures among \(candidates) candidates")
        }
        guard (divergences.joined() + baseline).allSatisfy(\.isFinite) else {
            throw AssessmentError(.notFinite, "a channel KL is not finite")
        }
        self.divergences = divergences
        self.baseline = baseline
        self.closestChannel = closestChannel
    }

    /// Pictures that a picture's IR images are compared with, itself among them.
    package var candidates: Int { divergences[0].count }

    /// The minimum over the pictures' own IR images, in nats, one per picture.
    package var own: [Double] { divergences.map { $0[0] } }
    /// The same minimum over another picture's IR images, mean over the other pictures, one per picture.
    package var null: [Double] { divergences.map { Statistics.mean(Array($0.dropFirst())) } }

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

    /// For each picture, the share of the other pictures whose IR images are farther from it than its own are, ties
    /// counting half.
    private var shareBehind: [Double] {
        divergences.map { AreaUnderCurve.value(positives: [$0[0]], negatives: Array($0.dropFirst())) }
    }

    /// How well the divergence tells a picture's own IR from another's: the share of pairs (own, null) of one picture with
    /// own < null, mean over pictures. 0.5 is chance.
    ///
    /// Each picture is compared with its own nulls, because pictures differ in how near to anything they are: see
    /// ``pooledAreaUnderCurve``.
    ///
    /// - Source: design notes, section 3b.
    package var areaUnderCurve: Double { Statistics.mean(shareBehind) }

    /// Of ``areaUnderCurve``: of its mean over pictures, but not less than where own and null do not differ, so that a
    /// few pictures that agree do not count as certain.
    package var areaUnderCurveError: Double {
        max(
            Statistics.standardError(ofMean: shareBehind),
            AreaUnderCurve.standardError(lists: divergences.count, negatives: candidates - 1))
    }

    /// The same share over pairs of any pictures' own and null: what one threshold for all pictures could tell. At most
    /// cuts it is less, as a picture that the validator is unsure of is nearer to any IR image than one it is sure of.
    package var pooledAreaUnderCurve: Double {
        AreaUnderCurve.value(positives: own, negatives: divergences.flatMap { $0.dropFirst() })
    }

    /// The share of pictures that their IR images identify: those whose minimum against the picture's own distribution is
    /// less than against that of every other picture that they were compared with. A tie counts against the attacker;
    /// chance is one over ``candidates``.
    ///
    /// - Source: design notes, section 3b.
    package var topOne: Double {
        let count = divergences.count
        let found = divergences.indices.count { picture in
            (1..<candidates).allSatisfy { distance in
                divergences[picture][0] < divergences[(picture + count - distance) % count][distance]
            }
        }
        return Double(found) / Double(count)
    }
}
