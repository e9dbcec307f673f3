import LeakageAssessment
import Testing

@Suite("Where a decoder is trained")
struct TrainedCutChoiceTests {
    /// Cuts relu1, pool1, relu2 (maps) and flat (a vector) with these R².
    private func wanted(
        _ r2: [Double], _ choice: AssessmentConfiguration.TrainedCuts = .decision,
        hasMaps: [Bool] = [true, true, true, false], followsFaster: Bool = true
    ) throws -> (cuts: [Int], front: String, faster: String?) {
        let names = ["relu1", "pool1", "relu2", "flat"]
        let cuts = try Measured.cuts(zip(names, r2).map { ($0, $1, nil) })
        let whole = CutCost(
            multiplyAddsInside: 10_000, multiplyAdds: 10_000, parametersInside: 10, boundaryBytes: 0,
            frontMilliseconds: 50, backMilliseconds: 0, mappingMilliseconds: 0, crossingMilliseconds: 0, enclaveBytes: 1
        )
        let plan = try Measured.result(cuts, whole: whole).recommendation
        let verdicts = GateVerdict.verdicts(for: cuts, gates: .standard)
        return (
            TrainedCutChoice.wanted(choice, (cuts, verdicts, plan), hasMaps: hasMaps, followsFaster: followsFaster),
            plan.front, plan.nextFaster?.front
        )
    }

    @Test("Where no cut is within the gates, nowhere: training would only find more")
    func everythingInside() throws {
        let found = try wanted([0.9, 0.5, 0.3, 0.5])
        #expect(found.front == "logits" && found.cuts.isEmpty)
    }

    @Test("With a vector recommended whose neighbours fail, nowhere")
    func vector() throws {
        let found = try wanted([0.9, 0.5, 0.5, 0.003])
        #expect(found.front == "flat" && found.cuts.isEmpty)
    }

    @Test("With a cut recommended, at it and at its neighbours within the gates, where there are maps")
    func recommended() throws {
        let found = try wanted([0.9, 0.004, 0.004, 0.003])
        #expect(found.front == "pool1" && found.cuts == [1, 2])
        #expect(try wanted([0.9, 0.004, 0.004, 0.003], hasMaps: [true, false, true, false]).cuts == [2])
    }

    @Test("Everywhere that has maps, or nowhere, where that is asked for")
    func asked() throws {
        #expect(try wanted([0.9, 0.5, 0.3, 0.5], .all).cuts == [0, 1, 2])
        #expect(try wanted([0.9, 0.5, 0.3, 0.5], .none).cuts.isEmpty)
    }
}
