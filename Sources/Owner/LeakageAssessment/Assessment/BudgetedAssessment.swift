// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

/// An assessment within a time budget, by bisection. Decoders and learning curves attack a few cuts, then cuts between
/// the deepest that fails and the shallowest that passes. The expensive measures (channel KL, trained decoders, bounds,
/// white box) come last, as far as the time allows.
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
        func step(
            _ chosen: Set<Int>, costlyAttacks: Bool, deadline: ContinuousClock.Instant?
        ) throws(AssessmentError) -> AssessmentResult? {
            var step = configuration
            step.cuts = .named(chosen.sorted().map { cuts[$0].name })
            if !costlyAttacks {
                // The channel KL can only turn a pass into a fail.
                if step.adversary == .both { step.adversary = .informed }
                step.trainedCuts = .none
                step.triesNoise = false
                (step.bounds.pictures, step.whiteBox.pictures) = (0, 0)
            }
            do throws(AssessmentError) {
                return try Assessor(step).run(
                    work: work, cancellation: CancellationFlag(under: cancellation, deadline: deadline),
                    progress: progress)
            } catch {
                guard error.code == .cancelled, !cancellation.isCancelled else { throw error }
                return nil
            }
        }

        var chosen = Self.first(of: cuts, before: mapping)
        guard var result = try step(chosen, costlyAttacks: false, deadline: nil) else {
            throw AssessmentError(.cancelled, "the assessment was stopped; no report was written")
        }
        var spent = clock.now - start
        while let next = open(chosen, result), clock.now + spent / chosen.count < endOfChoice {
            let (begun, more) = (clock.now, chosen.union([next]))
            guard let refined = try step(more, costlyAttacks: false, deadline: endOfChoice) else { break }
            (result, chosen) = (refined, more)
            spent = max(spent, (clock.now - begun) * chosen.count)
        }
        var isComplete = false
        if clock.now < end, let whole = try step(chosen, costlyAttacks: true, deadline: end) {
            (result, isComplete) = (whole, true)
        }
        result.warnings += warnings(chosen, result, isComplete: isComplete)
        return result
    }

    /// Indices in ``cuts``: the deepest cut before the mapping unit, the shallowest, and the one midway.
    private static func first(of cuts: [Cut], before mapping: Int) -> Set<Int> {
        let last = cuts.lastIndex { $0.nodesInside < mapping } ?? cuts.count - 1
        return [0, last / 2, last]
    }

    /// The next cut to attack, midway between the deepest cut that does not pass and the shallowest that does. `nil`
    /// where there is no cut between, or none passes: then no shallower cut can.
    private func open(_ chosen: Set<Int>, _ result: AssessmentResult) -> Int? {
        let passes = Dictionary(
            zip(result.cuts.map(\.name), result.verdicts.map(\.passes)), uniquingKeysWith: { first, _ in first })
        let ordered = chosen.sorted().filter { cuts[$0].nodesInside < mapping }
        guard let shallowest = ordered.first(where: { passes[cuts[$0].name] == true }) else { return nil }
        let failing = ordered.last { $0 < shallowest } ?? -1
        return shallowest - failing > 1 ? (shallowest + failing) / 2 : nil
    }

    private func warnings(_ chosen: Set<Int>, _ result: AssessmentResult, isComplete: Bool) -> [String] {
        var texts: [String] = []
        if chosen.count < cuts.count {
            let why =
                open(chosen, result) == nil
                ? "the others cannot change the recommendation" : "the time did not suffice for more"
            texts.append(
                "\(chosen.count) of \(cuts.count) cuts were attacked within the budget of \(Self.text(budget)): \(why)."
            )
        }
        if !isComplete {
            texts.append(
                "The budget of \(Self.text(budget)) ended before channel KL, trained decoders, bounds and white-box attack: "
                    + "a cut within the gates has not stood them.")
        }
        return texts
    }

    private static func text(_ duration: Duration) -> String {
        let seconds = Int(duration.components.seconds)
        return seconds % 60 == 0 ? "\(seconds / 60) min" : "\(seconds) s"
    }
}
