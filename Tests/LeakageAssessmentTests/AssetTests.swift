// SPDX-License-Identifier: Apache-2.0
import LeakageAssessment
import Testing

@Suite("Protected assets")
struct AssetTests {
    private func evidence(r2: Double, identity: Double, classes: Double?) -> AssetEvidence {
        func flat(_ value: Double) -> LearningCurve {
            LearningCurve(
                points: [.init(pictures: 50, value: value), .init(pictures: 100, value: value)], error: value / 10,
                gainError: 0)
        }
        return AssetEvidence(
            appearance: [flat(r2)], identity: [flat(identity)], candidates: 40, classes: classes.map(flat), tint: nil,
            layout: nil)
    }

    private func verdict(
        _ evidence: AssetEvidence?, protecting: Set<Asset>, adversary: Adversary = .informed
    ) throws -> GateVerdict {
        let made = try Measured.cuts([("relu2", 0.004, nil)])[0]
        let cut = CutMeasurement(
            cut: made.cut, operatorName: made.operatorName, crossing: made.crossing, decoder: made.decoder,
            findings: Measured.findings(evidence: evidence), cost: made.cost)
        return GateVerdict.verdicts(for: [cut], gates: .standard, adversary: adversary, protecting: protecting)[0]
    }

    @Test("A cut that identifies every picture fails if identity is protected, and passes if it is not")
    func declared() throws {
        let leaky = evidence(r2: 0.01, identity: 0.98, classes: 0.95)
        #expect(try verdict(leaky, protecting: Asset.all).outcome == .fails)
        #expect(try verdict(leaky, protecting: [.identity]).outcome == .fails)
        #expect(try verdict(leaky, protecting: [.class]).outcome == .fails)
        #expect(try verdict(leaky, protecting: [.appearance]).outcome == .passes)
        let all = try verdict(leaky, protecting: [.appearance])
        #expect(all.outcome(of: .identity) == .fails && all.outcome(of: .appearance) == .passes)
    }

    @Test("Without a class curve or examples there is not enough evidence for a pass")
    func noEvidence() throws {
        let unknown = try verdict(evidence(r2: 0.01, identity: 0.01, classes: nil), protecting: Asset.all)
        #expect(unknown.outcome == .notEnoughEvidence && !unknown.passes)
        #expect(try verdict(nil, protecting: [.appearance]).outcome == .notEnoughEvidence)
    }

    @Test("Failed classification from one example per class is no evidence about an attacker with more")
    func fewExamples() throws {
        // Features without any structure: the class is guessed.
        var gram = SymmetricMatrix(size: 200)
        for index in 0..<200 { gram[index, index] = 1 }
        let joint = JointLeakage(gram: gram, pictures: gram, classes: (0..<200).map { $0 % 4 }, seed: 1)
        #expect(try #require(joint.oneShot) < 0.3)
        let made = try Measured.cuts([("relu2", 0.004, nil)])[0]
        for classes in [nil, 0.0] {
            var findings = Measured.findings(evidence: evidence(r2: 0.01, identity: 0.03, classes: classes))
            findings[JointLeakage.self] = joint
            let cut = CutMeasurement(
                cut: made.cut, operatorName: made.operatorName, crossing: made.crossing, decoder: made.decoder,
                findings: findings, cost: made.cost)
            let verdict = GateVerdict.verdicts(
                for: [cut], gates: .standard, adversary: .informed,
                attacker: Attacker(pictures: 100_000, counted: 200))[0]
            #expect(verdict.outcome(of: .class) == .notEnoughEvidence)
        }
    }

    @Test("Tensors for the mapping unit reveal the class at every cut")
    func mapping() throws {
        let cuts = try Measured.cuts([("relu1", 0.01, (3, 3)), ("relu2", 0.004, (3, 3))])
        // Four pictures of two classes; the largest value names each.
        var gram = SymmetricMatrix(size: 8)
        for index in 0..<8 { gram[index, index] = 1 }
        let leakage = MappingLeakage(
            gram: gram, classes: [0, 1, 0, 1, 0, 1, 0, 1], largest: [0, 1, 0, 1, 0, 1, 0, 1],
            split: PictureSplit(count: 8, seed: 1), seed: 1)
        #expect(leakage.readout == 1)
        let verdicts = GateVerdict.verdicts(
            for: cuts, gates: .standard, attacker: Attacker(pictures: 100_000, counted: 8),
            mapping: leakage)
        #expect(verdicts.allSatisfy { $0.outcome(of: .class) == .fails })
        #expect(verdicts.allSatisfy { $0.outcome(of: .appearance) == .passes })
    }

    @Test("More pictures for the attacker never improve a verdict")
    func monotone() throws {
        let growing = LearningCurve(
            points: [.init(pictures: 40, value: 0.03), .init(pictures: 80, value: 0.05)], error: 0.005, gainError: 0.004
        )
        var last = 0.0
        for pictures in [80, 160, 1000, 100_000] {
            let found = growing.extrapolated(to: pictures)
            #expect(found.upper >= last && found.estimate <= found.upper && found.lower <= found.estimate)
            last = found.upper
        }
    }

    @Test("Assets are listed in one fixed order")
    func sentence() {
        #expect(Asset.sentence(Asset.all) == "appearance, identity and class")
        #expect(Asset.sentence([.class, .appearance]) == "appearance and class")
        #expect(Asset.sentence([.identity]) == "identity")
    }
}
