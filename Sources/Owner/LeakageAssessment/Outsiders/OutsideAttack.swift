// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph

/// An external attack on a cut of the assessed model. It counts at that cut and at all shallower ones, and cannot
/// improve a verdict.
package struct OutsideAttack: Sendable, Hashable {
    static let maximumNameBytes = 80

    /// The name that the owner gave.
    package let name: String
    package let result: AttackResult
    /// Number of nodes inside at the attacked cut.
    package let nodesInside: Int

    /// - Throws: ``AssessmentError`` `.invalidConfiguration` for a result of another model or an invalid name,
    ///   `.invalidCut` for a cut that the model does not have or at which the input itself crosses.
    package init(
        _ name: String, _ result: AttackResult, on model: AssessmentConfiguration.Network
    ) throws(AssessmentError) {
        guard AttackResult.isLine(name, maximumBytes: Self.maximumNameBytes) else {
            throw AssessmentError(
                .invalidConfiguration,
                "the name of an attack is not one line of 1 to \(Self.maximumNameBytes) bytes without control characters"
            )
        }
        guard result.modelSHA256 == model.sha256 else {
            throw AssessmentError(
                .invalidConfiguration,
                "the attack '\(name)' is on the model with SHA-256 \(result.modelSHA256), this one has \(model.sha256); "
                    + "attack the features that `infenclave features` writes of this model")
        }
        do throws(AssessmentError) {
            nodesInside = try CutChoice.cuts(.named([result.cut]), of: model.graph)[0].nodesInside
        } catch { throw AssessmentError(error.code, "the attack '\(name)': \(error.message)") }
        self.name = name
        self.result = result
    }

    /// The metric that the result belongs to.
    package var metric: Metric { .ofAttacker(result.asset) }

    /// With the images that it learned from. A value that is not significantly above 0 is not expected of an attacker.
    package var estimate: LeakEstimate {
        let margin = Gates.deviations * result.error
        return LeakEstimate(
            lower: isEvidence ? max(0, result.value - margin) : 0, value: isEvidence ? result.value : 0,
            upper: min(1, result.value + margin))
    }

    private var isEvidence: Bool { result.value > LearningCurve.evidenceDeviations * result.error && result.value > 0 }

    /// What it says at a cut of an attacker with more images than it learned from. Where it found significantly more than
    /// the suite expects of as many images, the suite's learning curves do not bound how it grows, and nothing is
    /// excluded. An attack that learns from no images does not grow.
    ///
    /// - Parameter findings: The suite's, at that cut.
    func estimate(beside findings: CutFindings, for attacker: Attacker) -> LeakEstimate {
        let pictures = result.trainingPictures
        guard pictures > 0, pictures < attacker.pictures else { return estimate }
        let expected = findings.estimate(of: metric, for: Attacker(pictures: pictures, counted: attacker.counted))
        guard estimate.lower > expected?.value ?? 0 else { return estimate }
        return LeakEstimate(lower: estimate.lower, value: estimate.value, upper: 1)
    }

    /// The verdict of its asset's gate on this attack alone. An attack that failed, or learned from fewer images than the
    /// attacker has, excludes nothing.
    ///
    /// - Parameters:
    ///   - gates: Gates of an asset always have a limit; 0 stands for none.
    ///   - attackerPictures: ``AssessmentConfiguration/attackerPictures``.
    package func verdict(_ gates: Gates, attackerPictures: Int) -> GateVerdict.Check {
        let excludes = isEvidence && (result.trainingPictures == 0 || result.trainingPictures >= attackerPictures)
        return metric.check(
            LeakEstimate(lower: estimate.lower, value: estimate.value, upper: excludes ? estimate.upper : 1),
            limit: gates[metric.gate] ?? 0)
    }

    /// - Throws: ``AssessmentError`` `.invalidCut` when it counts at none of these cuts and so would have no effect.
    func checkBearing(on cuts: [Cut]) throws(AssessmentError) {
        guard !cuts.contains(where: counts) else { return }
        throw AssessmentError(
            .invalidCut,
            "the attack '\(name)' on cut '\(result.cut)' says nothing of the assessed cuts, which are all deeper: assess "
                + "that cut too, with --cut '\(result.cut)'")
    }

    /// Whether it counts at this cut.
    func counts(at cut: Cut) -> Bool { nodesInside >= cut.nodesInside }
}
