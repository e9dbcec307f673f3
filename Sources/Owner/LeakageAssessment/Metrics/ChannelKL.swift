// SPDX-License-Identifier: Apache-2.0
/// The channel KL of one cut over a set of images: for image x the minimum of KL(F(x) || F(IR_j)) over the IR images
/// IR_j of all channels of all boundary tensors, F being the validator.
///
/// Channels are never sampled: the minimum over fewer channels is larger, so the cut would look safer than it is. The
/// minimum over many channels also falls by chance. The null measures that: the same minimum over the IR images of
/// other images, still against F(x).
///
/// - Source: the paper (arXiv 1807.00969) for the minimum; design notes, section 3b, for the shuffled null.
package struct ChannelKL: Sendable, Hashable {
    /// Most images whose IR images an image is compared with, including itself.
    package static let maximumCandidates = 60

    /// Nats, `[pictures, candidates]`: the minimum over the IR images of the d-th next image (cyclically), against
    /// F(x); d = 0 is the matched one.
    package let divergences: [[Double]]
    /// KL(F(x) || uniform), one per image.
    package let baseline: [Double]
    /// The channel (counted over all boundary tensors) of the matched minimum, one per image.
    package let closestChannel: [Int]
    /// Indices of the images that ``passFraction`` and ``areaUnderCurve`` count. An image that the validator is unsure
    /// of is near to any IR image, so it says nothing. Empty where the validator tells no images apart: then nothing
    /// can be measured, and both have their worst value.
    package let judged: [Int]

    /// - Parameter judged: `nil` for all images.
    /// - Throws: ``AssessmentError`` `.shapeMismatch` when the lists are empty or differ in length, or there is no
    ///   other image to compare with; `.notFinite` when a divergence is not finite.
    package init(
        divergences: [[Double]], baseline: [Double], closestChannel: [Int], judged: [Int]? = nil
    ) throws(AssessmentError) {
        let candidates = divergences.first?.count ?? 0
        guard candidates >= 2, candidates <= divergences.count,
            divergences.allSatisfy({ $0.count == candidates }), divergences.count == baseline.count,
            divergences.count == closestChannel.count, judged?.allSatisfy(divergences.indices.contains) ?? true
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
        self.judged = judged ?? Array(divergences.indices)
    }

    /// Number of images that an image is compared with, including itself.
    package var candidates: Int { divergences[0].count }

    /// The matched minimum, over an image's own IR images, in nats, one per image.
    package var own: [Double] { divergences.map { $0[0] } }
    /// The mismatched minimum, over another image's IR images, mean over the other images, one per image.
    package var null: [Double] { divergences.map { Statistics.mean(Array($0.dropFirst())) } }

    package var mean: Double { Statistics.mean(own) }
    package var median: Double { Statistics.median(own) }
    package var nullMean: Double { Statistics.mean(null) }
    package var baselineMean: Double { Statistics.mean(baseline) }

    /// Mean matched over mean mismatched: 1 where IR images reveal no more of their own image than of another.
    package var ratioToNull: Double { nullMean > 0 ? mean / nullMean : 1 }

    /// The share of ``judged`` images whose matched minimum is above the uniform baseline: the paper's criterion, image
    /// by image.
    package var passFraction: Double {
        judged.isEmpty ? 0 : Double(judged.count { divergences[$0][0] > baseline[$0] }) / Double(judged.count)
    }

    /// For each judged image, the share of mismatched minima above its matched one, ties counting half.
    private var shareBehind: [Double] {
        judged.map {
            AreaUnderCurve.value(positives: [divergences[$0][0]], negatives: Array(divergences[$0].dropFirst()))
        }
    }

    /// P(matched < mismatched) for one image, mean over ``judged`` images: the AUC. 0.5 is chance.
    ///
    /// Each image is compared with its own mismatched minima, because images differ in their distance to any IR image:
    /// see ``pooledAreaUnderCurve``.
    ///
    /// - Source: design notes, section 3b.
    package var areaUnderCurve: Double { judged.isEmpty ? 1 : Statistics.mean(shareBehind) }

    /// Standard error of ``areaUnderCurve`` over images, but at least that under the null hypothesis, so that a few
    /// images that agree do not count as certain.
    package var areaUnderCurveError: Double {
        guard judged.count >= 2 else {
            return AreaUnderCurve.standardError(lists: 1, negatives: candidates - 1)
        }
        return max(
            Statistics.standardError(ofMean: shareBehind),
            AreaUnderCurve.standardError(lists: judged.count, negatives: candidates - 1))
    }

    /// The same probability over pairs from different images: what one threshold for all images achieves. At most cuts
    /// it is lower, since an image that the validator is unsure of is nearer to any IR image than one it is sure of.
    package var pooledAreaUnderCurve: Double {
        AreaUnderCurve.value(positives: own, negatives: divergences.flatMap { $0.dropFirst() })
    }

    /// Top-1 retrieval rate: the share of images whose IR images are nearer to them than to every other image that they
    /// were compared with. A tie counts against the attacker; chance is one over ``candidates``.
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
