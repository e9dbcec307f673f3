// SPDX-License-Identifier: Apache-2.0
import AssessmentReport
import Foundation
import LeakageAssessment
import Testing

@Suite("Results of external attacks")
struct OutsideAttackTests {
    private static let digest = String(repeating: "0a", count: 32)

    private static func json(_ changes: [String: Any?] = [:]) throws -> Data {
        var object: [String: Any] = [
            "version": 1, "modelSHA256": digest, "cut": "relu2", "asset": "appearance", "value": 0.4, "error": 0.02,
            "trainingPictures": 30, "testPictures": 10, "description": "a decoder",
        ]
        for (name, value) in changes { object[name] = value }
        return try JSONSerialization.data(withJSONObject: object)
    }

    private static func attack(_ changes: [String: Any?] = [:]) throws -> OutsideAttack {
        try OutsideAttack("decoder", AttackResult(decoding: json(changes)), on: TinyNetwork.network())
    }

    /// Made once: their scores take seconds.
    private static let cuts = Result {
        try Measured.cuts([("relu1", 0.01, (3, 3)), ("relu2", 0.004, (3, 3)), ("flat", 0.003, nil)])
    }

    private func verdicts(_ attacks: [OutsideAttack]) throws -> [GateVerdict] {
        GateVerdict.verdicts(for: try Self.cuts.get(), gates: .standard, attacks: attacks)
    }

    @Test("The result of an external attack fails its cut and shallower ones, but not deeper ones or other assets")
    func envelope() throws {
        #expect(try verdicts([]).map(\.outcome) == [.passes, .passes, .passes])
        let found = try verdicts([try Self.attack()])
        #expect(found.map(\.outcome) == [.fails, .fails, .passes])
        #expect(found.map { $0.outcome(of: .identity) } == [.passes, .passes, .passes])
        let check = try #require(found[0].check(of: .extrapolatedRSquared))
        // With 30 pictures it recovered more than the suite expects; with more pictures nothing can be excluded.
        #expect(check.estimate == 0.4 && check.value == 1)
        // A cut that is not among the assessed ones counts for the shallower ones that are.
        #expect(try verdicts([try Self.attack(["cut": "pool1"])]).map(\.outcome) == [.fails, .passes, .passes])
    }

    @Test(
        "Each asset has its own gate for external attacks",
        arguments: [("identity", 0.11), ("class", 0.11), ("appearance", 0.16)])
    func assets(asset: String, value: Double) throws {
        let found = try verdicts([try Self.attack(["asset": asset, "value": value, "error": 0])])
        #expect(found.map(\.outcome) == [.fails, .fails, .passes])
        for other in Asset.allCases where other.rawValue != asset { #expect(found[0].outcome(of: other) == .passes) }
    }

    @Test("The reason states the number of candidates only if no external attack on identity has its own")
    func candidates() throws {
        let cuts = Array(try Self.cuts.get().prefix(2))
        for (asset, words) in [("identity", "of the pictures among others"), ("appearance", "R² 0.50")] {
            let attacks = [try Self.attack(["asset": asset, "value": 0.5, "error": 0])]
            let plan = Recommendation.choose(
                among: cuts, verdicts: GateVerdict.verdicts(for: cuts, gates: .standard, attacks: attacks),
                gates: .standard, mapping: ("logits", 8), pictures: 60, attacks: attacks)
            #expect(plan.reason.contains(words) && plan.everythingInside)
            #expect(!plan.reason.contains("among 40"))
        }
    }

    @Test("A confidence interval across the gate is not enough evidence, and a small value changes nothing")
    func error() throws {
        let wide = try Self.attack(["value": 0.1, "error": 0.05])
        #expect(try verdicts([wide]).map(\.outcome) == [.notEnoughEvidence, .notEnoughEvidence, .passes])
        #expect(wide.verdict(.standard, attackerPictures: 30).outcome == .notEnoughEvidence)
        let weak = try Self.attack(["value": 0, "error": 0])
        #expect(weak.verdict(.standard, attackerPictures: 30).outcome == .notEnoughEvidence)
        #expect(try verdicts([weak]).map(\.checks) == verdicts([]).map(\.checks))
    }

    @Test(
        "Extrapolated results of an external attack count if it beats the built-in attacks with the same pictures",
        arguments: [(30, GateVerdict.Outcome.notEnoughEvidence), (0, .passes), (100_000, .passes)])
    func growth(pictures: Int, outcome: GateVerdict.Outcome) throws {
        let attack = try Self.attack(["value": 0.1, "error": 0.01, "trainingPictures": pictures])
        #expect(try verdicts([attack]).map(\.outcome) == [outcome, outcome, .passes])
        // A value not significantly above the built-in attacks' leaves the check decided.
        let equal = try Self.attack(["value": 0.02, "error": 0.01, "trainingPictures": pictures])
        #expect(try verdicts([equal]).map(\.outcome) == [.passes, .passes, .passes])
    }

    @Test("An external attack alone passes only if it learned something from as many pictures as the attacker has")
    func alone() throws {
        func outcome(_ value: Double, error: Double, pictures: Int) throws -> GateVerdict.Outcome {
            try Self.attack(["value": value, "error": error, "trainingPictures": pictures])
                .verdict(.standard, attackerPictures: 100_000).outcome
        }
        #expect(try outcome(0.05, error: 0.01, pictures: 100_000) == .passes)
        #expect(try outcome(0.05, error: 0.01, pictures: 0) == .passes)
        #expect(try outcome(0.05, error: 0.01, pictures: 90) == .notEnoughEvidence)
        #expect(try outcome(0.05, error: 0.03, pictures: 100_000) == .notEnoughEvidence)
        // Above the gate, and not significantly above 0.
        #expect(try outcome(0.16, error: 0.1, pictures: 90) == .notEnoughEvidence)
        #expect(try outcome(0.16, error: 0.01, pictures: 90) == .fails)
    }

    @Test("No external attack improves any check")
    func worse() throws {
        let before = try verdicts([])
        for value in stride(from: 0.0, through: 1, by: 0.125) {
            for asset in Asset.allCases {
                let after = try verdicts([try Self.attack(["value": value, "asset": asset.rawValue, "error": 0.1])])
                for (old, new) in zip(before, after) {
                    #expect(new.ratio >= old.ratio)
                    #expect(zip(old.checks, new.checks).allSatisfy { $0.value <= $1.value || $0 == $1 })
                    #expect(zip(old.checks, new.checks).allSatisfy { $0.passes || !$1.passes })
                }
            }
        }
    }

    @Test(
        "A malformed document is refused, with the member and the expected value",
        arguments: [
            ("value", 1.3, "0 to 1"), ("value", -0.1, "does no better"), ("value", "0.4", "wrong type"),
            ("error", -1, "standard error"), ("asset", "colour", "appearance, identity or class"),
            ("version", 2, "this build reads 1"), ("modelSHA256", "0A", "64 lower-case"),
            ("testPictures", 0, "1 or more"),
            ("trainingPictures", -1, "0 or more"), ("trainingPictures", 1.5, "whole number"), ("cut", "", "one line"),
            ("description", "a\nb", "one line"), ("description", String(repeating: "x", count: 501), "500 bytes"),
            ("other", 1, "unknown"), ("cut", nil, "missing"),
        ] as [(String, (any Sendable)?, String)])
    func refused(member: String, value: (any Sendable)?, word: String) throws {
        let data = try Self.json([member: value])
        let error = #expect(throws: AssessmentError.self) { _ = try AttackResult(decoding: data) }
        #expect(error?.code == .malformedAttack)
        #expect(
            error?.message.contains(member) == true && error?.message.contains(word) == true, "\(error?.message ?? "")")
    }

