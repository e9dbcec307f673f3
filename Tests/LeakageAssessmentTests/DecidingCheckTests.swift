// SPDX-License-Identifier: Apache-2.0
import AssessmentReport
import Foundation
import LeakageAssessment
import Testing

/// A finding that only has a learning curve of the class.
private struct Invented: Finding {
    static let name = "invented"
    func estimates(for attacker: Attacker) -> [Metric: LeakEstimate] { [:] }
    func curves(of asset: Asset) -> [LearningCurve] {
        guard asset == .class else { return [] }
        return [
            LearningCurve(
                points: [.init(pictures: 40, value: 0.4321), .init(pictures: 80, value: 0.5432)], error: 0.01,
                gainError: 0.01)
        ]
    }
}

@Suite("Deciding checks in the reason, the report's first page and assessment.json")
struct DecidingCheckTests {
    /// Cuts with these estimates for the attacker with more pictures; `gain` is what a doubling of the pictures adds.
    private static func cuts(
        _ numbers: [(name: String, r2: Double, identity: Double, classes: Double)], gain: Double = 0
    ) throws -> [CutMeasurement] {
        func curve(_ value: Double, gain: Double = 0) -> LearningCurve {
            LearningCurve(
                points: [.init(pictures: 50, value: value - gain), .init(pictures: 100, value: value)],
                error: value / 20, gainError: gain / 10)
        }
        return try zip(numbers, Measured.cuts(numbers.map { ($0.name, $0.r2, nil) })).map { numbers, made in
            CutMeasurement(
                cut: made.cut, operatorName: made.operatorName, crossing: made.crossing, decoder: made.decoder,
                findings: Measured.findings(
                    evidence: AssetEvidence(
                        appearance: [curve(numbers.r2)], identity: [curve(numbers.identity, gain: gain)],
                        candidates: 40, classes: curve(numbers.classes), tint: 0.31, layout: 0.22)),
                cost: made.cost)
        }
    }

    private static func members(_ result: AssessmentResult) throws -> [[String: Any]] {
        let data = Data(AssessmentJSON.text(of: result).utf8)
        let document = try JSONSerialization.jsonObject(with: data) as? [String: Any]
        return try #require(document?["cuts"] as? [[String: Any]])
    }

    @Test("The reason names the worst check of two assets, the one furthest beyond its limit first")
    func reason() throws {
        let result = try Measured.result(Self.cuts([("relu2", 0.16, 0.64, 1)]), adversary: .informed)
        guard case .noCutPasses(let obstacles) = result.recommendation.basis else {
            Issue.record("\(result.recommendation.basis)")
            return
        }
        #expect(obstacles.checks.map(\.metric) == [.classGain, .identification])
        #expect(obstacles.checks.map(\.estimate) == [1, 0.64])
        let reason = result.recommendation.reason
        #expect(reason.contains("identify 64 % of the pictures among 40 (limit 10 %)"))
        #expect(reason.contains("appearance, identity and class from an attacker with 100000 pictures. At "))
        #expect(reason.ranges(of: "100000").count == 1)
        // An asset without protection is no reason.
        let two = try Measured.result(
            Self.cuts([("relu2", 0.5, 0.64, 1)]), adversary: .informed, protecting: [.appearance, .identity])
        guard case .noCutPasses(let others) = two.recommendation.basis else {
            Issue.record("\(two.recommendation.basis)")
            return
        }
        #expect(Set(others.checks.map(\.metric.asset)) == [.appearance, .identity])
    }

    @Test("The first page shows the result of the identification attack, not the top-1 of the reconstruction")
    func identified() throws {
        let result = try Measured.result(
            Self.cuts([("relu2", 0.004, 1, 0.02)]), adversary: .informed, protecting: [.appearance])
        #expect(result.recommendation.front == "relu2")
        let page = try ReportPage.html(of: result)
        #expect(page.contains("of the pictures identified among others by an attacker with 100000"))
        #expect(page.contains("<dd>100 %</dd>") && page.contains("fails the gates of identity"))
    }

