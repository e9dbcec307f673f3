// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

/// An assessment within a time budget, by bisection. Decoders and learning curves attack a few cuts, then cuts between
/// the deepest that fails and the shallowest that passes, then the rest that is deeper, from the deepest on: a cut passes
/// only once every deeper candidate was assessed. The expensive measures (channel KL, trained
/// decoders, bounds, white box) come last, as far as the time allows. A cut that one of them could still fail does not
/// pass without it: ``UntriedAttacks``.
///
/// A leak at a cut is a leak at every shallower cut, so cuts above a failing one need no attack. Every step is an
/// ordinary assessment of the cuts chosen so far; the steps share results through the work folder.
package struct BudgetedAssessment: Sendable {
    private let configuration: AssessmentConfiguration
    private let budget: Duration
    private let cuts: [Cut]
    /// Number of nodes inside at the mapping cut: at deeper cuts nothing is outside.
    private let mapping: Int

    /// Share of the budget for the expensive attacks near the decision, at the end.
    private static let shareOfCostlyAttacks = 0.4

    /// - Throws: ``AssessmentError`` as ``Assessor`` does; `.invalidConfiguration` for a budget that is not above 0.
    package init(_ configuration: AssessmentConfiguration, budget: Duration) throws(AssessmentError) {
        guard budget > .zero else {
            throw AssessmentError(.invalidConfiguration, "the budget is \(budget), expected a time above 0")
        }
        _ = try Assessor(configuration)
        self.configuration = configuration
        self.budget = budget
        cuts = try CutChoice.cuts(configuration.cuts, of: configuration.model.graph)
        mapping = try configuration.model.graph.mappingCut().nodesInside
    }

    /// Blocks for about the duration of the budget; the first step, of three cuts, is finished in any case.
    ///
    /// - Parameter work: A folder; without one, every step would start from nothing.
    /// - Throws: ``AssessmentError``; `.cancelled` once `cancellation` was raised.
    package func run(
        work: WorkDirectory, cancellation: CancellationFlag = CancellationFlag(),
        progress: @escaping @Sendable (AssessmentProgress) -> Void = { _ in }
    ) throws(AssessmentError) -> AssessmentResult {
        let clock = ContinuousClock()
        let start = clock.now
        let end = start + budget
        let endOfChoice = start + budget * (1 - Self.shareOfCostlyAttacks)
        func assessor(_ chosen: Set<Int>, costlyAttacks: Bool) throws(AssessmentError) -> Assessor {
            var step = configuration
            step.cuts = .named(chosen.sorted().map { cuts[$0].name })
            if !costlyAttacks {
                // They can only turn a pass into a fail.
                if step.adversary == .both { step.adversary = .informed }
                (step.trainedCuts, step.precedesCostlyAttacks) = (.none, true)
                step.triesNoise = false
                (step.bounds.pictures, step.whiteBox.pictures) = (0, 0)
            }
            return try Assessor(step)
        }
        func choice(
            _ chosen: Set<Int>, deadline: ContinuousClock.Instant?
        ) throws(AssessmentError) -> AssessmentResult? {
            let flag = CancellationFlag(under: cancellation, deadline: deadline)
            do throws(AssessmentError) {
                return try assessor(chosen, costlyAttacks: false).run(
                    work: work, cancellation: flag, progress: progress)
            } catch {
                guard error.code == .cancelled, !cancellation.isCancelled else { throw error }
                return nil
            }
        }

        var chosen = Self.first(of: cuts, before: mapping)
        guard var found = try choice(chosen, deadline: nil) else {
            throw AssessmentError(.cancelled, "the assessment was stopped; no report was written")
        }
        var spent = clock.now - start
        while let next = open(chosen, found) ?? deeper(chosen, found).last,
            clock.now + spent / chosen.count < endOfChoice
        {
            let (begun, more) = (clock.now, chosen.union([next]))
            guard let refined = try choice(more, deadline: endOfChoice) else { break }
            (found, chosen) = (refined, more)
            spent = max(spent, (clock.now - begun) * chosen.count)
        }
        // Of the same adversary as without a budget; what was measured so far comes from the work folder.
        var result = try assessor(chosen, costlyAttacks: true).run(
            work: work, cancellation: cancellation, progress: progress, costlyDeadline: end)
        result.warnings += warnings(chosen, found, unfinished: result.unfinished)
        return result
    }

    /// Indices in ``cuts``: the deepest cut before the mapping unit, the shallowest, and the one midway.
    private static func first(of cuts: [Cut], before mapping: Int) -> Set<Int> {
        let last = cuts.lastIndex { $0.nodesInside < mapping } ?? cuts.count - 1
        return [0, last / 2, last]
    }

    /// The shallowest of the attacked cuts before the mapping unit that passes as far as it was assessed, as an index in
    /// ``cuts``.
    private func shallowestPass(_ chosen: Set<Int>, _ result: AssessmentResult) -> Int? {
        let passes = Dictionary(
            zip(result.cuts.map(\.name), result.verdicts.map(\.asAssessed.passes)),
            uniquingKeysWith: { first, _ in first })
        return chosen.sorted().first { cuts[$0].nodesInside < mapping && passes[cuts[$0].name] == true }
    }

    /// The next cut to attack, midway between the deepest cut that does not pass and the shallowest that does. `nil`
    /// where there is no cut between, or none passes: then no shallower cut can.
    private func open(_ chosen: Set<Int>, _ result: AssessmentResult) -> Int? {
        guard let shallowest = shallowestPass(chosen, result) else { return nil }
        let failing = chosen.filter { $0 < shallowest }.max() ?? -1
        return shallowest - failing > 1 ? (shallowest + failing) / 2 : nil
    }

    /// The cuts that were not attacked and are deeper than one that passes as far as it was assessed, shallowest first: a
    /// leak there would be a leak at that one.
    private func deeper(_ chosen: Set<Int>, _ result: AssessmentResult) -> [Int] {
        guard let shallowest = shallowestPass(chosen, result) else { return [] }
        return cuts.indices.filter { $0 > shallowest && !chosen.contains($0) }
    }

    /// - Parameter found: The result that the choice of cuts ended with.
    private func warnings(
        _ chosen: Set<Int>, _ found: AssessmentResult, unfinished: [AssessmentProgress.Stage]
    ) -> [String] {
        var texts: [String] = []
        if chosen.count < cuts.count {
            let deeper = deeper(chosen, found)
            let why =
                if open(chosen, found) != nil {
                    "the time did not suffice for more"
                } else if deeper.isEmpty {
                    "the others cannot change the recommendation"
                } else {
                    "the time did not suffice for "
                        + deeper.map { "'\(cuts[$0].name)'" }.joined(separator: ", ")
                        + ", without which no shallower cut passes"
                }
            texts.append(
                "\(chosen.count) of \(cuts.count) cuts were attacked within the budget of \(Self.text(budget)): \(why)."
            )
        }
        if !unfinished.isEmpty {
            texts.append(
                "The budget of \(Self.text(budget)) ended before "
                    + unfinished.map(\.rawValue).joined(separator: ", ")
                    + ". The same command with --work DIR continues.")
        }
        return texts
    }

    private static func text(_ duration: Duration) -> String {
        let seconds = Int(duration.components.seconds)
        return seconds % 60 == 0 ? "\(seconds / 60) min" : "\(seconds) s"
    }
}
