// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
package import Tensors

/// The plan that the measurements support.
package struct Recommendation: Sendable, Hashable {
    /// The last layer of the FrontNet.
    package let front: String
    /// The last layer of the BackNet; equal to ``front`` when everything is inside.
    package let mapping: String
    /// Standard deviation of the noise on the boundary; `nil` for none.
    package let sigma: NoiseDeviation?
    /// The rule of the choice, in words.
    package let rule: String
    /// The reason for this plan, in one or two sentences.
    package let reason: String
    /// Further reasons, such as what ruled out cheaper cuts.
    package let details: [String]
    /// Every plan that was compared, shallowest cut first, everything inside last; empty where there was none.
    package let options: [PlanOption]
    /// The neighbours on the Pareto front of leakage, time and memory.
    package let nextSafer: PlanOption?
    package let nextFaster: PlanOption?

    package var everythingInside: Bool { front == mapping }

    /// Of the plans within the gates at their cut and deeper, and within the budgets, the one that ``PlanChoice``
    /// prefers. Everything inside is one of them if its latency was measured too, and the result if there is no other.
    ///
    /// - Parameters:
    ///   - cuts: Shallowest first.
    ///   - verdicts: One per cut.
    ///   - mapping: The name of the cut before the mapping unit, and its number of nodes inside.
    ///   - shallowerMapping: The costs with one more layer in the mapping unit: the name of that mapping cut and one
    ///     cost per cut, `nil` where the cut is not before it.
    ///   - whole: The cost of everything inside.
    ///   - trainsDecoders: Whether trained decoders belong to the assessment; the rule says so where they do not.
    package static func choose(
        among cuts: [CutMeasurement], verdicts: [GateVerdict], gates: Gates, adversary: Adversary = .both,
        mapping: (name: String, nodesInside: Int), shallowerMapping: (name: String, costs: [CutCost?])? = nil,
        whole: CutCost? = nil, budgets: Budgets = Budgets(), pictures: Int,
        protecting protected: Set<Asset> = Asset.all,
        attackerPictures: Int = 100_000, trainsDecoders: Bool = true
    ) -> Recommendation {
        let isTimed = ([whole].compactMap(\.self) + cuts.map(\.cost)).allSatisfy { budgets.latency(of: $0) != nil }
        let attackers =
            switch adversary {
            case .paper: "paper's adversary"
            case .informed: "informed adversary"
            case .both: "both adversaries"
            }
        let lacksTraining = !trainsDecoders && adversary != .paper
        let rule =
            "\(attackers) with \(attackerPictures) pictures\(lacksTraining ? " and no trained decoder" : ""), gates '\(gates.name)' of "
            + "\(Asset.sentence(protected)): "
            + (isTimed
                ? "the fastest plan (times of this machine, the enclave's times \(Format.number(budgets.enclaveFactor)); "
                    + "within \(Format.percent(PlanChoice.latencyTolerance)) the one that leaks less)"
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
        // Near-duplicates undo noise that is derived from the input, so it is measured and not recommended.
        let passing = options.filter { $0.passesGates && $0.sigma == nil }
        func finished(_ option: PlanOption?, _ reason: String) -> Recommendation {
            Recommendation(
                front: option?.front ?? mapping.name, mapping: option?.mapping ?? mapping.name,
                sigma: option?.sigma, rule: rule, reason: reason, details: details, options: all,
                nextSafer: option?.nextSafer(among: all),
                nextFaster: option?.nextFaster(among: all))
        }
        if options.contains(where: { $0.sigma != nil && $0.passesGates }) {
            details.append(NoiseMeasurement.whyNotRecommended)
        }
        let affordable = passing.filter { budgets.excess(of: $0) == nil }
        if let inside, budgets.excess(of: inside) == nil {
            let worthwhile = affordable.filter { PlanChoice.isWorthwhile($0, over: inside) }
            if worthwhile.isEmpty, let rival = PlanChoice.best(of: affordable) {
                let names = affordable.reduce(into: [String]()) { if !$0.contains($1.front) { $0.append($1.front) } }
                details.append("Cuts within the gates: " + names.map { "'\($0)'" }.joined(separator: ", ") + ".")
                // In the same rounds as the rival, where it was faster there: what the choice compares.
                let alone = inside.latencyMilliseconds ?? 0
                let whole = min(alone, rival.insideMilliseconds ?? alone)
                let time = isTimed ? "\(Format.number(whole)) ms" : "all of the arithmetic"
                let other =
                    isTimed
                    ? "\(Format.number(rival.latencyMilliseconds ?? 0)) ms"
                    : "\(Format.percent(rival.cost.shareInside)) of it inside"
                return finished(
                    inside,
                    "Everything inside takes \(time) per picture, and no cut within the gates gains enough to let "
                        + "anything leave ('\(rival.front)': \(other); a cut has to save "
                        + "\(Format.percent(PlanChoice.latencyTolerance)), more than timings vary, and move "
                        + "\(Format.percent(PlanChoice.leastShareOutside)) of the arithmetic out).")
            }
            if let chosen = PlanChoice.best(of: worthwhile) { return exposing(chosen) }
        } else if let chosen = PlanChoice.best(of: affordable) {
            return exposing(chosen)
        }
        func exposing(_ chosen: PlanOption) -> Recommendation {
            let depth = cuts.first { $0.name == chosen.front }?.cut.nodesInside ?? 0
            if let shallower = candidates.last(where: { $0.0.cut.nodesInside < depth && !$0.1.passes }) {
                details.append("The next shallower cut does not pass: " + describe(shallower.0, shallower.1))
            }
            details.append(
                "Inside the enclave: \(Format.percent(chosen.cost.shareInside)) of the arithmetic; "
                    + "\(Format.bytes(chosen.cost.boundaryBytes)) cross per picture.")
            let rest = ", and no \(isTimed ? "faster plan" : "cheaper cut") holds."
            if adversary == .paper, let cut = cuts.first(where: { $0.name == chosen.front }) {
                return finished(
                    chosen,
                    "At '\(chosen.front)' and deeper no IR image resembles its picture more than the gates allow\(rest) "
                        + "Decoders, which use all channels together, do not count for the paper's adversary; the best "
                        + "one reaches R² \(Format.number(cut.decoder.rSquared)) there.")
            }
            return finished(
                chosen,
                "No tested attack with \(pictures) pictures\(lacksTraining ? " (no decoder was trained)" : ""), nor what "
                    + "its learning curve says of one with \(attackerPictures), exceeded a gate of "
                    + "\(Asset.sentence(protected)) after '\(chosen.front)' or deeper\(rest)")
        }
        for option in passing {
            if let excess = budgets.excess(of: option) {
                details.append("'\(option.front)' is within the gates but \(excess).")
            }
        }
        if let excess = inside.flatMap(budgets.excess(of:)) {
            details.append("Everything inside \(excess): no plan keeps both the gates and the budget.")
        }
        guard passing.isEmpty else {
            return finished(
                inside, "No cut within the gates is within the budget, so everything runs inside the enclave.")
        }
        func shown(_ cut: CutMeasurement) -> Double { cut.estimate(of: .rSquared)?.upper ?? .infinity }
        guard let least = candidates.min(by: { shown($0.0) < shown($1.0) }) else {
            return finished(
                inside,
                "The model has no cut between its input and the mapping unit, so everything runs inside the enclave.")
        }
        if let last = candidates.last, last.0.name != least.0.name {
            details.append("The deepest cut does not pass: " + describe(last.0, last.1))
        }
        if adversary == .paper {
            return finished(
                inside,
                "At every cut an IR image resembles its picture more than the gates allow, so everything runs inside "
                    + "the enclave.")
        }
        let shown = least.1.outcome == .fails ? "loses" : "is not shown to keep"
        return finished(
            inside,
            "Everything runs inside the enclave: with \(Asset.sentence(protected)) protected, every cut \(shown) one of "
                + "them. At the cut that shows least of the picture, " + describe(least.0, least.1))
    }

    /// The two checks that decide, of different assets if possible.
    private static func describe(_ cut: CutMeasurement, _ verdict: GateVerdict) -> String {
        let obstacles = verdict.obstacles
        // Results for an attacker with more images are more informative than those with the images at hand.
        let telling = obstacles.filter { $0.metric.judgement == .interval }
        let chosen = (telling + obstacles.filter { $0.metric.judgement != .interval }).prefix(2)
        return "'\(cut.name)': " + chosen.map { $0.metric.sentence($0) }.joined(separator: "; ") + "."
    }
}
