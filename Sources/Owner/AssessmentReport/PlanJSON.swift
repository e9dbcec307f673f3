// SPDX-License-Identifier: Apache-2.0
internal import LeakageAssessment
internal import Tensors

/// The plans that were compared, as members of `assessment.json`.
enum PlanJSON {
    static func plans(_ options: [PlanOption], _ budgets: Budgets) -> JSONText {
        let front = PlanOption.pareto(options)
        return .array(
            options.map { option in
                .object([
                    ("front", .string(option.front)), ("mapping", .string(option.mapping)),
                    ("sigma", .optional(option.sigma?.value)), ("agreement", .number(option.agreement)),
                    ("everythingInside", .boolean(option.everythingInside)), ("leakage", .number(option.leakage)),
                    ("decidedLeakage", .optional(option.decidedLeakage)), ("outcome", .string(option.outcome.rawValue)),
                    ("passesGates", .boolean(option.passesGates)),
                    ("withinBudgets", .boolean(budgets.excess(of: option) == nil)),
                    ("pareto", .boolean(front.contains(option))),
                    ("latencyMilliseconds", .optional(option.latencyMilliseconds)),
                    ("enclaveBytes", .integer(option.enclaveBytes)),
                    ("boundaryBytes", .integer(option.cost.boundaryBytes)),
                    ("multiplyAddsInside", .integer(option.cost.multiplyAddsInside)),
                ])
            })
    }

    static func name(_ option: PlanOption) -> JSONText {
        .object([
            ("front", .string(option.front)), ("mapping", .string(option.mapping)),
            ("sigma", .optional(option.sigma?.value)),
        ])
    }
}