    @Test(
        "A document that is too long or not a JSON object is refused",
        arguments: ["", "[]", "3", "{", "null", "{\"value\":1e999}"])
    func noObject(text: String) throws {
        let error = #expect(throws: AssessmentError.self) { _ = try AttackResult(decoding: Data(text.utf8)) }
        #expect(error?.code == .malformedAttack)
        let long = Data(repeating: 0x20, count: AttackResult.maximumBytes) + (try Self.json())
        #expect(throws: AssessmentError.self) { _ = try AttackResult(decoding: long) }
    }

    @Test("Another model, an unknown cut and a multi-line name are refused")
    func otherModel() throws {
        for (changes, word) in [
            (["modelSHA256": String(repeating: "b", count: 64)], "infenclave features"), (["cut": "relu9"], "relu9"),
        ] {
            let error = #expect(throws: AssessmentError.self) { _ = try Self.attack(changes) }
            #expect(error?.message.contains(word) == true, "\(error?.message ?? "")")
        }
        #expect(throws: AssessmentError.self) {
            _ = try OutsideAttack("a\nb", AttackResult(decoding: Self.json()), on: TinyNetwork.network())
        }
    }

    @Test("An assessment includes the attack in verdict, report and file, and refuses an attack on no assessed cut")
    func endToEnd() throws {
        let pictures = try DrawnPictures(count: 12)
        var configuration = try pictures.configuration()
        configuration.cuts = .named(["flat"])
        configuration.trainedCuts = .none
        configuration.measuresTime = false
        configuration.bounds.isAlways = false
        configuration.whiteBox.isAlways = false
        configuration.attacks = [try Self.attack()]
        let error = #expect(throws: AssessmentError.self) { _ = try Assessor(configuration).run() }
        #expect(error?.code == .invalidCut && error?.message.contains("--cut 'relu2'") == true)
        configuration.attacks = [try Self.attack(["cut": "flat", "description": "<b>GAN"])]
        let result = try Assessor(configuration).run()
        #expect(result.verdicts[0].outcome(of: .appearance) == .fails)
        let page = try ReportPage.html(of: result)
        #expect(page.contains("id=\"attacks\"") && page.contains("&lt;b&gt;GAN") && !page.contains("<b>GAN"))
        let object = try #require(
            JSONSerialization.jsonObject(with: Data(AssessmentJSON.text(of: result).utf8)) as? [String: Any])
        let attack = try #require((object["attacks"] as? [[String: Any]])?.first)
        #expect(attack["name"] as? String == "decoder" && attack["cut"] as? String == "flat")
        #expect(attack["value"] as? Double == 0.4 && attack["outcome"] as? String == "fails")
    }
}
