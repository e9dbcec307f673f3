// SPDX-License-Identifier: Apache-2.0
import AssessmentReport
import Foundation
import LeakageAssessment

/// The costs of cuts, as a table for a terminal.
struct CostTable {
    let text: String

    init(_ assessment: CostAssessment, budgets: Budgets) {
        func time(_ milliseconds: Double?) -> String { milliseconds.map { String(format: "%.1f", $0) } ?? "-" }
        func row(_ name: String, _ cost: CutCost) -> [String] {
            [
                name, time(cost.frontMilliseconds), time(cost.backMilliseconds), time(cost.mappingMilliseconds),
                formatted(bytes: cost.boundaryBytes), formatted(bytes: cost.enclaveBytes),
            ] + (budgets.enclaveBytes.map { [cost.enclaveBytes <= $0 ? "yes" : "no"] } ?? [])
        }
        let heading =
            ["cut", "FrontNet ms", "BackNet ms", "mapping ms", "crosses", "enclave"]
            + (budgets.enclaveBytes == nil ? [] : ["fits"])
        let rows = assessment.rows.map { row($0.name, $0.cost) } + [row("everything inside", assessment.whole)]
        text = TextTable(rows: [heading] + rows, rightAligned: [1, 2, 3, 4, 5]).description
    }
}
