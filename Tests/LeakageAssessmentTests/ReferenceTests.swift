// SPDX-License-Identifier: Apache-2.0
import Foundation
import LeakageAssessment
import TestSupport
import Testing

/// Against `Tests/Reference`, which ONNX Runtime and numpy computed.
@Suite("Channel KL agrees with an independent computation")
struct ReferenceTests {
    private struct Reference: Decodable {
        struct Cut: Decodable {
            let name: String
            let klMean, klMedian, klPassFraction, klNullMean, klAUC, klAUCError, klAUCPooled, klTop1: Double
            let own, next: [Double]
        }

        let images: Int
        let baselineMean: Double
        let cuts: [Cut]
    }

    private func reference(_ name: String) throws -> Reference {
        let file = NetworkFiles.tests.appending(path: "Reference/\(name).json")
        return try JSONDecoder().decode(Reference.self, from: Data(contentsOf: file))
    }

    /// Within 1 % or, for divergences near 0, 0.0001 nats.
    private func isClose(_ found: Double, _ expected: Double) -> Bool {
        abs(found - expected) <= max(0.01 * abs(expected), 1e-4)
    }

    @Test("Demo model, all 120 pictures: every summary agrees to 1 %")
    func demo() throws {
        let reference = try reference("klmean-demo")
        let names = ["stem.pool", "stage1.pool", "stage2.pool", "neck.relu"]
        var configuration = AssessmentConfiguration(
            model: try NetworkFiles.demo("classifier"),
            validator: try NetworkFiles.demo("validator"),
            imageFolder: NetworkFiles.demo + "/pictures", threads: 2)
        configuration.channelImageLimit = reference.images
        configuration.fewChannelImages = reference.images
        configuration.cuts = .named(names)
        configuration.trainedCuts = .none
        let result = try Assessor(configuration).run()
        #expect(isClose(result.baselineMean, reference.baselineMean))
        for cut in result.cuts {
            let expected = try #require(reference.cuts.first { $0.name == cut.name })
            let found = try #require(cut.channelKL)
            // numpy counts the pictures of which the validator is unsure as well.
            let kl = try ChannelKL(
                divergences: found.divergences, baseline: found.baseline, closestChannel: found.closestChannel)
            #expect(kl.own.count == expected.own.count)
            #expect(isClose(kl.mean, expected.klMean), "\(cut.name): \(kl.mean), \(expected.klMean)")
            #expect(isClose(kl.median, expected.klMedian))
            #expect(isClose(kl.nullMean, expected.klNullMean))
            #expect(isClose(kl.areaUnderCurve, expected.klAUC))
            #expect(isClose(kl.areaUnderCurveError, expected.klAUCError))
            #expect(isClose(kl.pooledAreaUnderCurve, expected.klAUCPooled))
            // At one cut two pictures differ from numpy's. If divergences are near 0, the nearest picture may depend on
            // the last digits; whether this is the reason was not shown.
            #expect(abs(kl.topOne - expected.klTop1) <= 3 / 120 + 1e-9)
            // One may lie on the baseline.
            #expect(abs(kl.passFraction - expected.klPassFraction) <= 1 / 120 + 1e-9)
        }
    }

    private struct Decoders: Decodable {
        struct Cut: Decodable {
            struct Scores: Decodable { let r2: Double }

            let name: String
            let local, global: Scores?
        }

        let cuts: [Cut]
    }

    @Test("Demo model: decoders reach NumPy's R² less 0.05, the first layer reveals everything, leakage never rises")
    func demoDecoders() throws {
        let file = NetworkFiles.tests.appending(path: "Reference/ridge-demo.json")
        let reference = try JSONDecoder().decode(Decoders.self, from: Data(contentsOf: file))
        var configuration = AssessmentConfiguration(
            model: try NetworkFiles.demo("classifier"),
            validator: try NetworkFiles.demo("validator"),
            imageFolder: NetworkFiles.demo + "/pictures", threads: 2)
        configuration.cuts = .named(["stem.conv", "stage2.pool", "neck.relu", "logits"])
        configuration.adversary = .informed
        configuration.trainedCuts = .none
        let result = try Assessor(configuration).run()
        #expect(result.cuts[0].decoder.rSquared > 0.98)
        for cut in result.cuts {
            let expected = try #require(reference.cuts.first { $0.name == cut.name })
            let best = max(expected.local?.r2 ?? -1, expected.global?.r2 ?? -1)
            #expect(cut.decoder.rSquared > best - 0.05, "\(cut.name): \(cut.decoder.rSquared), \(best)")
            #expect(cut.channelKL == nil)
        }
        for (shallow, deep) in zip(result.verdicts, result.verdicts.dropFirst()) {
            for (a, b) in zip(shallow.checks, deep.checks) {
                #expect(
                    a.metric == b.metric
                        && (a.metric.leaks == .low ? a.value <= b.value : a.value >= b.value))
            }
        }
        // The tensor for the mapping unit reveals the class almost directly.
        let mapping = try #require(result.mappingLeakage)
        #expect(try #require(mapping.equalityAreaUnderCurve) > 0.9)
        #expect(try #require(mapping.probeAccuracy) > 0.8)
    }

    @Test(
        "SqueezeNet 1.1 with MobileNet v2 as validator, 8 of 60 photographs: each minimum agrees to 1 %",
        .enabled(if: SharedFiles.isPresent, Comment(rawValue: SharedFiles.absence)))
    func squeezeNet() throws {
        let reference = try reference("klmean-squeezenet")
        var configuration = AssessmentConfiguration(
            model: try NetworkFiles.shared("squeezenet-1.1"), validator: try NetworkFiles.shared("mobilenet-v2-1.0"),
            imageFolder: SharedFiles.path("images/imagenet"), imageLimit: 8, threads: 2)
        configuration.cuts = .named(reference.cuts.map(\.name))
        configuration.measuresTime = false
        configuration.trainedCuts = .none
        let result = try Assessor(configuration).run()
        for cut in result.cuts {
            let expected = try #require(reference.cuts.first { $0.name == cut.name })
            let kl = try #require(cut.channelKL)
            for index in 0..<8 {
                #expect(isClose(kl.own[index], expected.own[index]), "\(cut.name), picture \(index)")
                // The last picture's null would need a ninth picture.
                if index < 7 { #expect(isClose(kl.divergences[index][1], expected.next[index])) }
            }
        }
        // Section 3b of the design notes: a pool's maps are inverted.
        #expect(result.cuts[0].decoder.rSquared > 0.8)
    }
}
