internal import ModelGraph

/// The plan that the measurements support.
package struct Recommendation: Sendable, Hashable {
    /// The last layer of the FrontNet.
    package let front: String
    /// The last layer of the BackNet; equal to ``front`` when everything is inside.
    package let mapping: String
    /// How it was chosen.
    package let rule: String
    /// Why this cut, in one or two sentences.
    package let reason: String
    /// Further reasons: what spoke against cheaper cuts.
    package let details: [String]

    package var everythingInside: Bool { front == mapping }

    /// The cheapest cut whose leakage stays within the gates here and deeper; everything inside when there is none.
    ///
    /// - Parameters:
    ///   - cuts: Shallowest first.
    ///   - verdicts: One per cut.
    ///   - mapping: The cut before the mapping unit, its number of nodes inside.
    package static func choose(
        among cuts: [CutMeasurement], verdicts: [GateVerdict], gates: Gates, mapping: (name: String, nodesInside: Int),
        pictures: Int
    ) -> Recommendation {
        let rule =
            "informed adversary, gates '\(gates.name)': the cheapest cut (multiply-adds inside, then bytes that cross) "
            + "within every gate at this and all deeper cuts"
        let candidates = zip(cuts, verdicts).filter { $0.0.cut.nodesInside < mapping.nodesInside }
        let passing = candidates.filter { $0.1.passes }.map(\.0)
        var details: [String] = []
        if let cheapest = passing.min(by: { CutCost.isCheaper($0.cost, $1.cost) }) {
            if let shallower = candidates.last(where: {
                $0.0.cut.nodesInside < cheapest.cut.nodesInside && !$0.1.passes
            }) {
                details.append("The next shallower cut fails: " + describe(shallower.0, shallower.1))
            }
            details.append(
                "Inside the enclave: \(Format.percent(cheapest.cost.shareInside)) of the arithmetic; "
                    + "\(Format.bytes(cheapest.cost.boundaryBytes)) cross per picture.")
            return Recommendation(
                front: cheapest.name, mapping: mapping.name, rule: rule,
                reason:
                    "No tested attack with \(pictures) pictures exceeded a gate after '\(cheapest.name)' or deeper, "
                    + "and no cheaper cut holds.",
                details: details)
        }
        if let last = candidates.last {
            details.append("The deepest cut fails: " + describe(last.0, last.1))
        }
        if let cheapest = candidates.min(by: { $0.0.carefulDetermination < $1.0.carefulDetermination }),
            cheapest.0.name != candidates.last?.0.name
        {
            details.append("The cut that leaks least fails: " + describe(cheapest.0, cheapest.1))
        }
        return Recommendation(
            front: mapping.name, mapping: mapping.name, rule: rule,
            reason: candidates.isEmpty
                ? "The model has no cut between its input and the mapping unit, so everything runs inside the enclave."
                : "Every cut exceeds a gate: an attacker who knows or imitates the FrontNet recovers more of a picture "
                    + "than the gates allow, so everything runs inside the enclave.",
            details: details)
    }

    private static func describe(_ cut: CutMeasurement, _ verdict: GateVerdict) -> String {
        let failures = verdict.checks.filter { !$0.passes }.map { check in
            switch check.measure {
            case .determination:
                "R² + 1.65 sd reaches \(Format.number(check.value)) (limit \(Format.number(check.limit)))"
            case .similarityGain:
                "SSIM over the mean picture reaches \(Format.number(check.value)) (limit \(Format.number(check.limit)))"
            case .passFraction:
                "\(Format.percent(check.value)) of the pictures pass the KL (needed \(Format.percent(check.limit)))"
            case .areaUnderCurve:
                "KL tells pictures apart with AUC + 1.65 se \(Format.number(check.value)) "
                    + "(limit \(Format.number(check.limit)))"
            }
        }
        return "'\(cut.name)': " + failures.joined(separator: "; ") + "."
    }
}
