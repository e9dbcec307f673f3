import Foundation
import LeakageAssessment

/// The result of an assessment as a table for a terminal.
struct AssessmentTable {
    let text: String

    init(_ result: AssessmentResult) {
        var rows = [["cut", "crosses", "KL own/null", "passing", "AUC", "R²", "SSIM", "top-1", "gates"]]
        for (cut, verdict) in zip(result.cuts, result.verdicts) {
            let kl = cut.channelKL
            rows.append([
                cut.name, formatted(bytes: cut.cost.boundaryBytes),
                kl.map { String(format: "%.2f/%.2f", $0.mean, $0.nullMean) } ?? "-",
                kl.map { String(format: "%.2f", $0.passFraction) } ?? "-",
                kl.map { String(format: "%.2f", $0.areaUnderCurve) } ?? "-",
                String(format: "%.2f", cut.decoder.determination), String(format: "%.2f", cut.decoder.similarity),
                String(format: "%.2f", cut.decoder.retrievalTopOne), verdict.passes ? "pass" : "fail",
            ])
        }
        text = TextTable(rows: rows, rightAligned: [1, 2, 3, 4, 5, 6, 7]).description
    }
}
