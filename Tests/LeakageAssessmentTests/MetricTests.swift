// SPDX-License-Identifier: Apache-2.0
import LeakageAssessment
import Testing

@Suite("Metrics agree with NumPy and SciPy")
struct MetricTests {
    @Test("KL, entropy and the uniform baseline agree to 1e-6", arguments: Vectors.stored.divergences.indices)
    func divergence(index: Int) throws {
        let vector = Vectors.stored.divergences[index]
        let (p, q) = (try ClassDistribution(logits: vector.p), try ClassDistribution(logits: vector.q))
        #expect(abs(try KullbackLeibler.divergence(of: p, from: q) - vector.divergence) < 1e-6)
        #expect(abs(p.entropy - vector.entropy) < 1e-6)
        #expect(abs(KullbackLeibler.uniformBaseline(p) - vector.baseline) < 1e-6)
    }

    @Test("A class with zero probability in the second distribution costs what the floor allows")
    func floor() throws {
        let p = try ClassDistribution([0.5, 0.5] as [Float])
        let q = try ClassDistribution([1, 0] as [Float])
        // ln 2 less than half of -ln 1e-12.
        #expect(
            abs(try KullbackLeibler.divergence(of: p, from: q) - (0.5 * 27.631021115928547 - 0.6931471805599453)) < 1e-9
        )
    }

    @Test(
        "Invalid distributions are refused",
        arguments: [[0.5, 1.1], [0.5, -0.1, 0.6], [.nan, 1], [1], [0.5, .infinity]] as [[Float]])
    func noDistribution(values: [Float]) {
        #expect(throws: AssessmentError.self) { try ClassDistribution(values) }
    }

    @Test("Sigmoid probabilities are normalised by their sum; all zeros become the uniform distribution")
    func independentProbabilities() throws {
        let distribution = try ClassDistribution([0.9, 0.3, 0, 0.3] as [Float])
        #expect(zip(distribution.probabilities, [0.6, 0.2, 0, 0.2]).allSatisfy { abs($0 - $1) < 1e-7 })
        // -0.6 ln 0.6 - 0.4 ln 0.2
        #expect(abs(distribution.entropy - 0.950_270_539_233_235) < 1e-6)
        #expect(try ClassDistribution([0, 0, 0, 0] as [Float]).probabilities == [0.25, 0.25, 0.25, 0.25])
        // A level of 8 bits beyond.
        #expect(try ClassDistribution([1.004, -0.004] as [Float]).probabilities == [1, 0])
    }

    @Test("Non-finite class scores are refused", arguments: [[1, .nan], [.infinity, 0], [3]] as [[Float]])
    func noScores(values: [Float]) {
        #expect(throws: AssessmentError.self) { try ClassDistribution(logits: values) }
    }

    @Test("The area under the curve with ties agrees to 1e-12", arguments: Vectors.stored.areas.indices)
    func area(index: Int) {
        let vector = Vectors.stored.areas[index]
        let area = AreaUnderCurve.value(positives: vector.positives, negatives: vector.negatives)
        #expect(abs(area - vector.area) < 1e-12)
    }

    @Test("Bilinear resizing with half-pixel centres agrees to 1e-6", arguments: Vectors.stored.resizes.indices)
    func resize(index: Int) {
        let vector = Vectors.stored.resizes[index]
        let resize = BilinearResize(
            from: (vector.source[0], vector.source[1]), to: (vector.target[0], vector.target[1]))
        var result = [Float](repeating: -1, count: vector.result.count)
        resize.resize(vector.image, into: &result)
        for (found, expected) in zip(result, vector.result) { #expect(abs(found - expected) < 1e-6) }
    }

    @Test("MSE, PSNR and SSIM agree to 1e-6", arguments: Vectors.stored.pictures.indices)
    func pictures(index: Int) throws {
        let vector = Vectors.stored.pictures[index]
        func picture(_ values: [Float]) -> Picture {
            Picture(height: vector.shape[0], width: vector.shape[1], channels: vector.shape[2], values: values)
        }
        let (a, b) = (picture(vector.a), picture(vector.b))
        let error = try MeanSquaredError.value(a, b)
        #expect(abs(error - vector.mse) < 1e-9)
        #expect(abs(MeanSquaredError.peakSignalToNoise(meanSquaredError: error) - vector.psnr) < 1e-6)
        #expect(abs(try StructuralSimilarity.value(a, b) - vector.ssim) < 1e-6)
        #expect(abs(try StructuralSimilarity.value(a, a) - 1) < 1e-12)
    }

    @Test("Area averages over any region agree to 1e-6", arguments: Vectors.stored.averages.indices)
    func averages(index: Int) {
        let vector = Vectors.stored.averages[index]
        let picture = Picture(
            height: vector.shape[0], width: vector.shape[1], channels: vector.shape[2], values: vector.image)
        let region = Picture.Region(
            top: vector.region[0], left: vector.region[1], height: vector.region[2], width: vector.region[3])
        let result = picture.averaged(over: region, height: vector.target[0], width: vector.target[1])
        for (found, expected) in zip(result.values, vector.result) { #expect(abs(found - expected) < 1e-6) }
    }

    @Test("A constant map becomes zeros, and any other is scaled to 0...1")
    func channelImage() throws {
        var constant: [Float] = [3, 3, 3]
        #expect(try !ChannelImage.normalize(&constant))
        #expect(constant == [0, 0, 0])
        var map: [Float] = [-2, 0, 2, 6]
        #expect(try ChannelImage.normalize(&map))
        #expect(map == [0, 0.25, 0.5, 1])
        var extreme: [Float] = [-.greatestFiniteMagnitude, 0, .greatestFiniteMagnitude]
        #expect(try ChannelImage.normalize(&extreme))
        #expect(extreme == [0, 0.5, 1])
    }

    @Test("Non-finite activations are refused", arguments: [Float.nan, .infinity, -.infinity])
    func notFinite(value: Float) {
        var map: [Float] = [0, value, 1]
        #expect(throws: AssessmentError.self) { try ChannelImage.normalize(&map) }
    }

    @Test("The envelope takes the worst value of this and all deeper cuts, ignoring unmeasured ones")
    func envelope() {
        #expect(Envelope.largestFromHere([0.9, 0.2, nil, 0.5, 0.1]) == [0.9, 0.5, 0.5, 0.5, 0.1])
        #expect(Envelope.smallestFromHere([0.9, 0.2, 0.7, nil]) == [0.2, 0.2, 0.7, nil])
        #expect(Envelope.largestFromHere([]) == [])
    }

    @Test("The channel KL is summarised over its pictures")
    func channelKL() throws {
        let kl = try ChannelKL(
            divergences: [[1, 2, 4], [2, 3, 1], [3, 3, 9], [10, 8, 8]], baseline: [0.5, 2, 4, 4],
            closestChannel: [0, 1, 2, 3])
        #expect(kl.candidates == 3)
        #expect(kl.own == [1, 2, 3, 10])
        #expect(kl.null == [3, 2, 6, 8])
        #expect(kl.mean == 4)
        #expect(kl.median == 2.5)
        #expect(kl.nullMean == 4.75)
        // A divergence equal to the baseline does not pass.
        #expect(kl.passFraction == 0.5)
        // Of the nulls of each picture 2, 1, 1 and a half, and 0 are above its own.
        #expect(kl.areaUnderCurve == 4.5 / 8)
        // Of all eight nulls 7, 6, 4 and 0 are above, and 1, 1, 2 and 0 the same.
        #expect(kl.pooledAreaUnderCurve == 19.0 / 32)
        // The first one's images are nearer to it (1) than to the last two (8, 9); the second one's (2) and third one's (3)
        // are as near to the one before.
        #expect(kl.topOne == 0.25)
        // Of 1, 1/2, 3/4 and 0: more than chance, sqrt(4 / (12 * 2 * 4)).
        #expect(abs(kl.areaUnderCurveError - (0.546875 / 12).squareRoot()) < 1e-12)
    }

    @Test("Only evaluated pictures count for the channel KL's gates; without any, both gates have their worst value")
    func judgedPictures() throws {
        func kl(_ judged: [Int]?) throws -> ChannelKL {
            try ChannelKL(
                divergences: [[1, 2, 4], [2, 3, 1], [3, 3, 9], [10, 8, 8]], baseline: [0.5, 2, 4, 4],
                closestChannel: [0, 1, 2, 3], judged: judged)
        }
        let (all, some, none) = (try kl(nil), try kl([0, 1]), try kl([]))
        #expect(all.judged == [0, 1, 2, 3])
        // Of the nulls of the first two pictures 2 and 1 are above their own.
        #expect(some.passFraction == 0.5 && some.areaUnderCurve == 0.75)
        #expect(some.areaUnderCurveError >= AreaUnderCurve.standardError(lists: 2, negatives: 2))
        #expect(none.passFraction == 0 && none.areaUnderCurve == 1 && none.areaUnderCurveError.isFinite)
        #expect(none.mean == all.mean && none.topOne == all.topOne)
        #expect(throws: AssessmentError.self) { try kl([4]) }
    }

    @Test("Agreement of all pictures does not make the channel KL's area certain")
    func certainty() throws {
        let kl = try ChannelKL(divergences: [[1, 2], [1, 2]], baseline: [1, 1], closestChannel: [0, 0])
        #expect(kl.areaUnderCurve == 1)
        #expect(abs(kl.areaUnderCurveError - (1.0 / 8).squareRoot()) < 1e-12)
    }

    @Test(
        "A channel KL that has no other picture, has lists of different lengths or is not finite is refused",
        arguments: [[], [[1]], [[1, 2]], [[1, 2], [1]], [[1, 2], [1, .infinity]]] as [[[Double]]])
    func channelKLRefused(divergences: [[Double]]) {
        #expect(throws: AssessmentError.self) {
            try ChannelKL(
                divergences: divergences, baseline: divergences.map { _ in 1 },
                closestChannel: divergences.map { _ in 0 })
        }
    }

    @Test("Retrieval finds the most similar difference from the mean picture, at any scale, and counts no ties")
    func retrieval() throws {
        func pair(_ a: Float, _ b: Float) -> Picture { Picture(height: 1, width: 2, channels: 1, values: [a, b]) }
        let candidates = [pair(1, 0.5), pair(0.5, 1), pair(0, 0.4)]
        func topOne(_ reconstructions: [Picture]) throws -> Double {
            Retrieval.share(
                of: try Retrieval.ranks(
                    reconstructions: reconstructions, candidates: candidates, mean: pair(0.5, 0.5)), within: 1)
        }
        #expect(try topOne(candidates) == 1)
        #expect(try topOne([pair(0.51, 0.5), pair(0.5, 0.52), pair(0.49, 0.5)]) == 1)
        #expect(try topOne([pair(0.5, 0.6), pair(0.5, 0.6), pair(0.4, 0.5)]) == 2.0 / 3)
        #expect(try topOne([pair(0.5, 0.5), pair(0.5, 0.5), pair(0.5, 0.5)]) == 0)
    }

    @Test("R² is 1 for equality, 0 for the mean picture, and 0 if nothing differs from the mean")
    func rSquared() {
        #expect(MeanSquaredError.rSquared(errors: [0, 0], meanErrors: [1, 2]) == 1)
        #expect(MeanSquaredError.rSquared(errors: [1, 2], meanErrors: [1, 2]) == 0)
        #expect(MeanSquaredError.rSquared(errors: [0], meanErrors: [0]) == 0)
    }

    @Test("The same seed gives the same bootstrap, and more pictures give a smaller standard error")
    func bootstrap() throws {
        var generator = SeededGenerator(seed: 7)
        let errors = (0..<400).map { _ in generator.uniform() }
        let mean = errors.map { _ in 1.0 }
        let few = try Bootstrap.standardErrorOfRSquared(
            errors: Array(errors.prefix(25)), meanErrors: Array(mean.prefix(25)), seed: 1)
        let many = try Bootstrap.standardErrorOfRSquared(errors: errors, meanErrors: mean, seed: 1)
        #expect(many == (try Bootstrap.standardErrorOfRSquared(errors: errors, meanErrors: mean, seed: 1)))
        // Uniform errors deviate by 0.289; divided by the root of 25 and 400.
        #expect(abs(few - 0.058) < 0.02)
        #expect(abs(many - 0.0144) < 0.003)
    }
}
