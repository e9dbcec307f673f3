// SPDX-License-Identifier: Apache-2.0
package import LeakageAssessment
internal import ModelGraph
internal import Tensors

/// Costs, as members of `assessment.json` and as the output of `assess --cost-only --json`.
package enum CostJSON {
    static func cost(_ cost: CutCost) -> JSONText {
        .object([
            ("multiplyAddsInside", .integer(cost.multiplyAddsInside)),
            ("parametersInside", .integer(cost.parametersInside)),
            ("boundaryBytes", .integer(cost.boundaryBytes)),
            ("frontMilliseconds", .optional(cost.frontMilliseconds)),
            ("backMilliseconds", .optional(cost.backMilliseconds)),
            ("mappingMilliseconds", .optional(cost.mappingMilliseconds)),
            ("crossingMilliseconds", .optional(cost.crossingMilliseconds)),
            ("enclaveBytes", .integer(cost.enclaveBytes)),
        ])
    }

    static func value(_ value: Value) -> JSONText {
        .object([
            ("tensor", .string(value.name)),
            ("shape", .array(value.type.shape.dimensions.map(JSONText.integer))),
            ("type", .string("\(value.type.element)")), ("bytes", .integer(value.type.byteCount)),
        ])
    }

    /// The text of a whole cost assessment.
    ///
    package static func text(
        of assessment: CostAssessment, model: AssessmentResult.NetworkDescription, budgets: Budgets
    ) -> String {
        JSONText.object([
            ("version", .integer(AssessmentJSON.version)),
            ("model", AssessmentJSON.network(model, milliseconds: nil)),
            ("mapping", .string(assessment.mapping)), ("threads", .integer(assessment.threads)),
            (
                "cuts",
                .array(
                    assessment.rows.map { row in
                        .object([
                            ("name", .string(row.name)), ("crossing", .array(row.crossing.map(value))),
                            ("cost", cost(row.cost)), ("latencyMilliseconds", .optional(budgets.latency(of: row.cost))),
                            (
                                "fitsEnclaveMemory",
                                budgets.enclaveBytes.map { .boolean(row.cost.enclaveBytes <= $0) } ?? .null
                            ),
                        ])
                    })
            ),
            ("everythingInside", cost(assessment.whole)),
            ("everythingInsideMilliseconds", .optional(budgets.latency(of: assessment.whole))),
            (
                "budgets",
                .object([
                    ("enclaveBytes", budgets.enclaveBytes.map(JSONText.integer) ?? .null),
                    ("latencyMilliseconds", .optional(budgets.latencyMilliseconds)),
                    ("enclaveFactor", .number(budgets.enclaveFactor)),
                ])
            ),
        ]).text
    }
}
