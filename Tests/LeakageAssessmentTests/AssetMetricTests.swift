// SPDX-License-Identifier: Apache-2.0
import Foundation
import LeakageAssessment
import Testing

/// Against `Tests/Reference/assets.py`, which numpy computed from the features themselves.
@Suite("The metrics of the three assets agree with an independent computation")
struct AssetMetricTests {
    private struct Reference: Decodable {
        struct Curve: Decodable {
            let features, pictures, views: [[Float]]
            let classes, training, testing: [Int]
            let gain, scale, classGain, classScale: [Double]
            let identified: [[Bool]]
        }

        struct Ratio: Decodable {
            let gain, scale: [[Double]]
            let values: [Double]
            let error, gainError: Double
        }

        struct Reconstruction: Decodable {
            let side: Int
            let pictures, decoded: [[Float]]
            let mean: [Float]
            let rSquared, rSquaredError: Double
            let ranks: [Int]
        }

        struct Roots: Decodable {
            let features, pictures: [[Float]]
            let training, testing: [Int]
            let gain, gainWithoutRoots, scale: [Double]
        }

        let curve: Curve
        let ratio: Ratio
        let reconstruction: Reconstruction
        let roots: Roots
    }

    private static let reference: Reference = {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Reference/assets.json")
        do {
            return try JSONDecoder().decode(Reference.self, from: Data(contentsOf: file))
        } catch { fatalError("\(file.path()): \(error); Tests/Reference/make writes it") }
    }()

    private static var attacks: GramAttacks {
        GramAttacks(features: GramMatrix.of(reference.curve.features), seed: 1)
    }

    @Test("Appearance: each picture's reconstruction error relative to the mean picture's agrees to 1e-4")
    func appearance() throws {
        let expected = Self.reference.curve
        let found = try #require(
            Self.attacks.appearance(
                pictures: GramMatrix.of(expected.pictures), training: expected.training, testing: expected.testing))
        for (index, outcome) in found.enumerated() {
            #expect(abs(outcome.gain - expected.gain[index]) < 1e-4 * (1 + abs(expected.gain[index])))
            #expect(abs(outcome.scale - expected.scale[index]) < 1e-4 * expected.scale[index])
        }
    }

    @Test("Appearance, from signed square roots or from features alone, agrees to 1e-4", arguments: [false, true])
    func roots(withRoots: Bool) throws {
        let expected = Self.reference.roots
        let grams = try GramMatrix.of(expected.features, withRoots: withRoots)
        let found = try #require(
            GramAttacks(features: grams.gram, roots: grams.roots, seed: 1).appearance(
                pictures: GramMatrix.of(expected.pictures), training: expected.training, testing: expected.testing))
        let gains = withRoots ? expected.gain : expected.gainWithoutRoots
        for (index, outcome) in found.enumerated() {
            #expect(abs(outcome.gain - gains[index]) < 1e-4 * (1 + abs(gains[index])))
            #expect(abs(outcome.scale - expected.scale[index]) < 1e-4 * expected.scale[index])
        }
    }

    @Test("Identity: the same pictures are identified, in both variants")
    func identity() throws {
        let expected = Self.reference.curve
        let found = try #require(
            Self.attacks.identity(
                views: GramMatrix.of(expected.views), training: expected.training, testing: expected.testing))
        #expect(found.map { $0.map { $0.gain == 1 } } == expected.identified)
        #expect(found.allSatisfy { $0.allSatisfy { $0.scale == 1 } })
    }

    @Test("Class: the same pictures are classified above chance, and a class without a training example does not count")
    func classes() throws {
        let expected = Self.reference.curve
        let found = try #require(
            Self.attacks.classes(expected.classes, training: expected.training, testing: expected.testing))
        #expect(found.map(\.gain) == expected.classGain)
        #expect(found.map(\.scale) == expected.classScale)
        #expect(expected.classScale[0] == 0)
    }

    @Test("A curve's values, their error and that of the gain agree to 1e-9")
    func ratio() throws {
        let expected = Self.reference.ratio
        let curve = try #require(
            CrossValidation.curve(
                sizes: [30, 60],
                zip(expected.gain, expected.scale).map { gains, scales in
                    zip(gains, scales).map { CrossValidation.Outcome(gain: $0, scale: $1) }
                }))
        for (point, value) in zip(curve.points, expected.values) { #expect(abs(point.value - value) < 1e-9) }
        #expect(abs(curve.error - expected.error) < 1e-9)
        #expect(abs(curve.gainError - expected.gainError) < 1e-9)
    }

    @Test("R² agrees to 1e-6, its error to 5 % of the bootstrap's, and the retrieval ranks exactly")
    func reconstruction() throws {
        let expected = Self.reference.reconstruction
        func picture(_ values: [Float]) -> Picture {
            Picture(height: expected.side, width: expected.side, channels: 1, values: values)
        }
        let (pictures, decoded) = (expected.pictures.map(picture), expected.decoded.map(picture))
        let mean = picture(expected.mean)
        let scores = try DecoderScores(
            kind: .local, penalty: 1, reconstructions: decoded, pictures: pictures, meanPicture: mean, trials: [],
            seed: 1)
        #expect(abs(scores.rSquared - expected.rSquared) < 1e-6)
        #expect(abs(scores.rSquaredError - expected.rSquaredError) < 0.05 * expected.rSquaredError)
        #expect(try Retrieval.ranks(reconstructions: decoded, candidates: pictures, mean: mean) == expected.ranks)
        #expect(scores.retrievalTopOne == Double(expected.ranks.count { $0 == 0 }) / Double(expected.ranks.count))
        #expect(Set(expected.ranks).count > 3)
    }
}
