// SPDX-License-Identifier: Apache-2.0
import AssessmentReport
import Foundation
import LeakageAssessment
import ModelGraph
import Testing

@Suite("A cut passes only if every deeper candidate cut was assessed")
struct UnassessedCutTests {
    /// The result for these cuts of ``TinyNetwork`` alone, none of which exceeds a gate unless its R² does.
    private func result(_ numbers: [(name: String, r2: Double)], adversary: Adversary = .both) throws
        -> AssessmentResult
    {
        let graph = try TinyNetwork.graph()
        let candidates = graph.candidateCuts(before: try graph.mappingCut())
        #expect(candidates.map(\.name) == ["relu1", "pool1", "relu2", "flat"])
        let names = numbers.map(\.name)
        return try Measured.result(
            Measured.cuts(numbers.map { ($0.name, $0.r2, (3, 3)) }),
            notAssessed: candidates.filter { !names.contains($0.name) }, adversary: adversary,
            protecting: adversary == .paper ? [.appearance] : Asset.all)
    }

    @Test("A single assessed cut is not enough evidence, for either adversary", arguments: Adversary.allCases)
    func alone(adversary: Adversary) throws {
        let found = try result([("pool1", 0.004)], adversary: adversary)
        let verdict = found.verdicts[0]
        #expect(verdict.outcome == .notEnoughEvidence && verdict.unassessed == ["relu2", "flat"])
        #expect(verdict.outcome(of: .appearance) == .notEnoughEvidence)
        #expect(verdict.asAssessed.passes)
        // It is attacked like a cut that passes.
        #expect(
            TrainedCutChoice.open(.decision, found.verdicts, hasMaps: [true], attacked: [])
                == (adversary == .paper ? [] : [0]))
        #expect(found.recommendation.everythingInside)
        #expect(found.recommendation.options.allSatisfy { $0.everythingInside || !$0.passesGates })
    }

    @Test("The reason, the warning and assessment.json name the missing cuts and the remedy")
    func sentences() throws {
        let found = try result([("pool1", 0.004)])
        let reason = found.recommendation.reason
        for part in ["'pool1'", "'relu2', 'flat'", "not enough evidence", "omit --cut"] {
            #expect(reason.contains(part), "\(reason)")
        }
        #expect(Warnings.leftOut(found.cuts, found.verdicts).map { reason.contains($0) } == [true])
        let object = try #require(
            JSONSerialization.jsonObject(with: Data(AssessmentJSON.text(of: found).utf8)) as? [String: Any])
        let gates = try #require((object["cuts"] as? [[String: Any]])?.first?["gates"] as? [String: Any])
        #expect(gates["notAssessed"] as? [String] == ["relu2", "flat"])
        #expect(gates["passes"] as? Bool == false && gates["outcome"] as? String == "not enough evidence")
        // More pictures would not help.
        #expect(EvidenceRemedy(found) == nil)
        #expect(try !ReportPage.html(of: found).contains("within every gate at this and all deeper cuts"))
    }

    @Test("The deepest candidate needs no other cut, and a cut needs only deeper ones")
    func deepest() throws {
        #expect(try result([("flat", 0.004)]).verdicts.map(\.outcome) == [.passes])
        let rest = try result([("relu2", 0.004), ("flat", 0.004)])
        #expect(rest.verdicts.map(\.outcome) == [.passes, .passes] && rest.recommendation.front == "relu2")
        #expect(Warnings.leftOut(rest.cuts, rest.verdicts).isEmpty)
    }

    @Test("With an unassessed cut only deeper cuts pass; the message for the next shallower one names it")
    func gap() throws {
        let found = try result([("relu1", 0.004), ("pool1", 0.004), ("flat", 0.004)])
        #expect(found.verdicts.map(\.outcome) == [.notEnoughEvidence, .notEnoughEvidence, .passes])
        #expect(found.recommendation.front == "flat")
        #expect(
            found.recommendation.details.contains { $0.contains("'pool1'") && $0.contains("'relu2' was not assessed") })
    }

    @Test("A cut that fails still fails, and the message names the exceeded gate")
    func failing() throws {
        let found = try result([("pool1", 0.9)])
        #expect(found.verdicts.map(\.outcome) == [.fails])
        #expect(found.recommendation.reason.contains("R²") && Warnings.leftOut(found.cuts, found.verdicts).isEmpty)
        // By its own decoders or those of a deeper cut.
        #expect(try result([("pool1", 0.004), ("flat", 0.9)]).verdicts.map(\.outcome) == [.fails, .fails])
    }

    @Test(
        "An assessment of named cuts records the omitted candidates, and attacks its own cuts as usual")
    func named() throws {
        let pictures = try DrawnPictures(count: 24)
        var configuration = try pictures.configuration()
        configuration.adversary = .informed
        configuration.measuresTime = false
        configuration.trainedCuts = .none
        configuration.bounds.pictures = 0
        configuration.whiteBox.pictures = 0
        let whole = try Assessor(configuration).run()
        #expect(whole.verdicts.allSatisfy { $0.unassessed.isEmpty })
        configuration.cuts = .named(["pool1", "conv2"])
        let some = try Assessor(configuration).run()
        #expect(some.verdicts.map(\.unassessed) == [["relu2", "flat"], ["relu2", "flat"]])
        #expect(some.cuts[0].decoder == whole.cuts.first { $0.name == "pool1" }?.decoder)
    }
}
