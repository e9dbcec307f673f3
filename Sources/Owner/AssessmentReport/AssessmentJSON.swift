// SPDX-License-Identifier: Apache-2.0
package import LeakageAssessment
internal import ModelGraph
internal import Tensors

/// `assessment.json`.
package enum AssessmentJSON {
    package static let version = 3

    /// The file's text; equal results give equal text.
    package static func text(of result: AssessmentResult) -> String {
        JSONText.object([
            ("version", .integer(version)),
            ("model", network(result.model, milliseconds: result.modelMilliseconds)),
            ("validator", result.validator.map { network($0, milliseconds: nil) } ?? .null),
            ("software", software(.current)),
            ("threads", .integer(result.threads)),
            ("images", .integer(result.images)),
            ("folderImages", .integer(result.folderImages)),
            ("klImages", .integer(result.channelImages)),
            ("trainingImages", .integer(result.trainingImages)),
            ("testImages", .integer(result.testImages)),
            ("seed", .integer(Int(clamping: result.seed))),
            ("baselineMean", .number(result.baselineMean)),
            ("validatorUnsure", .integer(result.validatorUnsure)),
            (
                "skipped",
                .array(result.skipped.map { .object([("name", .string($0.name)), ("reason", .string($0.reason))]) })
            ),
            ("warnings", .array(result.warnings.map(JSONText.string))),
            ("adversary", .string(result.adversary.rawValue)),
            ("protected", .array(Asset.allCases.filter(result.protected.contains).map { .string($0.rawValue) })),
            ("attackerPictures", .integer(result.attackerPictures)),
            ("gates", gates(result.gates)),
            ("budgets", budgets(result.budgets)),
            ("cuts", .array(zip(result.cuts, result.verdicts).map { cut($0, $1, result) })),
            ("publicBackbone", result.backbone.map { BackboneJSON.backbone($0, cuts: result.cuts) } ?? .null),
            ("attacks", AttackJSON.attacks(result)),
            ("mappingUnit", result.mappingLeakage.map(mapping) ?? .null),
            (
                "recommendation",
                .object([
                    ("front", .string(result.recommendation.front)),
                    ("mapping", .string(result.recommendation.mapping)),
                    ("sigma", .optional(result.recommendation.sigma?.value)),
                    ("everythingInside", .boolean(result.recommendation.everythingInside)),
                    ("rule", .string(result.recommendation.rule)),
                    ("reason", .string(result.recommendation.reason)),
                    ("remedy", .optional(EvidenceRemedy(result)?.sentence)),
                    ("details", .array(result.recommendation.details.map(JSONText.string))),
                    ("nextSafer", result.recommendation.nextSafer.map(PlanJSON.name) ?? .null),
                    ("nextFaster", result.recommendation.nextFaster.map(PlanJSON.name) ?? .null),
                    ("weights", result.recommendedWeights.map(weights) ?? .null),
                    ("nextFasterWeights", result.nextFasterWeights.map(weights) ?? .null),
                ])
            ),
            ("plans", PlanJSON.plans(result.recommendation.options, result.budgets)),
            (
                "paperRule",
                .object([
                    ("front", .optional(result.paperRule.front)), ("reason", .string(result.paperRule.reason)),
                ])
            ),
        ]).text
    }

    private static func software(_ versions: SoftwareVersions) -> JSONText {
        .object([
            ("infenclave", .string(SoftwareVersions.program)), ("oneDNN", .string(versions.oneDNN)),
            ("openBLAS", .string(versions.openBLAS)),
        ])
    }

    static func network(
        _ network: AssessmentResult.NetworkDescription, milliseconds: Double?
    ) -> JSONText {
        .object([
            ("name", .string(network.name)), ("sha256", .string(network.sha256)),
            ("graphSHA256", .string(network.graphSHA256)), ("output", .string(network.output)),
            ("scores", .string(network.scores.rawValue)),
            ("preprocessing", .encoded(JSONText.line(network.preprocessing))),
            ("classes", .integer(network.classes)), ("width", .integer(network.width)),
            ("height", .integer(network.height)), ("parameters", .integer(network.parameters)),
            ("multiplyAdds", .integer(network.multiplyAdds)), ("milliseconds", .optional(milliseconds)),
        ])
    }

    private static func gates(_ gates: Gates) -> JSONText {
        .object([("name", .string(gates.name))] + Gate.all.map { ($0.name, .optional(gates[$0])) })
    }

    private static func budgets(_ budgets: Budgets) -> JSONText {
        .object([
            ("enclaveBytes", budgets.enclaveBytes.map(JSONText.integer) ?? .null),
            ("latencyMilliseconds", .optional(budgets.latencyMilliseconds)),
            ("enclaveFactor", .number(budgets.enclaveFactor)),
        ])
    }

    private static func cut(
        _ measurement: CutMeasurement, _ verdict: GateVerdict, _ result: AssessmentResult
    ) -> JSONText {
        let (kl, decoder, cost) = (measurement.channelKL, measurement.decoder, measurement.cost)
        return .object([
            ("name", .string(measurement.name)),
            ("operator", .string(measurement.operatorName)),
            ("nodesInside", .integer(measurement.cut.nodesInside)),
            ("crossing", .array(measurement.crossing.map(CostJSON.value))),
            ("klApplicable", .boolean(kl != nil)),
            ("klMean", .optional(kl?.mean)),
            ("klMedian", .optional(kl?.median)),
            ("klPassFraction", .optional(kl?.passFraction)),
            ("klPassFractionLower", .optional(measurement.estimate(of: .passFraction)?.lower)),
            ("klNullMean", .optional(kl?.nullMean)),
            ("klRatioToNull", .optional(kl?.ratioToNull)),
            ("klAUC", .optional(kl?.areaUnderCurve)),
            ("klAUCError", .optional(kl?.areaUnderCurveError)),
            ("klAUCPooled", .optional(kl?.pooledAreaUnderCurve)),
            ("klTop1", .optional(kl?.topOne)),
            ("klCandidates", kl.map { .integer($0.candidates) } ?? .null),
            ("r2", .number(decoder.rSquared)),
            ("r2Deviation", .number(decoder.rSquaredError)),
            ("psnr", .number(decoder.peakSignalToNoise)),
            ("ssim", .number(decoder.similarity)),
            ("ssimOfMean", .number(decoder.similarityOfMean)),
            ("ssimGainError", .number(decoder.similarityGainError)),
            ("msssim", .number(decoder.multiScaleSimilarity)),
            ("msssimOfMean", .number(decoder.multiScaleSimilarityOfMean)),
            ("retrievalTop1", .number(decoder.retrievalTopOne)),
            ("retrievalTop1Upper", .number(measurement.decoder.retrieval.upper)),
            ("retrievalTop5", .number(decoder.retrievalTopFive)),
            ("decoderKL", .optional(measurement.judgement?.divergence.mean)),
            ("decoderKLNull", .optional(measurement.judgement?.divergence.nullMean)),
            ("decoderKLRatio", .optional(measurement.judgement?.divergence.ratioToNull)),
            ("decoderKLRatioError", .optional(measurement.judgement?.divergence.ratioError)),
            ("decoderKLAUC", .optional(measurement.judgement?.divergence.areaUnderCurve)),
            ("featureDistance", .optional(measurement.judgement?.featureDistance)),
            ("featureDistanceOfMean", .optional(measurement.judgement?.featureDistanceOfMean)),
            ("distanceCorrelation", .optional(measurement.joint?.distanceCorrelation)),
            ("class1Shot", .optional(measurement.joint?.oneShot)),
            ("class5Shot", .optional(measurement.joint?.fiveShot)),
            ("classChance", .optional(measurement.joint?.chance)),
            (
                "reconstruction",
                .object([
                    ("decoder", .string(decoder.kind.rawValue)), ("width", .integer(decoder.width)),
                    ("height", .integer(decoder.height)), ("penalty", .number(decoder.penalty)),
                    ("candidates", .integer(decoder.candidates)),
                    ("tried", .array(decoder.trials.map(trial))),
                ])
            ),
            (
                "gates",
                .object([
                    ("passes", .boolean(verdict.passes)), ("outcome", .string(verdict.outcome.rawValue)),
                    ("notAssessed", .array(verdict.unassessed.map(JSONText.string))),
                    ("checks", .array(verdict.checks.map(check))),
                ])
            ),
            ("assets", AssetJSON.assets(measurement, verdict, result)),
            ("estimates", AssetJSON.estimates(measurement, result)),
            ("estimatesNotShown", AssetJSON.estimatesNotShown(measurement, result)),
            ("bounds", measurement.bounds.map(BoundsJSON.bounds) ?? .null),
            ("whiteBox", measurement.whiteBox.map(WhiteBoxJSON.scores) ?? .null),
            ("cost", CostJSON.cost(cost)),
            ("weights", measurement.weights.map(weights) ?? .null),
            ("noise", measurement.noise.map(noise) ?? .null),
        ])
    }

    private static func weights(_ recovery: WeightRecovery) -> JSONText {
        .object([
            ("unknowns", .integer(recovery.unknowns)), ("floatsPerRequest", .integer(recovery.floatsPerRequest)),
            ("leastRequests", .integer(recovery.leastRequests)),
            ("impulseRequests", recovery.impulseRequests.map(JSONText.integer) ?? .null),
        ])
    }

    private static func noise(_ noise: NoiseMeasurement) -> JSONText {
        .object([
            ("sigma", .number(noise.sigma.value)), ("agreement", .number(noise.agreement)),
            ("r2", .number(noise.decoder.rSquared)),
            ("r2Deviation", .number(noise.decoder.rSquaredError)),
            ("ssim", .number(noise.decoder.similarity)), ("retrievalTop1", .number(noise.decoder.retrievalTopOne)),
            (
                "nearDuplicates",
                .array(
                    noise.repeated.map {
                        .object([
                            ("copies", .integer($0.count)), ("r2", .number($0.rSquared)),
                            ("retrievalTop1", .number($0.retrievalTopOne)),
                        ])
                    })
            ),
            ("passes", .boolean(noise.verdict.passes)), ("holds", .boolean(noise.holds)),
            ("checks", .array(noise.verdict.checks.map(check))),
        ])
    }

    private static func trial(_ trial: DecoderScores.Trial) -> JSONText {
        .object([
            ("decoder", .string(trial.kind.rawValue)), ("validationR2", .number(trial.validation)),
            ("r2", .number(trial.rSquared)),
        ])
    }

    private static func mapping(_ leakage: MappingLeakage) -> JSONText {
        .object([
            ("classes", .integer(leakage.classes)), ("clusterNMI", .optional(leakage.clusterInformation)),
            ("probeAccuracy", .optional(leakage.probeAccuracy)), ("majorityShare", .optional(leakage.majorityShare)),
            ("equalityAUC", .optional(leakage.equalityAreaUnderCurve)), ("class1Shot", .optional(leakage.oneShot)),
            ("classChance", .optional(leakage.chance)), ("readout", .optional(leakage.readout)),
        ])
    }

    private static func check(_ check: GateVerdict.Check) -> JSONText {
        .object([
            ("measure", .string(check.metric.name)), ("value", .number(check.value)),
            ("asset", .string(check.metric.asset.rawValue)), ("estimate", .number(check.estimate)),
            ("limit", .number(check.limit)), ("passes", .boolean(check.passes)),
            ("outcome", .string(check.outcome.rawValue)),
        ])
    }
}
