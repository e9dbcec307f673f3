// SPDX-License-Identifier: Apache-2.0
import LeakageAssessment
import ModelGraph
import Testing

@Suite("Assessments with a time budget")
struct BudgetTests {
    @Test("If the deepest cut fails, three cuts suffice, and the recommendation equals that of a full assessment")
    func everythingFails() throws {
        let pictures = try DrawnPictures(count: 24)
        var configuration = try pictures.configuration()
        configuration.adversary = .informed
        configuration.measuresTime = false
        let whole = try Assessor(configuration).run()
        try #require(whole.verdicts.allSatisfy { !$0.passes } && whole.cuts.count > 3)
        let result = try BudgetedAssessment(configuration, budget: .seconds(600)).run(
            work: try WorkDirectory(pictures.path("work")))
        #expect(result.cuts.count == 3)
        #expect(result.recommendation.everythingInside)
        #expect(result.warnings.contains { $0.hasPrefix("3 of \(whole.cuts.count) cuts were attacked") })
        // The attacks of the attacked cuts give the results of a full assessment.
        for (cut, verdict) in zip(result.cuts, result.verdicts) {
            let index = try #require(whole.cuts.firstIndex { $0.name == cut.name })
            #expect(whole.cuts[index].decoder == cut.decoder)
            #expect(verdict.outcome == .fails)
        }
    }

    @Test("The boundary between cuts that fail and cuts that pass is found by bisection")
    func boundary() throws {
        let pictures = try DrawnPictures(count: 24)
        var configuration = try pictures.configuration()
        configuration.adversary = .informed
        configuration.measuresTime = false
        configuration.trainedCuts = .none
        configuration.protected = [.appearance]
        // A limit between the values of the cuts.
        configuration.gates = Gates(name: "loose", [.rSquared: 1, .similarityGain: 1])
        let open = try Assessor(configuration).run()
        let leaks = open.cuts.compactMap { $0.estimate(of: .rSquared)?.upper }
        let sorted = leaks.sorted()
        configuration.gates[.rSquared] = (sorted[sorted.count / 2] + sorted[sorted.count / 2 - 1]) / 2
        let whole = try Assessor(configuration).run()
        let result = try BudgetedAssessment(configuration, budget: .seconds(600)).run(
            work: try WorkDirectory(pictures.path("work")))
        #expect(result.cuts.count <= whole.cuts.count)
        #expect(result.recommendation.front == whole.recommendation.front)
        for (cut, verdict) in zip(result.cuts, result.verdicts) {
            let index = try #require(whole.cuts.firstIndex { $0.name == cut.name })
            #expect(verdict.passes == whole.verdicts[index].passes, "\(cut.name)")
        }
    }

    @Test("A budget that ends at once still gives three cuts, and states what is missing")
    func tooShort() throws {
        let pictures = try DrawnPictures(count: 24)
        var configuration = try pictures.configuration()
        configuration.adversary = .informed
        configuration.measuresTime = false
        let result = try BudgetedAssessment(configuration, budget: .milliseconds(1)).run(
            work: try WorkDirectory(pictures.path("work")))
        #expect(result.cuts.count == 3)
        #expect(result.unfinished.contains(.bounds) && result.cuts.allSatisfy { $0.bounds == nil })
        #expect(result.warnings.contains { $0.contains("ended before") && $0.contains("bounds") })
        #expect(throws: AssessmentError.self) { try BudgetedAssessment(configuration, budget: .zero) }
    }

    /// Gates that every cut from the first pooling on keeps, whatever attacks it: R² is at most 1, and SSIM over the mean
    /// picture is below. Before it kernel ridge regression takes its smallest penalty, which excludes nothing.
    private func everythingPasses(_ pictures: DrawnPictures) throws -> AssessmentConfiguration {
        var configuration = try pictures.configuration()
        configuration.adversary = .informed
        configuration.measuresTime = false
        configuration.protected = [.appearance]
        // The available pictures decide.
        configuration.attackerPictures = 1
        configuration.cuts = .named(["pool1", "relu2", "flat"])
        configuration.gates = Gates(name: "open", [.rSquared: 2, .similarityGain: 0.99])
        return configuration
    }

