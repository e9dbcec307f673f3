// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// One plan: its leakage and its cost.
package struct PlanOption: Sendable, Hashable {
    /// The last layers of FrontNet and BackNet; equal when everything is inside.
    package let front: String
    package let mapping: String
    /// Standard deviation of the noise on the boundary; `nil` for none.
    package let sigma: NoiseDeviation?
    /// Top-1 agreement with and without the noise.
    package let agreement: Double
    /// The largest ratio of measured value to limit among the gates: at most 1 within them, 0 if nothing crosses.
    package let leakage: Double
    /// The worst check that is decided, as a multiple of its limit; `nil` where the worst one lacks evidence, whose
    /// bound is no measured leak.
    package let decidedLeakage: Double?
    /// The outcome of the gates.
    package let outcome: GateVerdict.Outcome
    /// The latency, including the enclave factor; `nil` if the parts were not timed.
    package let latencyMilliseconds: Double?
    /// Latency of everything inside, timed in the same rounds as this plan's parts; `nil` where it was not.
    package let insideMilliseconds: Double?
    package let enclaveBytes: Int
    package let cost: CutCost

    package init(
        front: String, mapping: String, sigma: NoiseDeviation? = nil, agreement: Double = 1, leakage: Double,
        decidedLeakage: Double? = nil, outcome: GateVerdict.Outcome, cost: CutCost, budgets: Budgets
    ) {
        self.front = front
        self.mapping = mapping
        self.sigma = sigma
        self.agreement = agreement
        self.leakage = leakage
        self.decidedLeakage = decidedLeakage
        self.outcome = outcome
        self.cost = cost
        latencyMilliseconds = budgets.latency(of: cost)
        insideMilliseconds = cost.wholeMilliseconds.map { budgets.enclaveFactor * $0 }
        enclaveBytes = cost.enclaveBytes
    }

    package var passesGates: Bool { outcome == .passes }
    package var everythingInside: Bool { front == mapping }

    package func isChosen(by plan: Recommendation) -> Bool {
        front == plan.front && mapping == plan.mapping && sigma == plan.sigma
    }

    /// Latency per image, or multiply-adds inside where latencies were not measured.
    private var duration: Double { latencyMilliseconds ?? Double(cost.multiplyAddsInside) }

    /// Whether this plan is at least as good in leakage, time, memory and agreement, and better in one (Pareto
    /// dominance).
    private func dominates(_ other: PlanOption) -> Bool {
        let (a, b) = (
            [leakage, duration, Double(enclaveBytes), -agreement],
            [other.leakage, other.duration, Double(other.enclaveBytes), -other.agreement]
        )
        return zip(a, b).allSatisfy { $0 <= $1 } && a != b
    }

    /// The Pareto front: the options that no other dominates, in their order.
    package static func pareto(_ options: [PlanOption]) -> [PlanOption] {
        options.filter { option in !options.contains { $0.dominates(option) } }
    }

    /// The fastest of the plans on the Pareto front that leak less than this one.
    package func nextSafer(among options: [PlanOption]) -> PlanOption? {
        Self.pareto(options).filter { $0.leakage < leakage }.min { $0.duration < $1.duration }
    }

    /// Of the plans on the Pareto front that are faster than this one, the one that leaks least.
    package func nextFaster(among options: [PlanOption]) -> PlanOption? {
        Self.pareto(options).filter { $0.duration < duration }.min { $0.leakage < $1.leakage }
    }
}

extension PlanOption {
    /// ``outcome`` and ``leakage`` as a phrase of a sentence.
    package var leakageSummary: String {
        guard !everythingInside else { return "nothing crosses" }
        let gates =
            switch outcome {
            case .passes: "passes the gates"
            case .fails: "fails the gates"
            case .notEnoughEvidence: "not enough evidence for a pass"
            }
        guard let decidedLeakage else { return gates }
        let worst =
            decidedLeakage >= GateVerdict.worst
            ? "far beyond its limit" : "at \(Format.number(decidedLeakage)) of its limit"
        return "\(gates), worst check \(worst)"
    }
}

extension GateVerdict {
    /// ``PlanOption/decidedLeakage`` of a plan with this verdict: of a cut that fails, the worst of the checks that it
    /// fails, at the value that decides.
    var decidedRatio: Double? {
        switch outcome {
        case .passes: ratio
        case .fails: failedRatio ?? ratio
        // Where only unassessed cuts are lacking, the checks of the assessed ones pass.
        case .notEnoughEvidence: asAssessed.passes ? ratio : nil
        }
    }

    /// Of the two gates of the channel KL, of which one has to hold, the smaller ratio.
    private var failedRatio: Double? {
        let failed = obstacles
        let channels = failed.filter { $0.metric.adversary == .paper }.map(\.excess).min()
        let decoders = failed.filter { $0.metric.adversary != .paper }.map(\.excess).max()
        return [channels, decoders].compactMap(\.self).max()
    }
}
