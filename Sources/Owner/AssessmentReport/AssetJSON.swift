internal import LeakageAssessment

/// What an attacker with more pictures finds of each asset at a cut, as members of `assessment.json`.
enum AssetJSON {
    static func assets(_ cut: CutMeasurement, _ verdict: GateVerdict, _ result: AssessmentResult) -> JSONText {
        guard let evidence = cut.evidence else { return .null }
        func asset(_ asset: Asset, _ more: [(String, JSONText)]) -> (String, JSONText) {
            let leak = cut.leak(of: asset, attackerPictures: result.attackerPictures, pictures: result.decodedImages)
            let members: [(String, JSONText)] = [
                ("outcome", .optional(verdict.outcome(of: asset)?.rawValue)), ("lower", .number(leak.lower)),
                ("estimate", .number(leak.estimate)), ("upper", .number(leak.upper)),
            ]
            return (asset.rawValue, .object(members + more))
        }
        return .object([
            asset(
                .appearance,
                [
                    ("curves", .array(evidence.appearance.map(curve))), ("r2Tint", .optional(evidence.tint)),
                    ("r2Layout", .optional(evidence.layout)),
                ]),
            asset(
                .identity,
                [
                    ("curves", .array(evidence.identity.map(curve))),
                    ("candidates", .integer(evidence.candidates)),
                ]),
            asset(.class, [("curves", .array(evidence.classes.map { [curve($0)] } ?? []))]),
        ])
    }

    private static func curve(_ curve: LearningCurve) -> JSONText {
        .object([
            (
                "points",
                .array(
                    curve.points.map { .object([("pictures", .integer($0.pictures)), ("value", .number($0.value))]) })
            ),
            ("error", .number(curve.error)), ("gainError", .number(curve.gainError)),
        ])
    }
}

extension AssessmentResult {
    /// Pictures of the decoders and the learning curves.
    var decodedImages: Int { trainingImages + testImages }
}