    @Test("If the budget ends before a decoder is trained, no cut that it could fail passes or is recommended")
    func untried() throws {
        let pictures = try DrawnPictures(count: 96, grain: 0.3)
        let result = try BudgetedAssessment(try everythingPasses(pictures), budget: .milliseconds(1)).run(
            work: try WorkDirectory(pictures.path("work")))
        let first = result.cuts[0]
        #expect(first.findings[UntriedAttacks.self]?.kinds == [.trainedDecoder])
        #expect(result.verdicts[0].outcome == .notEnoughEvidence)
        for (cut, verdict) in zip(result.cuts, result.verdicts) where cut.findings[UntriedAttacks.self] != nil {
            #expect(!verdict.passes && result.recommendation.front != cut.name)
        }
        #expect(result.unfinished.contains(.training))
        #expect(result.warnings.contains { $0.hasPrefix("No trained decoder attacked '\(first.name)'") })
        #expect(result.warnings.contains { $0.contains("The same command with --work DIR continues") })
    }

    @Test("With enough time the adversary, the cuts and their verdicts equal those of a full assessment")
    func generous() throws {
        let pictures = try DrawnPictures(count: 96, grain: 0.3)
        var configuration = try everythingPasses(pictures)
        configuration.adversary = .both
        let whole = try Assessor(configuration).run()
        try #require(whole.verdicts[0].passes && whole.cuts[0].decoder.trials.contains { $0.kind == .trained })
        let result = try BudgetedAssessment(configuration, budget: .seconds(600)).run(
            work: try WorkDirectory(pictures.path("work")))
        // Every cut is deeper than the first one, which passes.
        #expect(result.cuts.map(\.name) == whole.cuts.map(\.name))
        #expect(result.verdicts == whole.verdicts && result.unfinished.isEmpty)
        #expect(result.adversary == .both && result.cuts.map(\.channelKL) == whole.cuts.map(\.channelKL))
        #expect(result.recommendation.front == whole.recommendation.front)
    }

    @Test("Deeper cuts for which time was insufficient are named, since a leak there would count")
    func deeper() throws {
        let pictures = try DrawnPictures(count: 96, grain: 0.3)
        var configuration = try everythingPasses(pictures)
        configuration.trainedCuts = .none
        configuration.cuts = .assessable
        let whole = try Assessor(configuration).run()
        let result = try BudgetedAssessment(configuration, budget: .milliseconds(1)).run(
            work: try WorkDirectory(pictures.path("work")))
        let names = Set(whole.cuts.map(\.name)).subtracting(result.cuts.map(\.name))
        let warning = try #require(result.warnings.first { $0.hasPrefix("3 of \(whole.cuts.count) cuts") })
        #expect(!names.isEmpty && names.allSatisfy { warning.contains("'\($0)'") }, "\(warning)")
        // No cut above them passes.
        for (cut, verdict) in zip(result.cuts, result.verdicts) {
            let missing = whole.cuts.filter { $0.cut.nodesInside > cut.cut.nodesInside && names.contains($0.name) }
            #expect(verdict.unassessed == missing.map(\.name) && (missing.isEmpty || !verdict.passes), "\(cut.name)")
        }
    }

    @Test("Cancellation by the caller ends the assessment without a report")
    func cancelled() throws {
        let pictures = try DrawnPictures(count: 24)
        let cancellation = CancellationFlag()
        cancellation.cancel()
        let error = #expect(throws: AssessmentError.self) {
            try BudgetedAssessment(try pictures.configuration(), budget: .seconds(600)).run(
                work: .none, cancellation: cancellation)
        }
        #expect(error?.code == .cancelled)
    }

    @Test("A flag is set by its parent and by its deadline")
    func flags() {
        let parent = CancellationFlag()
        let child = CancellationFlag(under: parent)
        #expect(!child.isCancelled)
        parent.cancel()
        #expect(child.isCancelled)
        #expect(CancellationFlag(deadline: ContinuousClock.now).isCancelled)
        #expect(!CancellationFlag(deadline: ContinuousClock.now + .seconds(60)).isCancelled)
    }
}