    @Test("In assessment.json an asset of a cut fails only by a value beyond its limit, here or deeper")
    func json() throws {
        let cuts = try Self.cuts([
            ("relu1", 0.9, 0.02, 0.02), ("pool1", 0.2, 0.05, 0.02), ("relu2", 0.16, 0.9, 0.05),
            ("flat", 0.004, 0.05, 1),
        ])
        for adversary in Adversary.allCases {
            let result = try Measured.result(cuts, adversary: adversary)
            for (cut, verdict) in zip(try Self.members(result), result.verdicts) {
                let assets = try #require(cut["assets"] as? [String: [String: Any]])
                for asset in Asset.allCases {
                    let found = try #require(assets[asset.rawValue])
                    guard let decision = found["decidedBy"] as? [String: Any] else {
                        #expect(adversary == .paper)
                        continue
                    }
                    let value = try #require(decision["value"] as? Double)
                    let limit = try #require(decision["limit"] as? Double)
                    let metric = try #require(Metric.all.first { $0.name == decision["measure"] as? String })
                    let isBeyond = metric.leaks == .high ? value > limit : value < limit
                    #expect((found["outcome"] as? String != "passes") == isBeyond, "\(asset) of \(verdict.outcome)")
                    let check = try #require(verdict.check(of: .ofAttacker(asset)))
                    // JSONSerialization reads numbers to about 1e-15.
                    for (member, expected) in [("estimate", check.estimate), ("upper", check.value)] {
                        let written = try #require(found[member] as? Double)
                        #expect(abs(written - expected) < 1e-12, "\(member) of \(asset)")
                    }
                }
            }
        }
        // The class is found at the deepest cut, and so at every other.
        let first = try Self.members(Measured.result(cuts, adversary: .informed))[0]
        let asset = try #require((first["assets"] as? [String: [String: Any]])?["class"])
        #expect(asset["outcome"] as? String == "fails" && asset["estimate"] as? Double == 1)
        #expect((asset["thisCut"] as? [String: Any])?["estimate"] as? Double == 0.02)
    }

    @Test(
        "The paper's adversary has no outcome for identity and class, and an assessment that protects them is refused")
    func paper() throws {
        let cuts = try Self.cuts([("relu2", 0.5, 0.9, 1)])
        let verdict = GateVerdict.verdicts(for: cuts, gates: .standard, adversary: .paper)[0]
        #expect(verdict.outcome(of: .identity) == nil && verdict.deciding(.class) == nil)
        var configuration = try DrawnPictures(count: 40).configuration()
        configuration.adversary = .paper
        for protected in [Asset.all, [.identity, .class], [.appearance, .class]] {
            configuration.protected = protected
            let error = #expect(throws: AssessmentError.self) { try Assessor(configuration) }
            #expect(error?.code == .invalidConfiguration && error?.message.contains("--protect appearance") == true)
        }
        configuration.protected = [.appearance]
        #expect(throws: Never.self) { try Assessor(configuration) }
    }

