// SPDX-License-Identifier: Apache-2.0
import AssessmentReport
import Foundation
import LeakageAssessment
import Testing

@Suite("All decoders count, including those not shown")
struct CountedDecoderTests {
    /// Reconstructions between picture and mean picture, the share of the mean being another for each.
    private func scores(meanShares: (Int) -> Float) throws -> DecoderScores {
        var generator = SeededGenerator(seed: 3)
        let mean = Picture(height: 12, width: 12, channels: 1, values: .init(repeating: 0.5, count: 144))
        let pictures = (0..<20).map { _ in
            Picture(height: 12, width: 12, channels: 1, values: (0..<144).map { _ in Float(generator.uniform()) })
        }
        let decoded = pictures.enumerated().map { index, picture in
            Picture(
                height: 12, width: 12, channels: 1,
                values: picture.values.map { $0 + meanShares(index) * (0.5 - $0) })
        }
        return try DecoderScores(
            kind: .local, penalty: 1e-3, reconstructions: decoded, pictures: pictures, meanPicture: mean, trials: [],
            seed: 1)
    }

    @Test("Among decoders the highest upper bound counts, while the displayed values stay")
    func bound() throws {
        // R² of about 0.19 for each picture, and of 0 or 0.36.
        let shown = try scores { _ in 0.9 }
        let other = try scores { $0.isMultiple(of: 2) ? 1 : 0.8 }
        #expect(shown.rSquared > other.rSquared && shown.rSquaredError < other.rSquaredError)
        let alone = CutFindings([shown])
        let both = alone.counting(CutFindings([other]))
        #expect(both[DecoderScores.self] == shown && both.all.count == 1)
        let attacker = Attacker(pictures: 1000, counted: 20)
        for findings in [both, CutFindings([WeightlessFinding()]).merging(both)] {
            let found = try #require(findings.estimate(of: .rSquared, for: attacker))
            #expect(abs(found.upper - other.rSquared - 1.65 * other.rSquaredError) < 1e-12)
            #expect(found.value == shown.rSquared)
        }
        #expect(try #require(alone.estimate(of: .rSquared, for: attacker)).upper < other.rSquared + other.rSquaredError)
    }

    @Test("Values that count without being displayed are listed once, and only if they differ")
    func listed() throws {
        let (shown, other) = (try scores { _ in 0.9 }, try scores { $0.isMultiple(of: 2) ? 1 : 0.8 })
        let attacker = Attacker(pictures: 1000, counted: 20)
        let both = CutFindings([shown, WeightlessFinding()]).counting(CutFindings([other, WeightlessFinding()]))
        #expect(both.countedBeside(for: attacker).map { $0 as? DecoderScores } == [other])
        #expect(CutFindings([shown]).counting(CutFindings([shown])).countedBeside(for: attacker).isEmpty)
        let made = try Measured.cuts([("relu2", 0.004, nil)])[0]
        let cut = CutMeasurement(
            cut: made.cut, operatorName: made.operatorName, crossing: made.crossing, decoder: shown,
            findings: made.findings.counting(CutFindings([other])), cost: made.cost)
        let text = AssessmentJSON.text(of: try Measured.result([cut]))
        let document = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        let found = try #require((document["cuts"] as? [[String: Any]])?.first)
        for (member, scores) in [("estimates", shown), ("estimatesNotShown", other)] {
            let attack = try #require((found[member] as? [String: [String: Any]])?["decoders"])
            let value = try #require((attack["rSquared"] as? [String: Any])?["value"] as? Double)
            #expect(abs(value - scores.rSquared) < 1e-12, "\(member)")
        }
    }

    /// A finding that bears on no metric.
    private struct WeightlessFinding: Finding {
        static let name = "weightless"
        func estimates(for attacker: Attacker) -> [Metric: LeakEstimate] { [:] }
    }

    private func other(_ kind: DecoderScores.Kind, gain: Double, topOne: Double) -> OtherDecoders.Scores {
        OtherDecoders.Scores(
            kind: kind, similarityGain: gain, similarityGainError: 0.001, retrievalTopOne: topOne, candidates: 100,
            divergence: nil)
    }

    @Test("The SSIM of a decoder with a lower R² fails a cut that the best decoder passes", arguments: [0, 0.2])
    func similarity(gain: Double) throws {
        let cut = try Measured.cuts([("relu2", 0.004, nil)])[0]
        var findings = cut.findings
        findings[OtherDecoders.self] = OtherDecoders([other(.elm, gain: gain, topOne: 0)])
        let measured = CutMeasurement(
            cut: cut.cut, operatorName: cut.operatorName, crossing: cut.crossing, decoder: cut.decoder,
            findings: findings, cost: cut.cost)
        let verdict = GateVerdict.verdicts(for: [measured], gates: .standard)[0]
        #expect(verdict.outcome == (gain > 0 ? .fails : .passes))
    }

    @Test("The worst of the other decoders is a lower bound for each measure")
    func worst() throws {
        let found = OtherDecoders([other(.elm, gain: 0.2, topOne: 0.1), other(.global, gain: 0.1, topOne: 0.5)])
            .estimates(for: Attacker(pictures: 1000, counted: 100))
        #expect(found[.similarityGain]?.value == 0.2 && found[.retrieval]?.value == 0.5)
        #expect(found.values.allSatisfy { $0.standing == .floor } && found[.rSquared] == nil)
        #expect(abs(try #require(found[.similarityGain]).upper - 0.2 - 1.65 * 0.001) < 1e-12)
    }

    @Test("Decoders other than the best are measured at every cut")
    func measured() throws {
        let pictures = try DrawnPictures(count: 24)
        var configuration = try pictures.configuration()
        configuration.trainedCuts = .none
        configuration.measuresTime = false
        configuration.adversary = .informed
        let result = try Assessor(configuration).run()
        for cut in result.cuts {
            let expected = cut.decoder.trials.filter { $0.kind != cut.decoder.kind && $0.validation.isFinite }
            #expect(cut.findings[OtherDecoders.self]?.scores.map(\.kind) ?? [] == expected.map(\.kind), "\(cut.name)")
        }
        #expect(result.cuts[0].findings[OtherDecoders.self]?.scores.count ?? 0 >= 2)
    }
}
