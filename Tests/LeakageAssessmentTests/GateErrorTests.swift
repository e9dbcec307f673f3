// SPDX-License-Identifier: Apache-2.0
import LeakageAssessment
import Testing

@Suite("Gates use the unfavourable end of the confidence interval")
struct GateErrorTests {
    /// Reconstructions between picture and mean picture, the share of the mean being another for each.
    private func scores(pictures count: Int, meanShares: (Int) -> Float) throws -> DecoderScores {
        var generator = SeededGenerator(seed: 3)
        let pictures = (0..<count).map { _ in
            Picture(height: 12, width: 12, channels: 1, values: (0..<144).map { _ in Float(generator.uniform()) })
        }
        let mean = Picture(height: 12, width: 12, channels: 1, values: .init(repeating: 0.5, count: 144))
        let decoded = pictures.enumerated().map { index, picture in
            Picture(
                height: 12, width: 12, channels: 1,
                values: picture.values.map { $0 + meanShares(index) * (0.5 - $0) })
        }
        return try DecoderScores(
            kind: .local, penalty: 1e-3, reconstructions: decoded, pictures: pictures, meanPicture: mean, trials: [],
            seed: 1)
    }

    private func cut(
        _ decoder: DecoderScores, channelKL: ChannelKL? = nil, divergence: DecoderDivergence? = nil
    ) throws -> CutMeasurement {
        let made = try Measured.cuts([("relu2", 0.004, nil)])[0]
        return CutMeasurement(
            cut: made.cut, operatorName: made.operatorName, crossing: made.crossing, decoder: decoder,
            findings: Measured.findings(
                channelKL: channelKL,
                judgement: divergence.map { .init(divergence: $0, featureDistance: nil, featureDistanceOfMean: nil) }),
            cost: made.cost)
    }

    private func check(
        _ metric: Metric, of cut: CutMeasurement, _ gates: Gates = .strict
    ) throws -> GateVerdict.Check {
        let verdict = GateVerdict.verdicts(for: [cut], gates: gates)[0]
        return try #require(verdict.check(of: metric))
    }

    /// - Parameter failures: Pictures below the baseline; all are as near to each other as to themselves.
    private func channelKL(pictures: Int, failures: Int) throws -> ChannelKL {
        try ChannelKL(
            divergences: .init(repeating: .init(repeating: 2, count: pictures), count: pictures),
            baseline: (0..<pictures).map { $0 < failures ? 3 : 1 }, closestChannel: .init(repeating: 0, count: pictures)
        )
    }

    @Test("SSIM over the mean picture has no error if all pictures agree, and an error if they differ")
    func similarity() throws {
        let same = try scores(pictures: 20) { _ in 1 }
        #expect(same.similarityGain == 0 && same.similarityGainError == 0)
        let differing = try scores(pictures: 20) { $0.isMultiple(of: 2) ? 1 : 0 }
        // Halves of gain 0 and about 1: a deviation of 0.5, over the root of 19.
        #expect(abs(differing.similarityGainError - 0.5 / 19.0.squareRoot()) < 0.01)
        let found = try check(.similarityGain, of: try cut(differing))
        #expect(abs(found.value - differing.similarityGain - 1.65 * differing.similarityGainError) < 1e-12)
    }

    @Test(
        "A share of pictures above the baseline passes if there are enough pictures",
        arguments: [
            (60, 0, true), (52, 0, true), (51, 0, false), (8, 0, false), (60, 1, false), (200, 4, true),
            (200, 5, false),
        ])
    func passFraction(pictures: Int, failures: Int, passes: Bool) throws {
        let cut = try cut(
            try scores(pictures: 8) { _ in 1 }, channelKL: try channelKL(pictures: pictures, failures: failures))
        for gates in [Gates.standard, .strict] {
            let check = try check(.passFraction, of: cut, gates)
            #expect(check.passes == passes, "\(check.value)")
            #expect(check.value >= 0 && check.value < 1)
        }
    }

    @Test("Two pictures cannot show that an IR is indistinguishable from another picture's")
    func fewChannels() throws {
        let few = try cut(try scores(pictures: 8) { _ in 1 }, channelKL: try channelKL(pictures: 2, failures: 2))
        #expect(try !check(.areaUnderCurve, of: few, .standard).passes)
        let many = try cut(try scores(pictures: 8) { _ in 1 }, channelKL: try channelKL(pictures: 60, failures: 60))
        #expect(try check(.areaUnderCurve, of: many, .standard).passes)
    }

    @Test(
        "A retrieval rate of zero passes only with enough pictures", arguments: [(2, false), (51, false), (52, true)])
    func retrieval(pictures: Int, passes: Bool) throws {
        let scores = try scores(pictures: pictures) { _ in 1 }
        #expect(scores.retrievalTopOne == 0)
        let check = try check(.retrieval, of: try cut(scores))
        #expect(check.passes == passes, "\(check.value)")
        #expect(check.value > 0 && check.value <= 1)
    }

