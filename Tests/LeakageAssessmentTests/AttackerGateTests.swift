// SPDX-License-Identifier: Apache-2.0
import LeakageAssessment
import ModelGraph
import Testing

@Suite("Gates on SSIM, decoder-KL and top-1 for an attacker with more pictures")
struct AttackerGateTests {
    private static let metrics: [Metric] = [.similarityGain, .decoderDivergenceRatio, .retrieval]

    private func curve(
        _ values: [Double], error: Double = 0.001, gainError: Double = 0.001, isFloor: Bool = false
    ) -> LearningCurve {
        LearningCurve(
            points: values.enumerated().map { .init(pictures: 50 << $0, value: $1) }, error: error,
            gainError: gainError, isFloor: isFloor)
    }

    /// Of 60 pictures that share nothing with the mean picture.
    private static func decoder() throws -> DecoderScores {
        let mean = Picture(height: 12, width: 12, channels: 1, values: .init(repeating: 0.5, count: 144))
        var generator = SeededGenerator(seed: 3)
        let shown = (0..<60).map { _ in
            Picture(height: 12, width: 12, channels: 1, values: (0..<144).map { _ in Float(generator.uniform()) })
        }
        return try DecoderScores(
            kind: .local, penalty: 1, reconstructions: shown.map { _ in mean }, pictures: shown, meanPicture: mean,
            trials: [], seed: 1)
    }

    /// A cut whose decoders recover nothing from the available pictures.
    ///
    /// - Parameters:
    ///   - rSquared: Of the reconstructions of the curve.
    ///   - decoders: Curves of decoders of feature maps beside it.
    private func check(
        _ metric: Metric, _ curve: LearningCurve?, _ decoder: DecoderScores, pictures: Int = 100_000,
        rSquared: LearningCurve? = Measured.evidence(0.004).appearance[0], decoders: DecoderCurves? = nil
    ) throws -> GateVerdict.Check {
        let graph = try TinyNetwork.graph()
        let cut = try graph.cut(named: "relu2")
        let views = try (0..<20).map { try ClassDistribution(logits: [Float($0 % 3), 1, 0]) }
        let judgement = ReconstructionJudge.Judgement(
            divergence: try DecoderDivergence(
                pictures: views, reconstructions: views.map { _ in try ClassDistribution(logits: [1, 1, 1]) }),
            featureDistance: nil, featureDistanceOfMean: nil)
        var findings = Measured.findings(
            judgement: judgement, evidence: Measured.evidence(0.004),
            reconstructions: ReconstructionCurves(
                curves: curve.map { [metric.name: $0] } ?? [:], decided: [], rSquared: rSquared))
        findings[DecoderCurves.self] = decoders
        let measured = CutMeasurement(
            cut: cut, operatorName: "Relu", crossing: [], decoder: decoder, findings: findings,
            cost: CutCost(
                multiplyAddsInside: 1, multiplyAdds: 2, parametersInside: 1, boundaryBytes: 1, frontMilliseconds: nil,
                backMilliseconds: nil))
        let verdict = GateVerdict.verdicts(
            for: [measured], gates: .strict, attacker: Attacker(pictures: pictures, counted: 200))[0]
        return try #require(verdict.check(of: metric))
    }

    @Test("A curve that grows beyond its limit does not pass, even if the measured pictures show no leak")
    func growing() throws {
        let decoder = try Self.decoder()
        for metric in Self.metrics {
            let growing = curve([0.002, 0.006, 0.012])
            #expect(try check(metric, growing, decoder, pictures: 100).outcome == .passes, "\(metric.name)")
            #expect(try check(metric, growing, decoder, pictures: 1 << 40).outcome == .fails, "\(metric.name)")
        }
    }

    @Test("Possible growth is not enough evidence, and neither is a missing curve or one of unknown error")
    func open() throws {
        let decoder = try Self.decoder()
        for metric in Self.metrics {
            for uncertain in [curve([0, 0, 0], gainError: 0.05), curve([0, 0], error: .infinity), nil] {
                let found = try check(metric, uncertain, decoder)
                #expect(found.outcome == .notEnoughEvidence, "\(metric.name)")
                #expect(metric.sentence(found).contains("not enough evidence"))
            }
        }
    }

    @Test("Reconstructions without gain in a measure pass if the curve has a small error")
    func flat() throws {
        let decoder = try Self.decoder()
        for metric in Self.metrics {
            for certain in [
                curve([-0.01, -0.01, -0.01], gainError: 0.0001), curve([0, 0, 0], error: 0, gainError: 0),
            ] {
                #expect(try check(metric, certain, decoder).outcome == .passes, "\(metric.name)")
            }
        }
    }

