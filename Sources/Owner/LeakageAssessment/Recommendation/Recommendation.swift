internal import ModelGraph
package import Tensors

/// The plan that the measurements support.
package struct Recommendation: Sendable, Hashable {
    /// The last layer of the FrontNet.
    package let front: String
    /// The last layer of the BackNet; equal to ``front`` when everything is inside.
    package let mapping: String
    /// Of the noise on what crosses; `nil` for none.
    package let sigma: NoiseDeviation?
    /// How it was chosen.
    package let rule: String
    /// Why this cut, in one or two sentences.
    package let reason: String
    /// Further reasons: what spoke against cheaper cuts.
    package let details: [String]
    /// Every plan that was compared, shallowest cut first, everything inside last; empty where there was none to compare.
    package let options: [PlanOption]
    /// Of the plans that nothing beats in leakage, time and memory at once: the next one in either direction.
    package let nextSafer: PlanOption?
    package let nextFaster: PlanOption?

    package var everythingInside: Bool { front == mapping }

    /// Of the plans whose leakage stays within the gates at their cut and deeper, and whose cost stays within the budgets,
    /// the one that ``PlanChoice`` prefers. Everything inside is one of them where its time was measured too, and what is
    /// left when there is no other.
    ///
    /// - Parameters:
    ///   - cuts: Shallowest first.
    ///   - verdicts: One per cut.
    ///   - mapping: The cut before the mapping unit, its number of nodes inside.
    ///   - shallowerMapping: What the cuts cost with the last layer before the mapping unit inside too: the name of that
    ///     mapping cut and one cost per cut, `nil` where the cut is not before it.
    ///   - whole: The cost of everything inside.
    package static func choose(
        among cuts: [CutMeasurement], verdicts: [GateVerdict], gates: Gates, adversary: Adversary = .both,
        mapping: (name: String, nodesInside: Int), shallowerMapping: (name: String, costs: [CutCost?])? = nil,
        whole: CutCost? = nil, budgets: Budgets = Budgets(), pictures: Int
    ) -> Recommendation {
        let isTimed = ([whole].compactMap(\.self) + cuts.map(\.cost)).allSatisfy { budgets.latency(of: $0) != nil }
        let rule =
            "\(adversary == .paper ? "paper's" : "informed") adversary, gates '\(gates.name)': "
            + (isTimed
                ? "the fastest plan (times of this machine, the enclave's times \(Format.number(budgets.enclaveFactor)); "
                    + "within \(Format.percent(PlanChoice.latencyTolerance)) the one that leaks less, then the smaller sigma)"
                : "the cheapest cut (multiply-adds inside, then bytes that cross)")
            + " within every gate at this and all deeper cuts"
            + (budgets.enclaveBytes.map { ", at most \(Format.bytes($0)) of enclave memory" } ?? "")
            + (budgets.latencyMilliseconds.map { ", at most \(Format.number($0)) ms per picture" } ?? "")
        let candidates = zip(cuts, verdicts).filter { $0.0.cut.nodesInside < mapping.nodesInside }
        var options: [PlanOption] = []
        for (index, (cut, verdict)) in zip(cuts, verdicts).enumerated() where cut.cut.nodesInside < mapping.nodesInside
        {
            func option(_ mapping: String, _ cost: CutCost) -> PlanOption {
                PlanOption(
                    front: cut.name, mapping: mapping, leakage: verdict.ratio, passesGates: verdict.passes, cost: cost,
                    budgets: budgets)
            }
            func noisy(_ mapping: String, _ cost: CutCost) -> PlanOption? {
                cut.noise.map { noise in
                    PlanOption(
                        front: cut.name, mapping: mapping, sigma: noise.sigma, agreement: noise.agreement,
                        leakage: noise.verdict.ratio, passesGates: noise.verdict.passes, cost: cost, budgets: budgets)
                }
            }
            var places = [(mapping.name, cut.cost)]
            if let shallowerMapping, let cost = shallowerMapping.costs[index] {
                places.append((shallowerMapping.name, cost))
            }
            for (mapping, cost) in places {
                options += [option(mapping, cost), noisy(mapping, cost)].compactMap(\.self)
            }
        }
        let inside = whole.map {
            PlanOption(
                front: mapping.name, mapping: mapping.name, leakage: 0, passesGates: true, cost: $0, budgets: budgets)
        }
        let all = options + (inside.map { [$0] } ?? [])
        var details: [String] = []
        let passing = options.filter(\.passesGates)
        func finished(_ option: PlanOption?, _ reason: String) -> Recommendation {
            Recommendation(
                front: option?.front ?? mapping.name, mapping: option?.mapping ?? mapping.name,
                sigma: option?.sigma, rule: rule, reason: reason, details: details, options: all,
                nextSafer: option?.nextSafer(among: all),
                nextFaster: option?.nextFaster(among: all))
        }
        let affordable = passing.filter { budgets.excess(of: $0) == nil }
        if isTimed, let inside, let rival = PlanChoice.best(of: affordable), budgets.excess(of: inside) == nil,
            PlanChoice.best(of: affordable + [inside]) == inside
        {
            return finished(
                inside,
                "Everything inside takes \(Format.number(inside.latencyMilliseconds ?? 0)) ms per picture, and no plan within "
                    + "the gates is faster by more than \(Format.percent(PlanChoice.latencyTolerance)) "
                    + "('\(rival.front)': \(Format.number(rival.latencyMilliseconds ?? 0)) ms), so nothing has to leave."
            )
        }
        if let cheapest = PlanChoice.best(of: affordable) {
            let depth = cuts.first { $0.name == cheapest.front }?.cut.nodesInside ?? 0
            if let shallower = candidates.last(where: { $0.0.cut.nodesInside < depth && !$0.1.passes }) {
                details.append("The next shallower cut fails: " + describe(shallower.0, shallower.1))
            }
            details.append(
                "Inside the enclave: \(Format.percent(cheapest.cost.shareInside)) of the arithmetic; "
                    + "\(Format.bytes(cheapest.cost.boundaryBytes)) cross per picture.")
            if let sigma = cheapest.sigma {
                details.append(
                    "The noise leaves the best class of \(Format.percent(cheapest.agreement)) of the pictures as it is. "
                        + "It hides pixels, not identity, and certifies nothing.")
                return finished(
                    cheapest,
                    "No tested attack with \(pictures) pictures exceeded a gate after '\(cheapest.front)' under noise of "
                        + "deviation \(Format.significant(sigma.value)), and no \(isTimed ? "faster" : "cheaper") plan "
                        + "holds.")
            }
            return finished(
                cheapest,
                "No tested attack with \(pictures) pictures exceeded a gate after '\(cheapest.front)' or deeper, "
                    + "and no \(isTimed ? "faster plan" : "cheaper cut") holds.")
        }
        for option in passing {
            if let excess = budgets.excess(of: option) {
                details.append("'\(option.front)' is within the gates but \(excess).")
            }
        }
        if let last = candidates.last, !last.1.passes {
            details.append("The deepest cut fails: " + describe(last.0, last.1))
        }
        if let cheapest = candidates.min(by: { $0.0.carefulDetermination < $1.0.carefulDetermination }),
            cheapest.0.name != candidates.last?.0.name, !cheapest.1.passes
        {
            details.append("The cut that leaks least fails: " + describe(cheapest.0, cheapest.1))
        }
        if let excess = inside.flatMap(budgets.excess(of:)) {
            details.append("Everything inside \(excess): no plan keeps both the gates and the budget.")
        }
        let reason =
            candidates.isEmpty
            ? "The model has no cut between its input and the mapping unit, so everything runs inside the enclave."
            : passing.isEmpty
                ? adversary == .paper
                    ? "At every cut an IR image resembles its picture more than the gates allow, so everything runs inside "
                        + "the enclave."
                    : "Every cut exceeds a gate: an attacker who knows or imitates the FrontNet recovers more of a picture "
                        + "than the gates allow, so everything runs inside the enclave."
                : "No cut within the gates is within the budget, so everything runs inside the enclave."
        return finished(inside, reason)
    }

    private static func describe(_ cut: CutMeasurement, _ verdict: GateVerdict) -> String {
        let failures = verdict.checks.filter { !$0.passes }.map { check in
            switch check.measure {
            case .determination:
                "R² + 1.65 sd reaches \(Format.number(check.value)) (limit \(Format.number(check.limit)))"
            case .similarityGain:
                "SSIM over the mean picture + 1.65 se reaches \(Format.number(check.value)) (limit \(Format.number(check.limit)))"
            case .passFraction:
                "at least \(Format.percent(check.value)) of the pictures are shown to pass the KL (needed "
                    + "\(Format.percent(check.limit)))"
            case .areaUnderCurve:
                "KL tells pictures apart with AUC + 1.65 se \(Format.number(check.value)) "
                    + "(limit \(Format.number(check.limit)))"
            case .decoderDivergenceRatio:
                "decoder-KL - 1.65 se is \(Format.number(check.value)) of its null (needed \(Format.number(check.limit)))"
            case .retrieval:
                "up to \(Format.percent(check.value)) of the pictures are identified (limit \(Format.percent(check.limit)))"
            }
        }
        return "'\(cut.name)': " + failures.joined(separator: "; ") + "."
    }
}
