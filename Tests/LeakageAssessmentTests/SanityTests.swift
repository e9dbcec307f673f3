// SPDX-License-Identifier: Apache-2.0
import Foundation
import LeakageAssessment
import Tensors
import Testing

/// Properties that must hold for every implementation.
@Suite("Plausibility of the metrics on real models")
struct SanityTests {
    /// One-sided 95 %, as the gates count errors.
    private static let deviations = Gates.deviations

    @Test(
        "The local ridge decodes the input itself with R² above 0.98", arguments: RealModel.available
    )
    func input(model: RealModel) throws {
        let attack = try CrossedPictures(model, cut: nil, count: 24).attack()
        #expect(try #require(attack.rSquared(.local)) > 0.98)
        #expect(attack.decoder.scores.rSquared > 0.98)
    }

    @Test(
        "With the envelope no cut leaks less than a deeper one, by any gate",
        arguments: RealModel.available)
    func envelope(model: RealModel) throws {
        var configuration = AssessmentConfiguration(
            model: try model.network(), validator: try model.validator(), imageFolder: model.folder,
            imageLimit: 24,
            threads: 2)
        configuration.cuts = .named(model.cuts)
        configuration.channelImageLimit = 4
        configuration.trainedCuts = .none
        configuration.bounds.pictures = 0
        configuration.whiteBox.pictures = 0
        configuration.measuresTime = false
        configuration.gates = .strict
        let result = try Assessor(configuration).run()
        #expect(result.cuts.map(\.name) == model.cuts)
        for (shallow, deep) in zip(result.verdicts, result.verdicts.dropFirst()) {
            for check in deep.checks {
                let above = try #require(shallow.check(of: check.metric))
                let leaksLess = check.metric.leaks == .low
                #expect(
                    leaksLess ? above.value <= check.value : above.value >= check.value, "\(check.metric.name)")
            }
            #expect(shallow.ratio >= deep.ratio && (deep.passes || !shallow.passes))
        }
    }

    @Test("A permutation of the channels changes no joint metric", arguments: RealModel.available)
    func permutation(model: RealModel) throws {
        let plain = try CrossedPictures(model, cut: model.shallowCut, count: 60)
        var generator = SeededGenerator(seed: 11)
        let channels = plain.crossing[0].type.shape.dimensions[1]
        let moved = try plain.moved(channels: generator.permutation(of: channels)).attack()
        let attack = try plain.attack()
        func isSame(_ a: Double?, _ b: Double?, within tolerance: Double) -> Bool {
            a.map { a in b.map { abs(a - $0) <= tolerance } ?? false } ?? (b == nil)
        }
        // The Gram matrix adds up in another order.
        #expect(isSame(attack.joint.distanceCorrelation, moved.joint.distanceCorrelation, within: 1e-6))
        #expect(
            attack.joint.oneShot == moved.joint.oneShot && attack.joint.fiveShot == moved.joint.fiveShot)
        #expect(attack.joint.oneShot != nil && attack.mapping.probeAccuracy != nil)
        #expect(attack.mapping.probeAccuracy == moved.mapping.probeAccuracy)
        #expect(
            isSame(attack.mapping.clusterInformation, moved.mapping.clusterInformation, within: 1e-6))
        #expect(
            isSame(
                attack.mapping.equalityAreaUnderCurve, moved.mapping.equalityAreaUnderCurve, within: 1e-6))
        for kind in [DecoderScores.Kind.local, .global] {
            #expect(
                isSame(attack.rSquared(kind), moved.rSquared(kind), within: 1e-3), "\(kind)")
        }
        // The random features mix other channels.
        let (scores, others) = (attack.decoder.scores, moved.decoder.scores)
        #expect(isSame(scores.rSquared, others.rSquared, within: 0.01))
        #expect(isSame(scores.similarityGain, others.similarityGain, within: 0.01))
        #expect(isSame(scores.multiScaleSimilarity, others.multiScaleSimilarity, within: 0.01))
        #expect(scores.retrievalTopOne == others.retrievalTopOne)
        let (divergence, other) = (attack.judgement.divergence, moved.judgement.divergence)
        #expect(isSame(divergence.ratioToNull, other.ratioToNull, within: 0.01))
        #expect(isSame(divergence.areaUnderCurve, other.areaUnderCurve, within: 0.01))
    }

    @Test(
        "A secret permutation of the pixels defeats the channel KL and the local ridge, but not the global ridge",
        arguments: RealModel.available)
    func shuffle(model: RealModel) throws {
        let plain = try CrossedPictures(model, cut: model.shallowCut, count: 60)
        var generator = SeededGenerator(seed: 12)
        let shape = plain.crossing[0].type.shape.dimensions
        let secret = try plain.moved(pixels: generator.permutation(of: shape[2] * shape[3]))
        let (seen, shuffled) = (try plain.attack(), try secret.attack())
        let count = model == .demo ? 60 : 20
        let (open, hidden) = (try plain.channelKL(count), try secret.channelKL(count))
        #expect(hidden.mean > open.mean && hidden.areaUnderCurve < open.areaUnderCurve)
        let (local, localHidden) = (
            try #require(seen.rSquared(.local)), try #require(shuffled.rSquared(.local))
        )
        #expect(localHidden < local / 2)
        let (global, globalHidden) = (
            try #require(seen.rSquared(.global)), try #require(shuffled.rSquared(.global))
        )
        #expect(abs(global - globalHidden) < 1e-3 && globalHidden > 0.2)
        #expect(shuffled.decoder.scores.retrievalTopOne > 0.5)
    }

    @Test(
        "With noise as the IR, R² is 0 within its error and identification is at chance",
        arguments: RealModel.available)
    func noise(model: RealModel) throws {
        let plain = try CrossedPictures(model, cut: model.shallowCut, count: 60)
        let noise = FeatureNoise(sigma: 1, seed: 5)
        let attack = try plain.replacing { picture, tensor in
            let shape = tensor.type.shape.dimensions
            let zeros = try Tensor([Float](repeating: 0, count: shape.reduce(1, *)), shape: shape)
            return noise.added(to: [zeros], picture: picture)[0]
        }.attack()
        let scores = attack.decoder.scores
        // The bootstrap resamples few test pictures, and does not cover the training or the choice among decoders: 0.02
        // more.
        #expect(abs(scores.rSquared) <= 0.02 + Self.deviations * scores.rSquaredError)
        let chance = 1 / Double(scores.candidates)
        #expect(
            scores.retrievalTopOne
                <= chance + 2 * (chance * (1 - chance) / Double(scores.candidates)).squareRoot())
        #expect(abs(attack.judgement.divergence.areaUnderCurve - 0.5) < 0.1)
    }

    /// A value that a gate uses, and its standard error.
    private struct Gated {
        let name: String
        let value: Double
        let error: Double

        /// A share of `count` pictures.
        static func share(_ name: String, _ value: Double, of count: Int) -> Gated {
            Gated(name: name, value: value, error: (value * (1 - value) / Double(count)).squareRoot())
        }
    }

    private func gated(_ pictures: CrossedPictures, channelPictures: Int) throws -> [Gated] {
        let (attack, kl) = (try pictures.attack(), try pictures.channelKL(channelPictures))
        let (scores, divergence) = (attack.decoder.scores, attack.judgement.divergence)
        return [
            Gated(name: "R²", value: scores.rSquared, error: scores.rSquaredError),
            Gated(name: "SSIM gain", value: scores.similarityGain, error: scores.similarityGainError),
            Gated(name: "decoder-KL ratio", value: divergence.ratioToNull, error: divergence.ratioError),
            .share("top-1", scores.retrievalTopOne, of: scores.candidates),
            .share("KL pass fraction", kl.passFraction, of: channelPictures),
            Gated(name: "KL AUC", value: kl.areaUnderCurve, error: kl.areaUnderCurveError),
        ]
    }

    /// Six numbers of two models are compared: a two-sided 5 % for all twelve together (Bonferroni). The largest that is found
    /// is 2.7, of squeezenet-1.1's SSIM gain.
    private static let comparisonDeviations = 2.87

    @Test(
        "Doubling the pictures changes no gate's value by more than its error",
        arguments: RealModel.available)
    func doubled(model: RealModel) throws {
        let channelPictures = model == .demo ? 60 : 12
        let few = try gated(
            CrossedPictures(model, cut: model.shallowCut, count: 60), channelPictures: channelPictures)
        let many = try gated(
            CrossedPictures(model, cut: model.shallowCut, count: 120),
            channelPictures: 2 * channelPictures)
        for (one, two) in zip(few, many) {
            let error = (one.error * one.error + two.error * two.error).squareRoot()
            #expect(
                abs(one.value - two.value) <= Self.comparisonDeviations * error,
                "\(one.name): \(one.value), \(two.value)")
        }
    }
}
