/// A quantity that a gate limits: how it is called, what it is about, and how a verdict follows from it. ``all`` lists
/// them; verdicts, tables, sentences and `assessment.json` go by that list.
package struct Metric: Sendable {
    package enum Direction: Sendable, Hashable {
        /// Large values leak; the gate is a maximum.
        case high
        /// Small values leak; the gate is a minimum.
        case low
    }

    package enum Judgement: Sendable, Hashable {
        /// Of the pictures at hand: the confidence bound against the gate, passes or fails.
        case bound
        /// Of an attacker with more pictures: fails where the gate is shown or expected to be exceeded, passes where it is
        /// shown not to be, and is not enough evidence in between. Where no attack measured it, nothing is known.
        case interval
    }

    /// A column of the tables.
    package struct Column: Sendable, Hashable {
        package let heading: String
        /// How late the terminal's table gives it up for want of room, from 0.
        package let rank: Int

        package init(_ heading: String, rank: Int) {
            self.heading = heading
            self.rank = rank
        }
    }

    /// In `assessment.json`.
    package let name: String
    package let asset: Asset
    /// Who can measure it: ``Adversary/paper`` or ``Adversary/informed``.
    package let adversary: Adversary
    package let leaks: Direction
    package let judgement: Judgement
    package let gate: Gate
    package let column: Column?
    /// What a check of it found, for people, without a full stop.
    package let sentence: @Sendable (GateVerdict.Check) -> String

    init(
        _ name: String, of asset: Asset, by adversary: Adversary = .informed, leaks: Direction = .high,
        judgement: Judgement = .bound, gate: Gate, column: Column? = nil,
        sentence: @escaping @Sendable (GateVerdict.Check) -> String
    ) {
        self.name = name
        self.asset = asset
        self.adversary = adversary
        self.leaks = leaks
        self.judgement = judgement
        self.gate = gate
        self.column = column
        self.sentence = sentence
    }

    /// The worse of two in each respect: of two attacks, or of a cut and a deeper one, whose values follow from it.
    func worse(_ a: LeakEstimate, _ b: LeakEstimate) -> LeakEstimate {
        let choose: (Double, Double) -> Double = leaks == .high ? { max($0, $1) } : { min($0, $1) }
        return LeakEstimate(
            lower: choose(a.lower, b.lower), value: choose(a.value, b.value), upper: choose(a.upper, b.upper),
            standing: a.standing == .evidence ? b.standing : a.standing)
    }

    /// - Parameter estimate: Of a cut and all deeper ones.
    func check(_ estimate: LeakEstimate, limit: Double) -> GateVerdict.Check {
        // The bound that must keep the gate, and the one that shows that it is exceeded.
        let (bound, shown) = leaks == .high ? (estimate.upper, estimate.lower) : (estimate.lower, estimate.upper)
        func exceeds(_ value: Double) -> Bool { leaks == .high ? value > limit : value < limit }
        let outcome: GateVerdict.Outcome =
            !exceeds(bound)
            ? .passes
            : judgement == .bound || exceeds(shown) || exceeds(estimate.value) ? .fails : .notEnoughEvidence
        return GateVerdict.Check(metric: self, value: bound, limit: limit, outcome: outcome, estimate: estimate.value)
    }
}

extension Metric: Hashable {
    package static func == (a: Metric, b: Metric) -> Bool { a.name == b.name }
    package func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
