// SPDX-License-Identifier: Apache-2.0
internal import LeakageAssessment

/// Results per asset for the attacker with more images, as members of `assessment.json`.
enum AssetJSON {
    static func assets(_ cut: CutMeasurement, _ verdict: GateVerdict, _ result: AssessmentResult) -> JSONText {
        guard let evidence = cut.evidence else { return .null }
        func curves(_ asset: Asset) -> JSONText { .array(DecidingCurve.curves(of: asset, cut).map(curve)) }
        func asset(_ asset: Asset, _ more: [(String, JSONText)]) -> (String, JSONText) {
            let metric = Metric.ofAttacker(asset)
            let check = verdict.check(of: metric)
            let own = cut.findings.estimate(of: metric, for: result.attacker) ?? metric.unknown
            let members: [(String, JSONText)] = [
                ("outcome", .optional(verdict.outcome(of: asset)?.rawValue)),
                ("decidedBy", verdict.deciding(asset).map(decision) ?? .null),
                ("lower", .optional(check?.lower)), ("estimate", .optional(check?.estimate)),
                ("upper", .optional(check?.upper)),
                (
                    "thisCut",
                    .object([
                        ("lower", .number(own.lower)), ("estimate", .number(own.value)), ("upper", .number(own.upper)),
                    ])
                ),
            ]
            return (asset.rawValue, .object(members + more))
        }
        let measures = cut.findings[ReconstructionCurves.self]?.curves ?? [:]
        /// The curves of every measure of reconstructions of this asset.
        func reconstruction(_ asset: Asset) -> [(String, JSONText)] {
            Metric.all.filter { $0.asset == asset }.compactMap { metric in
                guard let measure = metric.measure else { return nil }
                let ofDecoders = cut.findings[DecoderCurves.self]?.curves[metric.name] ?? []
                return (
                    measure.curves, .array(([measures[metric.name]].compactMap(\.self) + ofDecoders).map(curve))
                )
            }
        }
        return .object([
            asset(
                .appearance,
                [
                    ("curves", curves(.appearance)),
                    ("r2Tint", .optional(evidence.tint)), ("r2Layout", .optional(evidence.layout)),
                ] + reconstruction(.appearance)),
            asset(
                .identity,
                [
                    ("curves", curves(.identity)),
                    ("candidates", .integer(evidence.candidates)),
                ] + reconstruction(.identity)),
            asset(
                .class,
                [("curves", curves(.class))] + reconstruction(.class)),
        ])
    }

    /// The check that the outcome follows from: over this cut and all deeper ones, the mapping unit, and other attacks.
    private static func decision(_ check: GateVerdict.Check) -> JSONText {
        .object([
            ("measure", .string(check.metric.name)), ("value", .number(check.decisive)),
            ("limit", .number(check.limit)),
        ])
    }

    /// The estimates of every attack, by attack and metric; they show which attack decides.
    static func estimates(_ cut: CutMeasurement, _ result: AssessmentResult) -> JSONText {
        .object(cut.findings.all.map { estimates($0, result) })
    }

    /// The estimates of other runs of these attacks, which are not shown and count as well.
    static func estimatesNotShown(_ cut: CutMeasurement, _ result: AssessmentResult) -> JSONText {
        .object(cut.findings.countedBeside(for: result.attacker).map { estimates($0, result) })
    }

    private static func estimates(_ finding: any Finding, _ result: AssessmentResult) -> (String, JSONText) {
        let estimates = finding.estimates(for: result.attacker)
        let members = Metric.all.compactMap { metric in estimates[metric].map { (metric.name, estimate($0)) } }
        return (type(of: finding).name, .object(members))
    }

    private static func estimate(_ estimate: LeakEstimate) -> JSONText {
        .object([
            ("lower", .number(estimate.lower)), ("value", .number(estimate.value)), ("upper", .number(estimate.upper)),
            ("standing", .string(estimate.standing.rawValue)),
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
            ("isFloor", .boolean(curve.isFloor)),
        ])
    }
}

extension AssessmentResult {
    /// The attacker that the gates are judged for. Shares were counted over the decoders' images.
    var attacker: Attacker {
        Attacker(pictures: question.attackerPictures, counted: sample.trainingImages + sample.testImages)
    }
}
