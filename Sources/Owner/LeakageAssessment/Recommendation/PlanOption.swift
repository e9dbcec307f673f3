package import Tensors

/// One way to place a model: what it leaks against what it costs.
package struct PlanOption: Sendable, Hashable {
    /// The last layers of FrontNet and BackNet; equal when everything is inside.
    package let front: String
    package let mapping: String
    /// Of the noise on what crosses; `nil` for none.
    package let sigma: NoiseDeviation?
    /// The share of the pictures whose best class the noise does not change.
    package let agreement: Double
    /// The largest of measured value over limit among the gates: at most 1 within them, 0 when nothing leaves.
    package let leakage: Double
    package let passesGates: Bool
    /// With the enclave's factor; `nil` where the parts were not timed.
    package let latencyMilliseconds: Double?
    package let enclaveBytes: Int
    package let cost: CutCost

    package init(
        front: String, mapping: String, sigma: NoiseDeviation? = nil, agreement: Double = 1, leakage: Double,
        passesGates: Bool, cost: CutCost, budgets: Budgets
    ) {
        self.front = front
        self.mapping = mapping
        self.sigma = sigma
        self.agreement = agreement
        self.leakage = leakage
        self.passesGates = passesGates
        self.cost = cost
        latencyMilliseconds = budgets.latency(of: cost)
        enclaveBytes = cost.enclaveBytes
    }

    package var everythingInside: Bool { front == mapping }

    package func isChosen(by plan: Recommendation) -> Bool {
        front == plan.front && mapping == plan.mapping && sigma == plan.sigma
    }

    /// What a picture costs in time, or in arithmetic where times were not measured.
    private var duration: Double { latencyMilliseconds ?? Double(cost.multiplyAddsInside) }

    /// At least as good in leakage, time, memory and agreement, and better in one.
    private func dominates(_ other: PlanOption) -> Bool {
        let (a, b) = (
            [leakage, duration, Double(enclaveBytes), -agreement],
            [other.leakage, other.duration, Double(other.enclaveBytes), -other.agreement]
        )
        return zip(a, b).allSatisfy { $0 <= $1 } && a != b
    }

    /// Those that no other beats in leakage, time, memory and agreement at once, in their order.
    package static func pareto(_ options: [PlanOption]) -> [PlanOption] {
        options.filter { option in !options.contains { $0.dominates(option) } }
    }

    /// Of the plans on the front that leak less than this one, the fastest.
    package func nextSafer(among options: [PlanOption]) -> PlanOption? {
        Self.pareto(options).filter { $0.leakage < leakage }.min { $0.duration < $1.duration }
    }

    /// Of the plans on the front that are faster than this one, the one that leaks least.
    package func nextFaster(among options: [PlanOption]) -> PlanOption? {
        Self.pareto(options).filter { $0.duration < duration }.min { $0.leakage < $1.leakage }
    }
}
