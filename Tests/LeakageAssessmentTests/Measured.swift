// SPDX-License-Identifier: Apache-2.0
import Imaging
import LeakageAssessment
import ModelGraph

/// Synthetic measurements, for tests of the conclusions drawn from them.
enum Measured {
    /// Cuts of ``TinyNetwork`` with these R² and KL; other numbers follow.
    static func cuts(
        _ numbers: [(name: String, r2: Double, kl: (own: Double, null: Double)?)],
        tried: [DecoderScores.Kind] = [.local], whiteBox: WhiteBoxScores? = nil
    ) throws -> [CutMeasurement] {
        try cuts(numbers, of: try TinyNetwork.graph(), milliseconds: 3.5, tried: tried, whiteBox: whiteBox)
    }

    /// - Parameters:
    ///   - milliseconds: Of the model; the FrontNet's share is that of its nodes, so that deeper cuts are slower.
    ///   - tried: The decoders at every cut.
    ///   - bounds, whiteBox: Of every cut.
    static func cuts(
        _ numbers: [(name: String, r2: Double, kl: (own: Double, null: Double)?)], of graph: Graph,
        milliseconds: Double, tried: [DecoderScores.Kind] = [.local], bounds: LeakageBounds? = nil,
        whiteBox: WhiteBoxScores? = nil
    ) throws -> [CutMeasurement] {
        try numbers.map { name, r2, kl in
            let cut = try graph.cut(named: name)
            return CutMeasurement(
                cut: cut, operatorName: "Conv",
                crossing: cut.crossing.map { Value(name: $0, type: graph.type(of: $0)) },
                decoder: try scores(r2, tried),
                findings: findings(
                    channelKL: try kl.map { try channelKL(own: $0.own, null: $0.null) }, evidence: evidence(r2),
                    bounds: bounds, whiteBox: whiteBox),
                cost: CutCost(
                    multiplyAddsInside: cut.nodesInside * 1000, multiplyAdds: max(10_000, 1000 * graph.nodes.count),
                    parametersInside: 10,
                    boundaryBytes: 400,
                    frontMilliseconds: milliseconds * Double(cut.nodesInside) / Double(graph.nodes.count),
                    backMilliseconds: milliseconds * 0.6,
                    mappingMilliseconds: 0.01, crossingMilliseconds: 0.3, enclaveBytes: cut.nodesInside * 7_000_000),
                weights: WeightRecovery(of: graph, inside: cut))
        }
    }

    /// - Parameter reconstructions: By default the available pictures decide.
    static func findings(
        channelKL: ChannelKL? = nil, judgement: ReconstructionJudge.Judgement? = nil, evidence: AssetEvidence? = nil,
        bounds: LeakageBounds? = nil, whiteBox: WhiteBoxScores? = nil,
        reconstructions: ReconstructionCurves? = ReconstructionCurves(
            curves: [:], decided: [.similarityGain, .decoderDivergenceRatio, .retrieval], rSquared: nil)
    ) -> CutFindings {
        var findings = CutFindings()
        findings[ChannelKL.self] = channelKL
        findings[ReconstructionJudge.Judgement.self] = judgement
        findings[AssetEvidence.self] = evidence
        findings[LeakageBounds.self] = bounds
        findings[WhiteBoxScores.self] = whiteBox
        findings[ReconstructionCurves.self] = reconstructions
        return findings
    }

    /// Curves that more pictures do not raise: of R² as it is, of pictures that are identified in four of a hundred cases,
    /// which is more than guessing among 40, and of classes that are named in two of a hundred.
    static func evidence(_ r2: Double) -> AssetEvidence {
        func flat(_ value: Double) -> LearningCurve {
            LearningCurve(
                points: [.init(pictures: 50, value: value), .init(pictures: 100, value: value)], error: value / 10,
                gainError: 0)
        }
        return AssetEvidence(
            appearance: [flat(r2)], identity: [flat(0.04)], candidates: 40, classes: flat(0.02), tint: nil, layout: nil)
    }

