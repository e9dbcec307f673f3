// SPDX-License-Identifier: Apache-2.0
internal import LeakageAssessment

/// External attacks, as a member of `assessment.json`.
enum AttackJSON {
    static func attacks(_ result: AssessmentResult) -> JSONText {
        .array(
            result.attacks.map { attack in
                let (found, verdict) = (
                    attack.result, attack.verdict(result.gates, attackerPictures: result.attackerPictures)
                )
                return .object([
                    ("name", .string(attack.name)), ("cut", .string(found.cut)),
                    ("asset", .string(found.asset.rawValue)), ("value", .number(found.value)),
                    ("error", .number(found.error)), ("trainingPictures", .integer(found.trainingPictures)),
                    ("testPictures", .integer(found.testPictures)), ("description", .string(found.summary)),
                    ("limit", .number(verdict.limit)), ("outcome", .string(verdict.outcome.rawValue)),
                ])
            })
    }
}
