// SPDX-License-Identifier: Apache-2.0
import AssessmentReport
import Foundation
import LeakageAssessment
import Testing

@Suite("Plans, budgets and gates")
struct PlanTests {
    private static func cost(_ inside: Int, ms: (Double, Double, Double), memory: Int) -> CutCost {
        CutCost(
            multiplyAddsInside: inside, multiplyAdds: 100, parametersInside: 1, boundaryBytes: 1000,
            frontMilliseconds: ms.0, backMilliseconds: ms.1, mappingMilliseconds: ms.2, crossingMilliseconds: 0.5,
            enclaveBytes: memory)
    }

    private static func option(
        _ front: String, leakage: Double, _ cost: CutCost, _ budgets: Budgets = Budgets()
    ) -> PlanOption {
        PlanOption(
            front: front, mapping: "m", leakage: leakage, outcome: leakage <= 1 ? .passes : .fails, cost: cost,
            budgets: budgets)
    }

    private static let options = [
        option("a", leakage: 6, cost(10, ms: (1, 8, 1), memory: 10)),
        option("b", leakage: 7, cost(20, ms: (2, 8, 1), memory: 20)),
        option("c", leakage: 0.9, cost(50, ms: (6, 8, 1), memory: 50)),
        option("m", leakage: 0, cost(100, ms: (20, 0, 1), memory: 90)),
    ]

    @Test("Latency is the sum of the scaled time inside, the time outside and the crossing")
    func latency() {
        var budgets = Budgets()
        #expect(budgets.latency(of: Self.options[0].cost) == 10.5)
        budgets.enclaveFactor = 3
        #expect(budgets.latency(of: Self.options[0].cost) == 14.5)
        let counted = CutCost(
            multiplyAddsInside: 1, multiplyAdds: 1, parametersInside: 1, boundaryBytes: 1, frontMilliseconds: nil,
            backMilliseconds: nil)
        #expect(budgets.latency(of: counted) == nil)
    }

    @Test("The Pareto set excludes dominated plans in leakage, time and memory, and gives each plan its neighbours")
    func pareto() {
        #expect(PlanOption.pareto(Self.options).map(\.front) == ["a", "c", "m"])
        #expect(Self.options[2].nextSafer(among: Self.options)?.front == "m")
        #expect(Self.options[2].nextFaster(among: Self.options)?.front == "a")
        #expect(Self.options[3].nextSafer(among: Self.options) == nil)
        #expect(Self.options[0].nextFaster(among: Self.options) == nil)
    }

    @Test("The message for an exceeded budget gives both numbers")
    func excess() {
        var budgets = Budgets()
        #expect(Self.options.allSatisfy { budgets.excess(of: $0) == nil })
        budgets.enclaveBytes = 60
        #expect(budgets.excess(of: Self.options[3])?.sentence.contains("90 bytes") == true)
        #expect(budgets.excess(of: Self.options[2]) == nil)
        budgets.latencyMilliseconds = 12
        #expect(budgets.excess(of: Self.options[2])?.sentence.contains("15.50 ms") == true)
    }

    private func choose(_ budgets: Budgets) throws -> Recommendation {
        let cuts = try Measured.cuts([("relu1", 0.9, (1, 2)), ("relu2", 0.004, (3, 3)), ("flat", 0.003, nil)])
        return Recommendation.choose(
            among: cuts, verdicts: GateVerdict.verdicts(for: cuts, gates: .standard), gates: .standard,
            mapping: ("logits", 8), whole: Self.cost(100, ms: (20, 0, 1), memory: 90), budgets: budgets, pictures: 60)
    }

    @Test("If no cut within the gates meets a budget, everything stays inside, with the reason")
    func budget() throws {
        var budgets = Budgets()
        let free = try choose(budgets)
        #expect(free.front == "relu2" && free.options.map(\.front) == ["relu1", "relu2", "flat", "logits"])
        // The made-up cut takes 4.35 ms in all, crossing included.
        budgets.latencyMilliseconds = 3
        let tight = try choose(budgets)
        #expect(tight.everythingInside)
        #expect(tight.reason.contains("budget"))
        #expect(tight.details.contains { $0.contains("'relu2'") && $0.contains("4.35 ms") })
        #expect(tight.details.contains { $0.contains("no plan keeps both") })
    }

    @Test("The paper's adversary has no decoder; the informed one uses decoders")
    func adversaries() throws {
        let cuts = try Measured.cuts([("relu1", 0.9, (3, 3)), ("relu2", 0.004, (1, 2)), ("flat", 0.9, nil)])
        func passes(_ adversary: Adversary) -> [Bool] {
            GateVerdict.verdicts(for: cuts, gates: .standard, adversary: adversary).map(\.passes)
        }
        // Deeper cuts leak, by the envelope.
        #expect(passes(.paper) == [false, false, false])
        #expect(passes(.both) == [false, false, false])
        let shallow = try Measured.cuts([("relu1", 0.9, (3, 3))])
        #expect(GateVerdict.verdicts(for: shallow, gates: .standard, adversary: .paper)[0].passes)
        #expect(!GateVerdict.verdicts(for: shallow, gates: .standard, adversary: .both)[0].passes)
        let blind = try Measured.cuts([("relu1", 0.004, (3, 3))])
        #expect(
            GateVerdict.verdicts(for: blind, gates: .strict, adversary: .informed)[0].check(of: .retrieval) != nil)
    }

    @Test("The ratio is 1 at the limit and increases with the leak")
    func ratio() throws {
        let cuts = try Measured.cuts([("relu1", 0.9, (1, 2)), ("relu2", 0.004, (3, 3))])
        let verdicts = GateVerdict.verdicts(for: cuts, gates: .standard)
        #expect(verdicts[0].ratio > 5 && verdicts[1].ratio < 1)
        #expect(verdicts.allSatisfy { $0.passes == ($0.ratio <= 1) })
    }

    private static let file =
        #"{"maximumR2":0.3,"maximumSSIMGain":0.1,"minimumKLPassFraction":0.9,"maximumKLAUC":0.7,"maximumTop1":0.2}"#

    @Test("Custom gates are read from a file")
    func gates() throws {
        let gates = try GatesFile.gates(decoding: Data(Self.file.utf8))
        #expect(gates.name == "custom" && gates[.rSquared] == 0.3 && gates[.similarityGain] == 0.1)
        #expect(gates[.passFraction] == 0.9 && gates[.areaUnderCurve] == 0.7)
        #expect(gates[.retrieval] == 0.2 && gates[.decoderDivergenceRatio] == nil)
    }

    @Test(
        "Gates with a missing, unknown or wrong member are refused by name",
        arguments: [
            (#""maximumR2":0.3,"#, "", "maximumR2"), (#""maximumTop1""#, #""maximumTop9""#, "maximumTop9"),
            ("0.7", "1.7", "maximumKLAUC"), ("0.7", #""high""#, "numbers"), ("{", "[", "the gates: "),
        ])
    func badGates(find: String, replace: String, named: String) {
        let bad = Self.file.replacingOccurrences(of: find, with: replace)
        let error = #expect(throws: AssessmentError.self) { try GatesFile.gates(decoding: Data(bad.utf8)) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains(named) == true)
    }
}
