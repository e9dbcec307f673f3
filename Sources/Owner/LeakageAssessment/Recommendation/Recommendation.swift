// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
package import Tensors

/// The plan that the measurements support, and what decided; the report has the words.
package struct Recommendation: Sendable, Hashable {
    /// The last layer of the FrontNet.
    package let front: String
    /// The last layer of the BackNet; equal to ``front`` when everything is inside.
    package let mapping: String
    /// Standard deviation of the noise on the boundary; `nil` for none.
    package let sigma: NoiseDeviation?
    package let terms: Terms
    package let basis: Basis
    /// Further reasons, such as what ruled out cheaper cuts.
    package let notes: [Note]
    /// Every plan that was compared, shallowest cut first, everything inside last; empty where there was none.
    package let options: [PlanOption]
    /// The neighbours on the Pareto front of leakage, time and memory.
    package let nextSafer: PlanOption?
    package let nextFaster: PlanOption?

    package var everythingInside: Bool { front == mapping }

    /// Of the plans within the gates at their cut and every deeper candidate cut, and within the budgets, the one that ``PlanChoice``
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
    ///   - attacks: External attacks, which the verdicts count.
    package static func choose(
        among cuts: [CutMeasurement], verdicts: [GateVerdict], gates: Gates, adversary: Adversary = .both,
        mapping: (name: String, nodesInside: Int), shallowerMapping: (name: String, costs: [CutCost?])? = nil,
        whole: CutCost? = nil, budgets: Budgets = Budgets(), pictures: Int,
        protecting protected: Set<Asset> = Asset.all,
        attackerPictures: Int = 100_000, trainsDecoders: Bool = true, attacks: [OutsideAttack] = []
    ) -> Recommendation {
        let isTimed = ([whole].compactMap(\.self) + cuts.map(\.cost)).allSatisfy { budgets.latency(of: $0) != nil }
        let terms = Terms(
            adversary: adversary, pictures: pictures, attackerPictures: attackerPictures,
            lacksTraining: !trainsDecoders && adversary != .paper, gates: gates.name, protected: protected,
            isTimed: isTimed, budgets: budgets)
        let candidates = zip(cuts, verdicts).filter { $0.0.cut.nodesInside < mapping.nodesInside }
        var options: [PlanOption] = []
        for (index, (cut, verdict)) in zip(cuts, verdicts).enumerated() where cut.cut.nodesInside < mapping.nodesInside
        {
            func option(_ mapping: String, _ cost: CutCost) -> PlanOption {
                PlanOption(
                    front: cut.name, mapping: mapping, leakage: verdict.ratio,
                    decidedLeakage: verdict.decidedRatio, outcome: verdict.outcome, cost: cost, budgets: budgets)
            }
            func noisy(_ mapping: String, _ cost: CutCost) -> PlanOption? {
                cut.noise.map { noise in
                    PlanOption(
                        front: cut.name, mapping: mapping, sigma: noise.sigma, agreement: noise.agreement,
                        leakage: noise.verdict.ratio, decidedLeakage: noise.verdict.decidedRatio,
                        outcome: noise.verdict.outcome, cost: cost, budgets: budgets)
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
                front: mapping.name, mapping: mapping.name, leakage: 0, decidedLeakage: 0, outcome: .passes, cost: $0,
                budgets: budgets)
        }
        let all = options + (inside.map { [$0] } ?? [])
        var notes: [Note] = []
        // An external attack on identity has candidates of its own, whose number is not known.
        let knowsCandidates = !attacks.contains { $0.metric == .identification }
        func obstacles(_ pair: (CutMeasurement, GateVerdict)) -> Obstacles {
            Obstacles(pair.0, pair.1, candidates: knowsCandidates ? pair.0.evidence?.candidates : nil)
        }
        // Near-duplicates undo noise that is derived from the input, so it is measured and not recommended.
        let passing = options.filter { $0.passesGates && $0.sigma == nil }
        func finished(_ option: PlanOption?, _ basis: Basis) -> Recommendation {
            Recommendation(
                front: option?.front ?? mapping.name, mapping: option?.mapping ?? mapping.name,
                sigma: option?.sigma, terms: terms, basis: basis, notes: notes, options: all,
                nextSafer: option?.nextSafer(among: all),
                nextFaster: option?.nextFaster(among: all))
        }
        if let (cut, noise) = candidates.reversed().compactMap({ pair in pair.0.noise.map { (pair.0, $0) } })
            .first(where: { $0.1.holds })
        {
            notes.append(
                .noiseIsUndone(
                    cut: cut.name,
                    NearDuplicates(
                        sigma: noise.sigma, repeated: noise.repeated, withoutNoise: cut.decoder.rSquared)))
        }
        let affordable = passing.filter { budgets.excess(of: $0) == nil }
        if let inside, budgets.excess(of: inside) == nil {
            let worthwhile = affordable.filter { PlanChoice.isWorthwhile($0, over: inside) }
            if worthwhile.isEmpty, let rival = PlanChoice.best(of: affordable) {
                let names = affordable.reduce(into: [String]()) { if !$0.contains($1.front) { $0.append($1.front) } }
                notes.append(.cutsWithinGates(names))
                // In the same rounds as the rival, where it was faster there: what the choice compares.
                let alone = inside.latencyMilliseconds ?? 0
                return finished(
                    inside,
                    .cutsGainTooLittle(rival: rival, insideMilliseconds: min(alone, rival.insideMilliseconds ?? alone)))
            }
            if let chosen = PlanChoice.best(of: worthwhile) { return exposing(chosen) }
        } else if let chosen = PlanChoice.best(of: affordable) {
            if let excess = inside.flatMap(budgets.excess) { notes.append(.insideExceedsBudget(excess)) }
            return exposing(chosen)
        }
        func exposing(_ chosen: PlanOption) -> Recommendation {
            let cut = cuts.first { $0.name == chosen.front }
            let depth = cut?.cut.nodesInside ?? 0
            if let shallower = candidates.last(where: { $0.0.cut.nodesInside < depth && !$0.1.passes }) {
                notes.append(.nextShallowerDoesNotPass(obstacles(shallower)))
            }
            notes.append(.exposes(chosen))
            return finished(chosen, .cutPasses(rSquared: cut?.decoder.rSquared))
        }
        for option in passing {
            if let excess = budgets.excess(of: option) { notes.append(.exceedsBudget(option, excess)) }
        }
        if let inside, let excess = budgets.excess(of: inside) { notes.append(.exceedsBudget(inside, excess)) }
        guard passing.isEmpty else { return finished(inside, .passingCutsExceedBudget) }
        if let open = candidates.first(where: { $0.1.asAssessed.passes }) {
            return finished(inside, .deeperCutsLacking(obstacles(open)))
        }
        func shown(_ cut: CutMeasurement) -> Double { cut.estimate(of: .rSquared)?.upper ?? .infinity }
        guard let least = candidates.min(by: { shown($0.0) < shown($1.0) }) else { return finished(inside, .noCut) }
        if let last = candidates.last, last.0.name != least.0.name {
            notes.append(.deepestDoesNotPass(obstacles(last)))
        }
        return finished(inside, adversary == .paper ? .channelsReveal : .noCutPasses(obstacles(least)))
    }
}
