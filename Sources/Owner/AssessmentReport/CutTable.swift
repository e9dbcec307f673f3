internal import LeakageAssessment
internal import ModelGraph
internal import Tensors

/// All numbers of all cuts.
struct CutTable {
    let result: AssessmentResult

    var html: String {
        let rows = zip(result.cuts, result.verdicts).map(row)
        return "<section><h2>Every cut</h2><div class=\"wide\"><table class=\"numbers\"><thead><tr>"
            + "<th>last layer inside</th><th>crosses</th><th>R²</th><th>SSIM (mean picture)</th><th>found among "
            + "\(result.testImages)</th><th>KL own / null</th><th>pass uniform</th><th>AUC</th><th>inside</th>"
            + "<th>across</th><th>FrontNet / BackNet</th><th>gates</th></tr></thead><tbody>"
            + rows.joined(separator: "\n") + "</tbody></table></div></section>"
    }

    private func row(_ cut: CutMeasurement, _ verdict: GateVerdict) -> String {
        let (decoder, cost) = (cut.decoder, cut.cost)
        let crossing = cut.crossing.map { HTML.escape("\($0.type.shape)") }.joined(separator: "<br>")
        let times = cost.frontMilliseconds.flatMap { front in
            cost.backMilliseconds.map { "\(Format.number(front)) / \(Format.number($0)) ms" }
        }
        var cells = [
            "<th>\(HTML.escape(cut.name)) <small>\(HTML.escape(cut.operatorName))</small></th>",
            "<td>\(crossing)</td>",
            "<td>\(Format.number(decoder.determination)) <small>± \(Format.number(decoder.determinationDeviation))</small></td>",
            "<td>\(Format.number(decoder.similarity)) <small>(\(Format.number(decoder.similarityOfMean)))</small></td>",
            "<td>\(Format.percent(decoder.retrievalTopOne))</td>",
        ]
        if let kl = cut.channelKL {
            cells += [
                "<td>\(Format.number(kl.mean)) / \(Format.number(kl.nullMean))</td>",
                "<td>\(Format.percent(kl.passFraction))</td>", "<td>\(Format.number(kl.areaUnderCurve))</td>",
            ]
        } else {
            cells.append(
                "<td colspan=\"3\" class=\"none\">\(result.adversary == .informed ? "not measured" : "a vector has no image")</td>"
            )
        }
        cells += [
            "<td>\(Format.percent(cost.shareInside))</td>", "<td>\(Format.bytes(cost.boundaryBytes))</td>",
            "<td>\(times ?? "–")</td>",
            "<td class=\"\(verdict.passes ? "good" : "bad")\">\(verdict.passes ? "within" : "leaks")</td>",
        ]
        let isFront = cut.name == result.recommendation.front
        return "<tr\(isFront ? " class=\"front\"" : "")>\(cells.joined())</tr>"
    }
}
