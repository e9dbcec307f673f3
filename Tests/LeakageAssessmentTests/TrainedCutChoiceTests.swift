// SPDX-License-Identifier: Apache-2.0
import LeakageAssessment
import Testing

@Suite("Cuts at which a decoder is trained")
struct TrainedCutChoiceTests {
    /// Cuts relu1, pool1, relu2 (maps) and flat (a vector) with these R².
    private func wanted(
        _ r2: [Double], _ choice: AssessmentConfiguration.TrainedCuts = .decision,
        hasMaps: [Bool] = [true, true, true, false], attacked: Set<Int> = [], gates: Gates = .standard,
        adversary: Adversary = .both
    ) throws -> [Int] {
        let cuts = try Measured.cuts(zip(["relu1", "pool1", "relu2", "flat"], r2).map { ($0, $1, nil) })
        return TrainedCutChoice.wanted(
            choice, GateVerdict.verdicts(for: cuts, gates: gates, adversary: adversary), hasMaps: hasMaps,
            attacked: attacked)
    }

    @Test("All undecided cuts with maps remain to be attacked, except those already attacked")
    func open() throws {
        let cuts = try Measured.cuts(["relu1", "pool1", "relu2", "flat"].map { ($0, 0.004, nil) })
        let verdicts = GateVerdict.verdicts(for: cuts, gates: .standard)
        func open(_ choice: AssessmentConfiguration.TrainedCuts, attacked: Set<Int> = []) -> [Int] {
            TrainedCutChoice.open(choice, verdicts, hasMaps: [true, true, true, false], attacked: attacked)
        }
        #expect(open(.decision) == [0, 1, 2])
        #expect(open(.decision, attacked: [1]) == [0, 2])
        #expect(open(.none).isEmpty)
    }

    @Test("If no cut is within the gates, no decoder is trained, since it could only find more")
    func none() throws { #expect(try wanted([0.9, 0.5, 0.3, 0.5]).isEmpty) }

    @Test("If only a vector is within the gates, no decoder is trained, since a perceptron attacks vectors")
    func vector() throws { #expect(try wanted([0.9, 0.5, 0.5, 0.003]).isEmpty) }

    @Test("Decoders are trained at the deepest two cuts with maps within the gates, then at shallower ones")
    func within() throws {
        let r2 = [0.004, 0.004, 0.004, 0.003]
        #expect(try wanted(r2) == [1, 2])
        #expect(try wanted(r2, attacked: [1, 2]) == [0])
        #expect(try wanted(r2, attacked: [0, 1, 2]).isEmpty)
        #expect(try wanted(r2, hasMaps: [true, false, true, false]) == [0, 2])
        #expect(try wanted([0.9, 0.004, 0.004, 0.003], attacked: [1, 2]).isEmpty)
    }

    @Test("Decoders are trained even if class or identity fails, to test the cuts that are acceptable for appearance")
    func appearance() throws {
        var gates = Gates.standard
        (gates[.classGain], gates[.identification]) = (0.001, 0.001)
        let r2 = [0.9, 0.004, 0.004, 0.003]
        let cuts = try Measured.cuts(zip(["relu1", "pool1", "relu2", "flat"], r2).map { ($0, $1, nil) })
        #expect(GateVerdict.verdicts(for: cuts, gates: gates).allSatisfy { !$0.passes })
        #expect(try wanted(r2, gates: gates) == [1, 2])
    }

    @Test("The options all and none train decoders at every cut with maps, or at none")
    func asked() throws {
        #expect(try wanted([0.9, 0.5, 0.3, 0.5], .all) == [0, 1, 2])
        #expect(try wanted([0.9, 0.5, 0.3, 0.5], .all, attacked: [0, 1, 2]).isEmpty)
        #expect(try wanted([0.004, 0.004, 0.004, 0.003], .none).isEmpty)
    }

    @Test("No decoder is trained for the paper's adversary")
    func paper() throws { #expect(try wanted([0.004, 0.004, 0.004, 0.003], adversary: .paper).isEmpty) }
}
