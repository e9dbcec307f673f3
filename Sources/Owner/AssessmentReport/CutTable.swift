// SPDX-License-Identifier: Apache-2.0
internal import LeakageAssessment
internal import ModelGraph
internal import Tensors

/// The table of all measurements of all cuts.
struct CutTable {
    let result: AssessmentResult

    var html: String {
        let rows = zip(result.cuts, result.verdicts).map(row)
        let heads =
            ["last layer inside", "crosses"]
            + columns.compactMap { $0.column.map { $0.heading + ", expected here or deeper" } } + [
                "R²", "SSIM (mean picture)",
                "top-1 of \(result.testImages)",
                // A soft hyphen, so that the table fits paper.
                "KL matched / mis&shy;matched",
                "pass uniform", "AUC", "KL top-1", "dec.-KL ratio", "inside", "across", "FrontNet / BackNet, ms",
                "enclave", "gates",
            ]
        return "<section id=\"cuts\"><h2>Every cut</h2><div class=\"wide\" tabindex=\"0\" role=\"region\" "
            + "aria-label=\"Every cut\"><table class=\"numbers\"><thead><tr>"
            + heads.map { "<th scope=\"col\">\($0)</th>" }.joined() + "</tr></thead><tbody>"
            + rows.joined(separator: "\n") + "</tbody></table></div>\(legend)</section>"
    }

    /// The legend of the table; it explains the mark of a channel KL that was measured on fewer pictures.
    private var legend: String {
        let few = result.cuts.compactMap(\.channelKL).filter(result.isOfFewPictures).map(\.own.count)
        guard let count = few.max() else { return "" }
        return "<p>~: the channel KL of \(count) pictures, since another gate fails at that cut; of "
            + "\(result.channelImages) elsewhere.</p>"
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
        ]
        cells += columns.map { leak($0, verdict) }
        cells += [
            "<td>\(Format.number(decoder.rSquared)) <small>± \(Format.number(decoder.rSquaredError))</small></td>",
            "<td>\(Format.number(decoder.similarity)) <small>± \(Format.number(decoder.similarityGainError)) "
                + "(\(Format.number(decoder.similarityOfMean)))</small></td>",
            "<td>\(Format.percent(decoder.retrievalTopOne)) "
                + "<small>≤ \(Format.percent(cut.decoder.retrieval.upper))</small></td>",
        ]
        if let kl = cut.channelKL {
            let mark = result.isOfFewPictures(kl) ? "~" : ""
            cells += [
                "<td>\(mark)\(Format.number(kl.mean)) / \(Format.number(kl.nullMean))</td>",
                "<td>\(mark)\(Format.percent(kl.passFraction)) "
                    + "<small>≥ \(cut.estimate(of: .passFraction).map { Format.percent($0.lower) } ?? "")</small></td>",
                "<td>\(mark)\(Format.number(kl.areaUnderCurve)) <small>± \(Format.number(kl.areaUnderCurveError))</small></td>",
                "<td>\(Format.percent(kl.topOne)) <small>of \(kl.candidates)</small></td>",
            ]
        } else {
            cells.append(
                "<td colspan=\"4\" class=\"none\">\(result.adversary == .informed || cut.lacksChannelKL ? "not measured" : "a vector has no image")</td>"
            )
        }
        cells += [
            "<td>\(cut.judgement.map { ratio($0.divergence) } ?? "–")</td>",
            "<td>\(Format.percent(cost.shareInside))</td>", "<td>\(Format.bytes(cost.boundaryBytes))</td>",
            "<td>\(times ?? "–")</td>", "<td>\(Format.bytes(cost.enclaveBytes))</td>",
            "<td class=\"\(verdict.passes ? "good" : "bad")\">\(verdict.outcome.rawValue)</td>",
        ]
        let isFront = cut.name == result.recommendation.front
        return "<tr\(isFront ? " class=\"front\"" : "")>\(cells.joined())</tr>"
    }

    /// The value expected of the attacker with more images, and the upper end.
    private func leak(_ metric: Metric, _ verdict: GateVerdict) -> String {
        guard let check = verdict.check(of: metric) else { return "<td>–</td>" }
        return "<td>\(Format.number(check.estimate)) <small>≤ \(Format.number(check.value))</small></td>"
    }

    private var columns: [Metric] { Metric.all.filter { $0.column != nil } }

    private func ratio(_ divergence: DecoderDivergence) -> String {
        "\(Format.number(divergence.ratioToNull)) <small>± \(Format.number(divergence.ratioError))</small>"
    }
}
