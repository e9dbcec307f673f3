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

    @Test("With everything inside, at the map cut that leaks least and at the next faster plan's")
    func everythingInside() throws {
        // What the vector leaks counts at every cut, so that pool1 is as good as it and faster.
        let r2 = [0.9, 0.5, 0.3, 0.5]
        let both = try wanted(r2)
        #expect(both.front == "logits" && both.faster == "pool1" && both.cuts == [1, 2])
        #expect(try wanted(r2, followsFaster: false).cuts == [2])
        #expect(try wanted(r2, hasMaps: [true, false, true, false]).cuts == [2])
    }

    @Test("A next faster plan whose cut is a vector has nothing to train on")
    func vector() throws {
        let inside = try wanted([0.9, 0.7, 0.6, 0.5])
        #expect(inside.faster == "flat" && inside.cuts == [2])
    }

    @Test("With a cut recommended, at it, at its neighbours and at the next faster plan's")
    func recommended() throws {
        let cut = try wanted([0.9, 0.5, 0.5, 0.003])
        #expect(cut.front == "flat" && cut.faster == "pool1" && cut.cuts == [1, 2])
        #expect(try wanted([0.9, 0.5, 0.5, 0.003], followsFaster: false).cuts == [2])
    }

    @Test("Everywhere that has maps, or nowhere, where that is asked for")
    func asked() throws {
        #expect(try wanted([0.9, 0.5, 0.3, 0.5], .all).cuts == [0, 1, 2])
        #expect(try wanted([0.9, 0.5, 0.3, 0.5], .none).cuts.isEmpty)
    }
}
