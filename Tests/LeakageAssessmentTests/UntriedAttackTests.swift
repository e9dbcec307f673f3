// SPDX-License-Identifier: Apache-2.0
import AssessmentReport
import Foundation
import LeakageAssessment
import ModelGraph
import Testing

@Suite("An attack that did not run excludes no leak")
struct UntriedAttackTests {
    /// Cuts relu1, relu2 and flat, of which relu2 lacks these attacks.
    private func cuts(
        without kinds: Set<UntriedAttacks.Kind>, r2: Double = 0.01, kl: (own: Double, null: Double)? = (3, 3)
    ) throws -> [CutMeasurement] {
        try Measured.cuts([("relu1", r2, kl), ("relu2", 0.004, kl), ("flat", 0.003, nil)]).map { cut in
            guard cut.name == "relu2", !kinds.isEmpty else { return cut }
            var findings = cut.findings
            findings[UntriedAttacks.self] = UntriedAttacks(kinds)
            return CutMeasurement(
                cut: cut.cut, operatorName: cut.operatorName, crossing: cut.crossing, decoder: cut.decoder,
                findings: findings, cost: cut.cost)
        }
    }

    private func verdicts(
        without kinds: Set<UntriedAttacks.Kind>, r2: Double = 0.01, kl: (own: Double, null: Double)? = (3, 3),
        adversary: Adversary = .both
    ) throws -> [GateVerdict] {
        GateVerdict.verdicts(
            for: try cuts(without: kinds, r2: r2, kl: kl), gates: .standard, adversary: adversary)
    }

    @Test("A cut without a trained decoder and all shallower cuts lack evidence; deeper cuts do not")
    func trainedDecoder() throws {
        #expect(try verdicts(without: []).map(\.outcome) == [.passes, .passes, .passes])
        #expect(
            try verdicts(without: [.trainedDecoder]).map(\.outcome)
                == [.notEnoughEvidence, .notEnoughEvidence, .passes])
    }

    @Test("A cut that already fails still fails")
    func failing() throws {
        for kinds in [[.trainedDecoder], [.channelKL], [.trainedDecoder, .channelKL]] as [Set<UntriedAttacks.Kind>] {
            let found = try verdicts(without: kinds, r2: 0.9, kl: nil)
            #expect(found.map(\.outcome) == [.fails, .notEnoughEvidence, .passes])
        }
    }

    @Test(
        "Without the channel KL both of its gates lack evidence, and the reason says so",
        arguments: [Adversary.both, .paper])
    func channelKL(adversary: Adversary) throws {
        let found = try verdicts(without: [.channelKL], kl: nil, adversary: adversary)
        #expect(found[0].outcome == .notEnoughEvidence && found[1].outcome == .notEnoughEvidence)
        for check in found[1].obstacles {
            #expect(check.metric.adversary == .paper && check.outcome == .notEnoughEvidence)
            #expect(check.metric.sentence(check).contains("was not measured"))
        }
        #expect(found[1].obstacles.count == 2)
    }

    @Test("The report states that the channel KL was not measured, and the paper's rule gives no cut")
    func report() throws {
        let result = try Measured.result(try cuts(without: [.channelKL], kl: nil))
        #expect(result.paperRule.front == nil && result.paperRule.reason.contains("not measured at every cut"))
        let page = try ReportPage.html(of: result)
        // At relu2; the two other cuts count as vectors here.
        #expect(page.components(separatedBy: "class=\"none\">not measured</td>").count == 2)
        #expect(Warnings.untried(result.cuts).map { $0.contains("'relu2'") } == [true])
        #expect(result.recommendation.everythingInside || result.recommendation.front == "flat")
    }

    @Test("Each metric declares the attacks that measure it; trained decoders measure every reconstruction metric")
    func declared() {
        let attacker = Attacker(pictures: 1000, counted: 100)
        func names(_ kind: UntriedAttacks.Kind) -> Set<String> {
            Set(UntriedAttacks([kind]).estimates(for: attacker).keys.map(\.name))
        }
        #expect(
            names(.trainedDecoder)
                == ["extrapolatedRSquared", "similarityGain", "decoderDivergenceRatio", "retrieval"])
        #expect(names(.channelKL) == ["passFraction", "areaUnderCurve"])
        #expect(names(.whiteBox) == ["extrapolatedRSquared"])
        for metric in Metric.all {
            #expect(metric.attacks.contains(.channelKL) == (metric.adversary == .paper), "\(metric.name)")
            #expect(metric.measure == nil || metric.attacks.contains(.trainedDecoder), "\(metric.name)")
        }
        #expect(Metric.all.compactMap { $0.measure?.curves } == ["ssimCurves", "decoderKLCurves", "retrievalCurves"])
    }

    @Test("Without a white-box attack no cut passes for appearance; the warning names the cuts, and each is attacked")
    func whiteBox() throws {
        let pictures = try DrawnPictures(count: 96, grain: 0.3)
        var configuration = try pictures.configuration()
        configuration.adversary = .informed
        configuration.measuresTime = false
        configuration.protected = [.appearance]
        configuration.attackerPictures = 1
        configuration.cuts = .named(["pool1", "relu2", "flat"])
        configuration.gates = Gates(name: "open", [.rSquared: 0.999, .similarityGain: 0.99])
        configuration.whiteBox.isAlways = false
        let work = try WorkDirectory(pictures.path("work"))
        let whole = try Assessor(configuration).run(work: work)
        let passing = zip(whole.cuts, whole.verdicts).filter { $1.passes }.map(\.0)
        try #require(passing.count >= 2)
        #expect(passing.allSatisfy { $0.whiteBox != nil && $0.findings[UntriedAttacks.self] == nil })
        configuration.whiteBox.pictures = 0
        let without = try Assessor(configuration).run(work: work)
        #expect(without.verdicts.allSatisfy { $0.outcome != .passes })
        #expect(without.recommendation.everythingInside)
        for cut in passing {
            let same = try #require(without.cuts.first { $0.name == cut.name })
            #expect(same.findings[UntriedAttacks.self]?.kinds == [.whiteBox])
            #expect(
                without.warnings.contains { $0.hasPrefix("No white-box attack ran") && $0.contains("'\(cut.name)'") })
        }
        // If appearance is not protected, there is no warning.
        configuration.protected = [.identity]
        configuration.gates = Gates(name: "open", [.identification: 1])
        let others = try Assessor(configuration).run(work: work)
        #expect(others.cuts.allSatisfy { $0.findings[UntriedAttacks.self] == nil })
    }

    @Test("The record of an omitted attack is stored in the work folder like every finding")
    func stored() throws {
        let findings = CutFindings([UntriedAttacks([.channelKL, .trainedDecoder])])
        let read = try JSONDecoder().decode(CutFindings.self, from: JSONEncoder().encode(findings))
        #expect(read[UntriedAttacks.self]?.kinds == [.trainedDecoder, .channelKL])
    }
}