    @Test("Reconstructions that learned nothing by R² are no evidence for another measure either")
    func failed() throws {
        let decoder = try Self.decoder()
        for metric in Self.metrics {
            let flat = curve([0, 0, 0], error: 0, gainError: 0)
            for rSquared in [curve([0, 0, 0.01], error: 0.01), nil] {
                #expect(
                    try check(metric, flat, decoder, rSquared: rSquared).outcome == .notEnoughEvidence,
                    "\(metric.name)")
                // Decoders that learned something are evidence beside it; those that did not are none.
                for (value, outcome) in [(0.01, GateVerdict.Outcome.passes), (0.0001, .notEnoughEvidence)] {
                    let decoders = DecoderCurves(
                        appearance: [curve([value, value])], curves: [metric.name: [flat]])
                    #expect(
                        try check(metric, flat, decoder, rSquared: rSquared, decoders: decoders).outcome == outcome,
                        "\(metric.name)")
                }
            }
            // A measure that gains by itself is evidence by itself, but top-1 is above 0 by guessing.
            let own = curve([0.01, 0.01, 0.01], gainError: 0)
            let outcome: GateVerdict.Outcome = metric == .retrieval ? .notEnoughEvidence : .passes
            #expect(try check(metric, own, decoder, rSquared: nil).outcome == outcome, "\(metric.name)")
        }
    }

    @Test("A measure from reconstructions at the smallest penalty excludes no leak, whatever the decoders show")
    func edge() throws {
        let decoder = try Self.decoder()
        for metric in Self.metrics {
            func found(isFloor: Bool) throws -> GateVerdict.Check {
                try check(
                    metric, curve([0.01, 0.01, 0.01], gainError: 0, isFloor: isFloor), decoder,
                    decoders: DecoderCurves(
                        appearance: [curve([0.01, 0.01])], curves: [metric.name: [curve([0.01, 0.01], gainError: 0)]]))
            }
            #expect(try found(isFloor: false).outcome == .passes, "\(metric.name)")
            #expect(try found(isFloor: true).outcome == .notEnoughEvidence, "\(metric.name)")
        }
    }

    @Test("More pictures for the attacker never narrow a measure's interval")
    func monotone() {
        for curve in [curve([0.01, 0.02, 0.03]), curve([-0.02, -0.01, -0.01]), curve([0, 0.0005, 0.001])] {
            var last = -1.0
            for pictures in [1, 100, 200, 400, 5000, 1_000_000] {
                let found = curve.extrapolatedWithoutEvidence(to: pictures)
                #expect(found.upper >= last && found.lower <= found.estimate && found.estimate <= found.upper)
                last = found.upper
            }
        }
    }

    @Test("Each undecided measure has a curve from kernel ridge reconstructions; measures of failing assets have none")
    func measured() throws {
        let pictures = try DrawnPictures(count: 40)
        var configuration = try pictures.configuration()
        configuration.measuresTime = false
        configuration.adversary = .informed
        configuration.cuts = .named(["relu1", "flat"])
        configuration.gates = Gates(
            name: "open",
            [
                .rSquared: 1, .similarityGain: 1, .passFraction: 0, .areaUnderCurve: 1, .decoderDivergenceRatio: 0,
                .retrieval: 1, .identification: 1, .classGain: 1,
            ])
        configuration.trainedCuts = .none
        let open = try Assessor(configuration).run()
        for cut in open.cuts {
            let found = try #require(cut.findings[ReconstructionCurves.self])
            #expect(found.decided.isEmpty)
            for metric in Self.metrics {
                let curve = try #require(found.curves[metric.name])
                #expect(curve.points.map(\.pictures) == [8, 16, 32])
            }
            // Where maps cross, the decoders have curves as well, which end at what the decoders found.
            guard let maps = cut.findings[DecoderCurves.self] else { continue }
            for curve in maps.appearance + maps.curves.values.flatMap(\.self) {
                #expect(curve.isFloor == cut.decoder.isAtEdge)
            }
            #expect(abs(try #require(maps.appearance.first).value - cut.decoder.rSquared) < 1e-9)
            #expect(abs(try #require(maps.curves["similarityGain"]?.first).value - cut.decoder.similarityGain) < 1e-9)
            #expect(abs(try #require(maps.curves["retrieval"]?.first).value - cut.decoder.retrievalTopOne) < 1e-9)
            let ratio = try #require(cut.judgement).divergence.ratioToNull
            #expect(abs(try #require(maps.curves["decoderDivergenceRatio"]?.first).value - (1 - ratio)) < 1e-9)
        }
        #expect(open.cuts[0].findings[DecoderCurves.self] != nil)
        configuration.gates = .standard
        let shallow = try #require(try Assessor(configuration).run().cuts[0].findings[ReconstructionCurves.self])
        #expect(shallow.decided.contains("similarityGain") && shallow.curves["similarityGain"] == nil)
        #expect(shallow.decided.contains("retrieval"))
    }

    @Test("Curves of an earlier attack still count after a later attack")
    func joined() throws {
        let steep = DecoderCurves(
            appearance: [curve([0.01, 0.03, 0.06])], curves: ["similarityGain": [curve([0.01, 0.02, 0.04])]])
        let flat = DecoderCurves(
            appearance: [curve([0.06, 0.06])],
            curves: ["similarityGain": [curve([0, 0])], "retrieval": [curve([0, 0])]])
        let attacker = Attacker(pictures: 1000, counted: 200)
        for joined in [steep.joined(with: flat), flat.joined(with: steep)] {
            let (found, alone) = (joined.estimates(for: attacker), steep.estimates(for: attacker))
            for metric in [Metric.extrapolatedRSquared, .similarityGain] {
                #expect(try #require(found[metric]).upper == #require(alone[metric]).upper, "\(metric.name)")
            }
            #expect(found[.retrieval] != nil)
        }
    }

    @Test("A subset of the pictures is spread over their names, which may begin with the class")
    func spread() {
        let split = PictureSplit(count: 100, seed: 1)
        for parts in [2, 4] {
            let part = split.fraction(oneOf: parts)
            #expect(part.testing == split.testing)
            #expect(abs(part.fitting.count - split.fitting.count / parts) <= 1)
            #expect(part.fitting.contains { $0 < 25 } && part.fitting.contains { $0 >= 75 })
            #expect(part.fitting.allSatisfy(split.fitting.contains))
        }
    }
}