    @Test("If evidence is lacking, the report states the largest attacker for which it suffices, or that there is none")
    func remedy() throws {
        // 0.06 of the pictures identified, 0.003 more with each doubling: open for 100,000 pictures, not for 10,000.
        let open = try Measured.result(
            Self.cuts([("relu2", 0.004, 0.06, 0.02)], gain: 0.003), adversary: .informed)
        #expect(open.verdicts[0].outcome == .notEnoughEvidence)
        let remedy = try #require(EvidenceRemedy(open))
        let suffices = try #require(remedy.attackerPictures)
        #expect(suffices == 10_000)
        #expect(remedy.sentence.contains("--attacker-pictures \(suffices)"))
        #expect(try ReportPage.html(of: open).contains("--attacker-pictures \(suffices)"))
        #expect(
            remedy.sentence.hasPrefix("Somewhat more pictures will not be enough evidence for an attacker with 100000.")
        )
        #expect(remedy.sentence.contains("for 100000 about 600 would be needed"))
        #expect(AssessmentJSON.text(of: open).contains(remedy.sentence))
        // Twice the pictures is a realistic number.
        let close = try #require(
            EvidenceRemedy(
                Measured.result(Self.cuts([("relu2", 0.004, 0.06, 0.02)], gain: 0.0023), adversary: .informed)))
        #expect(close.attackerPictures == 50_000)
        #expect(close.sentence.hasPrefix("With these 60 pictures a cut passes for an attacker with 50000"))
        // 0.09 with its error is beyond the limit for as many pictures as there are: more of them may help.
        let never = try Measured.result(
            Self.cuts([("relu2", 0.004, 0.095, 0.02)]), adversary: .informed)
        let hopeless = try #require(EvidenceRemedy(never))
        #expect(hopeless.attackerPictures == nil && !hopeless.sentence.contains("Somewhat"))
        #expect(
            hopeless.sentence
                == "With these 60 pictures no cut passes, even for an attacker with 60: assess more pictures.")
        // What fails or passes needs no evidence.
        for identity in [0.04, 0.9] {
            let decided = try Measured.result(Self.cuts([("relu2", 0.004, identity, 0.02)]), adversary: .informed)
            #expect(EvidenceRemedy(decided) == nil)
            #expect(AssessmentJSON.text(of: decided).contains("\"remedy\": null"))
        }
    }

    @Test("A plan whose worst check lacks evidence has no ratio, is not plotted, and is undecided in the list of plans")
    func open() throws {
        let whole = CutCost(
            multiplyAddsInside: 10_000, multiplyAdds: 10_000, parametersInside: 1, boundaryBytes: 0,
            frontMilliseconds: 30, backMilliseconds: 0, enclaveBytes: 90)
        func options(_ identity: Double, classes: Double = 0.02) throws -> (PlanOption, String) {
            let result = try Measured.result(
                Self.cuts([("relu2", 0.004, identity, classes)], gain: 0.003), whole: whole, adversary: .informed)
            return (try #require(result.recommendation.options.first), try ReportPage.html(of: result))
        }
        // The unknown 1.00 over a gate of 0.10 is no tenfold leak.
        let (open, page) = try options(0.026)
        #expect(open.outcome == .notEnoughEvidence && open.leakage > 1 && open.decidedLeakage == nil)
        #expect(open.leakageSummary == "not enough evidence for a pass")
        let plans = page[try #require(page.range(of: "<section id=\"plans\"")).lowerBound...]
        #expect(plans.contains("1 plan is not drawn") && plans.ranges(of: "<circle").count == 1)
        #expect(page.contains(">not enough evidence</td>"))
        // Beside a gate that is exceeded, the open one is not the worst.
        let (failed, drawn) = try options(0.026, classes: 0.3)
        #expect(failed.outcome == .fails && failed.leakage > 9)
        #expect(failed.leakageSummary == "fails the gates, worst check at 3.00 of its limit")
        #expect(!drawn.contains("not drawn"))
    }

    @Test("Curves of a finding in no predefined list appear in the panel and in assessment.json")
    func unlistedCurves() throws {
        var cuts = try Self.cuts([("relu2", 0.004, 0.06, 0.02)])
        var findings = cuts[0].findings
        findings[Invented.self] = Invented()
        cuts[0] = CutMeasurement(
            cut: cuts[0].cut, operatorName: cuts[0].operatorName, crossing: cuts[0].crossing, decoder: cuts[0].decoder,
            findings: findings, cost: cuts[0].cost)
        let result = try Measured.result(cuts, adversary: .informed)
        #expect(try ReportPage.html(of: result).contains("40: 0.43, 80: 0.54"))
        let assets = try #require(try Self.members(result)[0]["assets"] as? [String: [String: Any]])
        #expect((assets["class"]?["curves"] as? [Any])?.count == 2)
        #expect((assets["identity"]?["curves"] as? [Any])?.count == 1)
    }

    @Test("The attack names in stored results are those of the catalogue")
    func names() {
        let all = AttackCatalogue.names(followingDecoders: false)
        #expect(Set(all).count == AttackCatalogue.methods.count && all.contains("CurveAttack"))
        let following = AttackCatalogue.names(followingDecoders: true)
        #expect(following == all.filter(following.contains) && !following.contains("CurveAttack"))
    }

    @Test("Each cut's panel shows the deciding curves, their extrapolation, and R² of tint and layout")
    func panel() throws {
        let page = try ReportPage.html(
            of: Measured.result(Self.cuts([("relu2", 0.004, 0.25, 0.02)], gain: 0.05), adversary: .informed))
        #expect(page.contains("50: 0.20, 100: 0.25"))
        #expect(page.contains("at 100000: 0.75 ["))
        #expect(page.contains("<b>0.31, 0.22</b>"))
        // The window between the three limits.
        #expect(page.contains("gate of identity and class 0.10") && page.contains("gate of appearance 0.15"))
    }
}
