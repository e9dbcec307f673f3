import Foundation
import LeakageAssessment

/// The result of an assessment as a table for a terminal.
struct AssessmentTable {
    let text: String

    init(_ result: AssessmentResult) {
        var rows = [
            ["cut", "crosses", "KL own/null", "passing", "AUC", "decoder", "R²", "SSIM", "top-1", "dKL/null", "gates"]
        ]
        for (cut, verdict) in zip(result.cuts, result.verdicts) {
            let kl = cut.channelKL
            rows.append([
                cut.name, formatted(bytes: cut.cost.boundaryBytes),
                kl.map { String(format: "%.2f/%.2f", $0.mean, $0.nullMean) } ?? "-",
                kl.map { String(format: "%.2f", $0.passFraction) } ?? "-",
                kl.map { String(format: "%.2f", $0.areaUnderCurve) } ?? "-",
                cut.decoder.kind.rawValue, String(format: "%.2f", cut.decoder.determination),
                String(format: "%.2f", cut.decoder.similarity),
                String(format: "%.2f", cut.decoder.retrievalTopOne),
                cut.judgement.map { String(format: "%.2f", $0.divergence.ratioToNull) } ?? "-",
                verdict.passes ? "pass" : "fail",
            ])
        }
        text = TextTable(rows: rows, rightAligned: [1, 2, 3, 4, 6, 7, 8, 9]).description
    }
}