    @Test("Decoder-KL over its null is reduced by its error, which decreases with more pictures")
    func divergence() throws {
        func ratio(pictures count: Int) throws -> (divergence: DecoderDivergence, check: GateVerdict.Check) {
            var generator = SeededGenerator(seed: 5)
            func distributions() throws -> [ClassDistribution] {
                try (0..<count).map { _ in
                    try ClassDistribution(logits: (0..<6).map { _ in Float(4 * generator.uniform()) })
                }
            }
            let divergence = try DecoderDivergence(pictures: distributions(), reconstructions: distributions())
            let cut = try cut(try scores(pictures: 8) { _ in 1 }, divergence: divergence)
            return (divergence, try check(.decoderDivergenceRatio, of: cut))
        }
        let (few, many) = (try ratio(pictures: 3), try ratio(pictures: 200))
        #expect(many.divergence.ratioError > 0 && few.divergence.ratioError > 2 * many.divergence.ratioError)
        for found in [few, many] {
            let bound = found.divergence.ratioToNull - 1.65 * found.divergence.ratioError
            #expect(abs(found.check.value - bound) < 1e-12)
        }
    }

    @Test("NaN never passes, and no better number replaces it", arguments: Metric.all)
    func notNumbers(metric: Metric) {
        let good = LeakEstimate(lower: 0.5, value: 0.5, upper: 0.5)
        let limit = metric.leaks == .high ? 1.0 : 0.0
        #expect(metric.check(good, limit: limit).passes)
        let bad = [
            LeakEstimate(lower: .nan, value: .nan, upper: .nan), LeakEstimate(lower: 0.5, value: .nan, upper: 0.5),
            metric.leaks == .high
                ? LeakEstimate(lower: 0.5, value: 0.5, upper: .nan) : LeakEstimate(lower: .nan, value: 0.5, upper: 0.5),
        ]
        for estimate in bad {
            #expect(!metric.check(estimate, limit: limit).passes)
            #expect(!metric.check(metric.worse(good, estimate), limit: limit).passes)
            #expect(!metric.check(metric.worse(estimate, good), limit: limit).passes)
        }
    }

    @Test("A decoder whose arithmetic overflows is not the best one")
    func overflow() throws {
        var generator = SeededGenerator(seed: 9)
        let pictures = (0..<24).map { _ in
            Picture(height: 12, width: 12, channels: 1, values: (0..<144).map { _ in Float(generator.uniform()) })
        }
        // The squares of these features are beyond the range of a float.
        let features = CutFeatures(
            maps: nil, gram: GramMatrix.of(pictures.map { $0.values.map { 1e30 * $0 } }))
        let found = try DecoderAttack.run(
            on: features, targets: pictures, split: PictureSplit(count: 24, seed: 1), seed: 1)
        #expect(found.scores.rSquared.isFinite && found.scores.rSquaredError.isFinite)
    }

    @Test("A later attack that recovers less does not replace an earlier one, and its decoders are named")
    func joined() throws {
        let (more, less) = (try scores(pictures: 20) { _ in 0.5 }, try scores(pictures: 20) { _ in 0.9 })
        #expect(more.rSquared > less.rSquared)
        #expect(more.joined(with: less).rSquared == more.rSquared)
        #expect(less.joined(with: more).rSquared == more.rSquared)
        for joined in [more.joined(with: less), less.joined(with: more)] {
            #expect(joined.similarityGain == max(more.similarityGain, less.similarityGain))
            #expect(joined.retrievalTopOne == max(more.retrievalTopOne, less.retrievalTopOne))
        }
    }

    @Test("The error of a ratio agrees with the bootstrap")
    func ratioError() {
        var generator = SeededGenerator(seed: 7)
        let pairs: [(own: Double, null: Double)] = (0..<200).map { _ in
            let null = 1 + generator.uniform()
            return (own: 0.5 * null + 0.3 * generator.uniform(), null: null)
        }
        let error = Statistics.standardError(ofRatio: pairs.map(\.own), over: pairs.map(\.null))
        let resampled: [Double] = (0..<2000).map { _ in
            let drawn = pairs.map { _ in pairs[generator.index(below: pairs.count)] }
            return Statistics.mean(drawn.map(\.own)) / Statistics.mean(drawn.map(\.null))
        }
        #expect(abs(error - Statistics.deviation(resampled)) < 0.08 * error)
        #expect(Statistics.standardError(ofRatio: [0, 0], over: [0, 0]) == 0)
        #expect(Statistics.standardError(ofRatio: [1], over: [2]) == .infinity)
    }
}
