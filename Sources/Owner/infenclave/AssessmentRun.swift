// SPDX-License-Identifier: Apache-2.0
import AssessmentReport
import Foundation
import LeakageAssessment
import Tensors

/// Runs an assessment for a command: progress, interruption, report, summary.
enum AssessmentRun {
    /// - Parameter body: The assessment, which runs on its own thread.
    static func report(
        backbone: BackboneComparison?, out: String, json: Bool,
        _ body: @escaping @Sendable (CancellationFlag, ProgressLine) throws -> AssessmentResult
    ) async throws {
        var result = try await interruptibly(body)
        if let backbone { result.add(backbone) }
        try AssessmentReport.write(result, to: out)
        try summarise(result, out, json: json)
    }

    /// Shows the progress of `body`, and cancels it on SIGINT or SIGTERM.
    ///
    /// - Parameter remedy: What the user can do after that.
    static func interruptibly<Result: Sendable>(
        resuming remedy: String = "run the same command again to resume",
        _ body: @escaping @Sendable (CancellationFlag, ProgressLine) throws -> Result
    ) async throws -> Result {
        let meter = ProgressLine()
        let ticker = Task {
            while !Task.isCancelled {
                meter.tick()
                try await Task.sleep(for: .seconds(1))
            }
        }
        defer {
            ticker.cancel()
            meter.finish()
        }
        do {
            return try await Interruption.cancelling { cancellation in
                try await onOwnThread { try body(cancellation, meter) }
            }
        } catch let error as AssessmentError where error.code == .cancelled {
            throw CommandFailure("assessment", error.message, remedy: remedy)
        }
    }

    private static func summarise(_ result: AssessmentResult, _ out: String, json: Bool) throws {
        let recommendation = result.recommendation
        if json {
            struct Summary: Encodable {
                let out, front, mapping, rule, reason: String
                let remedy: String?
                let sigma: Double?
                let warnings: [String]
            }
            return try printJSON(
                Summary(
                    out: out, front: recommendation.front, mapping: recommendation.mapping, rule: recommendation.rule,
                    reason: recommendation.reason, remedy: EvidenceRemedy(result)?.sentence,
                    sigma: recommendation.sigma?.value, warnings: result.warnings))
        }
        let table = AssessmentTable(result, columns: terminalColumns())
        printLines(table.text)
        for line in table.legend { print(line) }
        for attack in result.attacks {
            let check = attack.verdict(result.gates, attackerPictures: result.attackerPictures)
            let (outcome, limit) = (check.outcome, check.limit)
            print(
                "attack \(attack.name) at \(attack.result.cut): \(attack.result.asset.rawValue) "
                    + String(format: "%.2f ± %.2f, gate %.2f: ", attack.result.value, attack.result.error, limit)
                    + outcome.rawValue)
        }
        if let backbone = result.backbone { print(backbone.summary) }
        print(
            recommendation.everythingInside
                ? "recommended: everything inside the enclave"
                : "recommended: FrontNet up to \(recommendation.front), mapping unit after \(recommendation.mapping)"
                    + (recommendation.sigma.map { String(format: ", noise of deviation %.3g", $0.value) } ?? ""))
        print("  \(recommendation.reason)")
        if let remedy = EvidenceRemedy(result) { print("  \(remedy.sentence)") }
        for (title, option) in [("next safer", recommendation.nextSafer), ("next faster", recommendation.nextFaster)] {
            if let option { print("  \(title): \(option.summary)") }
        }
        if recommendation.everythingInside {
            print("  weights: \(WeightRecovery.nothingCrosses)")
        } else if let weights = result.recommendedWeights {
            print("  weights: \(weights.sentence)")
        }
        if let weights = result.nextFasterWeights { print("  weights, next faster plan: \(weights.sentence)") }
        for warning in result.warnings { print("warning: \(warning)") }
        print("wrote \(out)/report.html, assessment.json and plan.json")
    }
}

extension PlanOption {
    /// One line for a terminal.
    fileprivate var summary: String {
        let cuts = everythingInside ? "everything inside" : "FrontNet up to \(front), mapping unit after \(mapping)"
        let place = cuts + (sigma.map { String(format: ", noise %.3g", $0.value) } ?? "")
        let time = latencyMilliseconds.map { String(format: ", %.1f ms", $0) } ?? ""
        return place + ", \(leakageSummary)" + time + ", "
            + formatted(bytes: enclaveBytes) + " of enclave memory"
    }
}