    /// Of 60 pictures whose own and other minima are nearly these.
    private static func channelKL(own: Double, null: Double) throws -> ChannelKL {
        let divergences: [[Double]] = (0..<60).map { picture in
            (0..<60).map { distance in
                let base = distance == 0 ? own : null
                return base + 0.001 * Double((picture + distance) % 7)
            }
        }
        return try ChannelKL(
            divergences: divergences, baseline: .init(repeating: 2, count: 60),
            closestChannel: .init(repeating: 1, count: 60))
    }

    /// Scores with nearly this R², from pictures made for it.
    private static func scores(_ r2: Double, _ tried: [DecoderScores.Kind]) throws -> DecoderScores {
        var generator = SeededGenerator(seed: 3)
        let pictures = (0..<200).map { _ in
            Picture(height: 12, width: 12, channels: 1, values: (0..<144).map { _ in Float(generator.uniform()) })
        }
        let mean = Picture(height: 12, width: 12, channels: 1, values: .init(repeating: 0.5, count: 144))
        // The error of a mixture of picture and mean is the square of the mean's share.
        let share = Float((1 - r2).squareRoot())
        let decoded = pictures.map { picture in
            Picture(height: 12, width: 12, channels: 1, values: picture.values.map { $0 + share * (0.5 - $0) })
        }
        return try DecoderScores(
            kind: .local, penalty: 1e-3, reconstructions: decoded, pictures: pictures, meanPicture: mean,
            trials: tried.map { .init(kind: $0, validation: r2, rSquared: r2) }, seed: 1)
    }

    /// - Parameter notAssessed: Candidate cuts of ``TinyNetwork`` that are not among `cuts` and count as such.
    static func result(
        _ cuts: [CutMeasurement], notAssessed: [Cut] = [], name: String = "tiny", warnings: [String] = [],
        gallery: [GalleryRow]? = nil,
        mapping: (name: String, nodesInside: Int) = ("logits", 8), whole: CutCost? = nil,
        gates: Gates = .standard, adversary: Adversary = .both, protecting: Set<Asset> = Asset.all,
        milliseconds: Double? = 3, hasValidator: Bool = true
    ) throws -> AssessmentResult {
        let verdicts = GateVerdict.verdicts(
            for: cuts, notAssessed: notAssessed, gates: gates, adversary: adversary, protecting: protecting)
        let image = try Image(width: 2, height: 2, channels: 3, pixels: (0..<12).map { UInt8($0 * 20) })
        let description = AssessmentResult.NetworkDescription(
            name: name, sha256: String(repeating: "0a", count: 32), graphSHA256: String(repeating: "0b", count: 32),
            output: "prob", scores: .probabilities, preprocessing: try TinyNetwork.preprocessing(), classes: 4,
            parameters: 10,
            multiplyAdds: 10_000)
        return AssessmentResult(
            model: description, validator: hasValidator ? description : nil,
            sample: .init(
                images: 60, folderImages: 61, skipped: [], channelImages: 60, trainingImages: 45, testImages: 15,
                baselineMean: 2, validatorUnsure: 3),
            question: .init(gates: gates, adversary: adversary, protected: protecting, seed: 1, threads: 2),
            cuts: cuts, verdicts: verdicts,
            recommendation: Recommendation.choose(
                among: cuts, verdicts: verdicts, gates: gates, adversary: adversary, mapping: mapping, whole: whole,
                pictures: 60, protecting: protecting),
            paperRule: PaperRule.choose(among: cuts), mapping: mapping.name,
            gallery: gallery ?? [
                GalleryRow(
                    name: name, original: image,
                    entries: cuts.map { cut in
                        .init(channelImage: cut.channelKL.map { (image, 1, $0.mean) }, reconstruction: image)
                    })
            ],
            warnings: warnings, modelMilliseconds: milliseconds)
    }
}

extension GateVerdict {
    /// As if these were all candidate cuts.
    static func verdicts(
        for cuts: [CutMeasurement], gates: Gates, adversary: Adversary = .both,
        protecting protected: Set<Asset> = Asset.all, attacker: Attacker = Attacker(pictures: 100_000, counted: 0),
        attacks: [OutsideAttack] = [], mapping: MappingLeakage? = nil
    ) -> [GateVerdict] {
        verdicts(
            for: cuts, notAssessed: [], gates: gates, adversary: adversary, protecting: protected, attacker: attacker,
            attacks: attacks, mapping: mapping)
    }
}
