/// One way to place a model: what it leaks against what it costs.
package struct PlanOption: Sendable, Hashable {
    /// The last layers of FrontNet and BackNet; equal when everything is inside.
    package let front: String
    package let mapping: String
    /// The largest of measured value over limit among the gates: at most 1 within them, 0 when nothing leaves.
    package let leakage: Double
    package let passesGates: Bool
    /// With the enclave's factor; `nil` where the parts were not timed.
    package let latencyMilliseconds: Double?
    package let enclaveBytes: Int
    package let cost: CutCost

    package init(
        front: String, mapping: String, leakage: Double, passesGates: Bool, cost: CutCost, budgets: Budgets
    ) {
        self.front = front
        self.mapping = mapping
        self.leakage = leakage
        self.passesGates = passesGates
        self.cost = cost
        latencyMilliseconds = budgets.latency(of: cost)
        enclaveBytes = cost.enclaveBytes
    }

    package var everythingInside: Bool { front == mapping }

    /// What a picture costs in time, or in arithmetic where times were not measured.
    private var duration: Double { latencyMilliseconds ?? Double(cost.multiplyAddsInside) }

    /// At least as good in leakage, time and memory, and better in one.
    private func dominates(_ other: PlanOption) -> Bool {
        let (a, b) = (
            [leakage, duration, Double(enclaveBytes)], [other.leakage, other.duration, Double(other.enclaveBytes)]
        )
        return zip(a, b).allSatisfy { $0 <= $1 } && a != b
    }

    /// Those that no other beats in leakage, time and memory at once, in their order.
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
