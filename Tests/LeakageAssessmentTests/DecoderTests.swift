// SPDX-License-Identifier: Apache-2.0
import LeakageAssessment
import Testing

@Suite("Decoders")
struct DecoderTests {
    /// Smooth random pictures in [0.1, 0.9].
    private static func pictures(_ count: Int, side: Int, seed: UInt64) -> [Picture] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in
            let coarse = Picture(
                height: 5, width: 5, channels: 3, values: (0..<75).map { _ in Float(0.1 + 0.8 * generator.uniform()) })
            return coarse.averaged(over: coarse.whole, height: side, width: side)
        }
    }

    /// Maps whose cells are a fixed random mixture of the pixels under them.
    private static func mixed(_ pictures: [Picture], block: Int, channels: Int, seed: UInt64) throws -> FeatureMaps {
        var generator = SeededGenerator(seed: seed)
        let inputs = block * block * 3
        let mixing = (0..<channels * inputs).map { _ in Float(generator.normal()) }
        let cells = pictures[0].height / block
        let values = pictures.map { picture in
            (0..<cells * cells).flatMap { cell -> [Float] in
                var pixels: [Float] = []
                for line in 0..<block {
                    let start = ((cell / cells * block + line) * picture.width + cell % cells * block) * 3
                    pixels += picture.values[start..<start + block * 3]
                }
                return (0..<channels).map { channel in
                    zip(mixing[channel * inputs..<(channel + 1) * inputs], pixels).reduce(0) { $0 + $1.0 * $1.1 }
                }
            }
        }
        return try FeatureMaps(height: cells, width: cells, channels: channels, values: values)
    }

    private static func noise(_ pictures: Int, cells: Int, channels: Int) throws -> FeatureMaps {
        var generator = SeededGenerator(seed: 99)
        let values = (0..<pictures).map { _ in
            (0..<cells * cells * channels).map { _ in Float(generator.normal()) }
        }
        return try FeatureMaps(height: cells, width: cells, channels: channels, values: values)
    }

    private static func features(_ maps: FeatureMaps, isVector: Bool = false) -> CutFeatures {
        CutFeatures(maps: isVector ? nil : maps, gram: maps.gram)
    }

    @Test(
        "A decoder with the smallest penalty of its grid is marked as such",
        arguments: [
            (DecoderScores.Kind.local, LocalRidge.penalties[0], true), (.elm, LocalRidge.penalties[1], false),
            (.elm, LocalRidge.penalties[0], true), (.global, DualRidge.penalties[0], true),
            (.global, LocalRidge.penalties[0], false), (.mean, 0, false), (.trained, 0, false),
        ])
    func edge(kind: DecoderScores.Kind, penalty: Double, isAtEdge: Bool) throws {
        let pictures = Self.pictures(3, side: 12, seed: 1)
        let scores = try DecoderScores(
            kind: kind, penalty: penalty, reconstructions: pictures, pictures: pictures, meanPicture: pictures[0],
            trials: [], seed: 1)
        #expect(scores.isAtEdge == isAtEdge)
    }

    @Test("The local decoder inverts an invertible linear map of each block")
    func linear() throws {
        let pictures = Self.pictures(40, side: 16, seed: 1)
        let maps = try Self.mixed(pictures, block: 2, channels: 12, seed: 2)
        let outcome = try DecoderAttack.run(
            on: Self.features(maps), targets: pictures, split: PictureSplit(count: 40, seed: 3), seed: 4)
        #expect([.local, .elm].contains(outcome.scores.kind))
        #expect(outcome.scores.trials.map(\.kind) == [.local, .elm, .global])
        #expect(outcome.scores.rSquared > 0.999)
        #expect(outcome.scores.similarity > 0.99)
        #expect(outcome.scores.retrievalTopOne == 1)
        #expect(outcome.reconstructions.count == 10)
    }

    @Test("Channels beyond the limit of the normal equations are projected and still inverted")
    func projected() throws {
        let pictures = Self.pictures(40, side: 16, seed: 1)
        let maps = try Self.mixed(pictures, block: 2, channels: 300, seed: 2)
        let outcome = try DecoderAttack.run(
            on: Self.features(maps), targets: pictures, split: PictureSplit(count: 40, seed: 3), seed: 4)
        #expect(outcome.scores.rSquared > 0.99)
    }

    @Test(
        "Random noise reveals nothing: R² is 0 within its error, and retrieval is at chance",
        arguments: [false, true])
    func noise(isVector: Bool) throws {
        let pictures = Self.pictures(80, side: 16, seed: 1)
        let maps = try Self.noise(80, cells: 4, channels: 8)
        let outcome = try DecoderAttack.run(
            on: Self.features(maps, isVector: isVector), targets: pictures,
            split: PictureSplit(count: 80, seed: 3), seed: 4)
        #expect(abs(outcome.scores.rSquared) < 0.08)
        #expect(outcome.scores.retrievalTopOne <= 0.2)
        #expect(abs(outcome.scores.similarityGain) < 0.08)
    }

    @Test("A permutation of the channels changes no score by more than 1e-3")
    func permutation() throws {
        let pictures = Self.pictures(40, side: 16, seed: 1)
        let maps = try Self.mixed(pictures, block: 4, channels: 10, seed: 2)
        let permuted = try maps.mapped(channels: 10) { values in
            values = values.indices.map { values[$0 / 10 * 10 + ($0 % 10 * 7 + 3) % 10] }
        }
        let split = PictureSplit(count: 40, seed: 3)
        let plain = try DecoderAttack.run(on: Self.features(maps), targets: pictures, split: split, seed: 4)
        let moved = try DecoderAttack.run(on: Self.features(permuted), targets: pictures, split: split, seed: 4)
        #expect(abs(plain.scores.rSquared - moved.scores.rSquared) < 1e-3)
        #expect(plain.scores.retrievalTopOne == moved.scores.retrievalTopOne)
    }

    @Test("A secret permutation of the cells defeats the local decoder but not the global one")
    func shuffle() throws {
        let pictures = Self.pictures(160, side: 8, seed: 1)
        let maps = try Self.mixed(pictures, block: 1, channels: 3, seed: 2)
        var generator = SeededGenerator(seed: 5)
        let order = generator.permutation(of: maps.cells)
        let shuffled = try maps.mapped(channels: 3) { values in
            values = values.indices.map { values[order[$0 / 3] * 3 + $0 % 3] }
        }
        let outcome = try DecoderAttack.run(
            on: Self.features(shuffled), targets: pictures, split: PictureSplit(count: 160, seed: 3), seed: 4)
        #expect(outcome.scores.kind == .global)
        #expect(outcome.scores.rSquared > 0.9)
    }

    @Test("A channel that is constant in training but not in testing does not break the decoder")
    func deadChannel() throws {
        let pictures = Self.pictures(40, side: 16, seed: 1)
        let split = PictureSplit(count: 40, seed: 3)
        let mixed = try Self.mixed(pictures, block: 2, channels: 12, seed: 2)
        let values = (0..<mixed.count).map { picture in
            let map = mixed.values(of: picture)
            return (0..<mixed.cells).flatMap { cell in
                map[cell * 12..<cell * 12 + 12] + [split.testing.contains(picture) ? 50 : 0]
            }
        }
        let maps = try FeatureMaps(height: mixed.height, width: mixed.width, channels: 13, values: values)
        let outcome = try DecoderAttack.run(on: Self.features(maps), targets: pictures, split: split, seed: 4)
        #expect(outcome.scores.rSquared > 0.98)
    }

    @Test("Random features decode a nonlinear map better than a linear decoder")
    func nonlinear() throws {
        let pictures = Self.pictures(60, side: 16, seed: 1)
        // Steep for dark pixels, flat for bright ones.
        let maps = try FeatureMaps(
            height: 16, width: 16, channels: 3, values: pictures.map { $0.values.map { 1 / $0 } })
        let scores = try DecoderAttack.run(
            on: Self.features(maps), targets: pictures, split: PictureSplit(count: 60, seed: 3), seed: 4
        ).scores
        let (linear, random) = (scores.trials.first { $0.kind == .local }, scores.trials.first { $0.kind == .elm })
        #expect(try #require(random).rSquared > #require(linear).rSquared)
        #expect(scores.kind == .elm)
    }

    @Test("Constant features give the mean picture")
    func constant() throws {
        let pictures = Self.pictures(40, side: 16, seed: 1)
        let maps = try FeatureMaps(
            height: 4, width: 4, channels: 2, values: pictures.map { _ in [Float](repeating: 1, count: 32) })
        let outcome = try DecoderAttack.run(
            on: Self.features(maps), targets: pictures, split: PictureSplit(count: 40, seed: 3), seed: 4)
        #expect(abs(outcome.scores.rSquared) < 0.1)
        #expect(outcome.scores.retrievalTopOne <= 0.2)
    }

    @Test("Ridge weights and their error agree with NumPy, to 1e-9")
    func normalEquations() throws {
        let vector = Vectors.stored.normalEquations
        var equations = NormalEquations(features: vector.features, outputs: vector.outputs)
        for row in 0..<vector.x.count / vector.features {
            equations.addRow { target in
                for index in target.indices { target[index] = vector.x[row * vector.features + index] }
            } outputs: { target in
                for index in target.indices { target[index] = vector.y[row * vector.outputs + index] }
            }
        }
        equations.flush()
        for expected in vector.cases {
            let weights = try #require(equations.weights(penalty: expected.penalty))
            for (found, value) in zip(weights, expected.weights) { #expect(abs(found - value) < 1e-9) }
            #expect(abs(equations.squaredError(of: weights) - expected.error) < 1e-9)
        }
    }

    @Test("The dual ridge chooses the penalty of explicit leave-one-out and decodes like the primal one, to 1e-5")
    func dualRidge() throws {
        let vector = Vectors.stored.dualRidge
        let targets = vector.pictures.map {
            Picture(height: vector.side, width: vector.side, channels: 1, values: $0)
        }
        let ridge = try #require(
            DualRidge(gram: GramMatrix.of(vector.features), targets: targets, training: vector.training))
        #expect(ridge.penalty == vector.penalty)
        for (picture, expected) in zip(vector.testing, vector.result) {
            for (found, value) in zip(ridge.reconstruction(of: picture).values, expected) {
                #expect(abs(found - value) < 1e-5)
            }
        }
    }

    @Test("Splits are disjoint, complete and identical for the same seed", arguments: [8, 9, 60, 200])
    func split(count: Int) {
        let split = PictureSplit(count: count, seed: 11)
        #expect((split.fitting + split.validation + split.testing).sorted() == Array(0..<count))
        #expect(split.testing.count >= 2 && split.validation.count >= 1 && split.fitting.count >= 2)
        #expect(split == PictureSplit(count: count, seed: 11))
        #expect(split != PictureSplit(count: count, seed: 12))
    }
}
