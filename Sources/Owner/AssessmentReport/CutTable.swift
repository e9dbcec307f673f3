internal import LeakageAssessment
internal import ModelGraph
internal import Tensors

/// All numbers of all cuts.
struct CutTable {
    let result: AssessmentResult

    var html: String {
        let rows = zip(result.cuts, result.verdicts).map(row)
        let heads = [
            "last layer inside", "crosses", "picture, expected R²", "identity", "class", "R²", "SSIM (mean picture)",
            "found among \(result.testImages)",
            "KL own / null",
            "pass uniform", "AUC", "KL finds", "dec.-KL / null", "inside", "across", "FrontNet / BackNet, ms",
            "enclave", "gates",
        ]
        return "<section id=\"cuts\"><h2>Every cut</h2><div class=\"wide\" tabindex=\"0\" role=\"region\" "
            + "aria-label=\"Every cut\"><table class=\"numbers\"><thead><tr>"
            + heads.map { "<th scope=\"col\">\($0)</th>" }.joined() + "</tr></thead><tbody>"
            + rows.joined(separator: "\n") + "</tbody></table></div></section>"
    }

    private func row(_ cut: CutMeasurement, _ verdict: GateVerdict) -> String {
        let (decoder, cost) = (cut.decoder, cut.cost)
        let crossing = cut.crossing.map { HTML.escape("\($0.type.shape)") }.joined(separator: "<br>")
        let times = cost.frontMilliseconds.flatMap { front in
            cost.backMilliseconds.map { "\(Format.number(front)) / \(Format.number($0))" }
        }
        var cells = [
            "<th scope=\"row\" title=\"\(HTML.escape(cut.name))\">\(HTML.escape(HTML.shortened(cut.name, limit: 30))) <small>\(HTML.escape(cut.operatorName))</small></th>",
            "<td>\(crossing)</td>",
            leak(.extrapolatedRSquared, verdict, Format.number), leak(.identification, verdict, Format.percent),
            leak(.classGain, verdict, Format.percent),
            "<td>\(Format.number(decoder.rSquared)) <small>± \(Format.number(decoder.rSquaredError))</small></td>",
            "<td>\(Format.number(decoder.similarity)) <small>± \(Format.number(decoder.similarityGainError)) "
                + "(\(Format.number(decoder.similarityOfMean)))</small></td>",
            "<td>\(Format.percent(decoder.retrievalTopOne)) <small>≤ \(Format.percent(cut.retrievalUpperConfidenceBound))</small></td>",
        ]
        if let kl = cut.channelKL {
            cells += [
                "<td>\(Format.number(kl.mean)) / \(Format.number(kl.nullMean))</td>",
                "<td>\(Format.percent(kl.passFraction)) "
                    + "<small>≥ \(cut.passFractionLowerConfidenceBound.map(Format.percent) ?? "")</small></td>",
                "<td>\(Format.number(kl.areaUnderCurve)) <small>± \(Format.number(kl.areaUnderCurveError))</small></td>",
                "<td>\(Format.percent(kl.topOne)) <small>of \(kl.candidates)</small></td>",
            ]
        } else {
            cells.append(
                "<td colspan=\"4\" class=\"none\">\(result.adversary == .informed ? "not measured" : "a vector has no image")</td>"
            )
        }
        cells += [
            "<td>\(cut.judgement.map { ratio($0.divergence) } ?? "–")</td>",
            "<td>\(Format.percent(cost.shareInside))</td>", "<td>\(Format.bytes(cost.boundaryBytes))</td>",
            "<td>\(times ?? "–")</td>", "<td>\(Format.bytes(cost.enclaveBytes))</td>",
            "<td class=\"\(verdict.passes ? "good" : "bad")\">\(Self.words[verdict.outcome] ?? "")</td>",
        ]
        let isFront = cut.name == result.recommendation.front
        return "<tr\(isFront ? " class=\"front\"" : "")>\(cells.joined())</tr>"
    }

    private static let words: [GateVerdict.Outcome: String] = [
        .passes: "within", .fails: "leaks", .notEnoughEvidence: "not enough evidence",
    ]

    /// What is expected of the attacker with more pictures, and what is not excluded.
    private func leak(
        _ measure: GateVerdict.Measure, _ verdict: GateVerdict, _ format: (Double) -> String
    ) -> String {
        guard let check = verdict.checks.first(where: { $0.measure == measure }) else { return "<td>–</td>" }
        return "<td>\(format(check.estimate)) <small>≤ \(format(check.value))</small></td>"
    }

    private func ratio(_ divergence: DecoderDivergence) -> String {
        "\(Format.number(divergence.ratioToNull)) <small>± \(Format.number(divergence.ratioError))</small>"
    }
}
