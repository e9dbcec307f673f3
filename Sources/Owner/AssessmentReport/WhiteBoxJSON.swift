// SPDX-License-Identifier: Apache-2.0
internal import LeakageAssessment

/// The white-box attack in `assessment.json`.
enum WhiteBoxJSON {
    static func scores(_ scores: WhiteBoxScores) -> JSONText {
        .object([
            ("pictures", .integer(scores.pictures)), ("r2", .number(scores.rSquared)),
            ("r2Error", .number(scores.rSquaredError)), ("ssim", .number(scores.similarity)),
            ("ssimOfMean", .number(scores.similarityOfMean)), ("residual", .number(scores.residual)),
        ])
    }
}
