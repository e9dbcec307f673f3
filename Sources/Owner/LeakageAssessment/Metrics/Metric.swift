// SPDX-License-Identifier: Apache-2.0
/// A quantity that a gate limits: its name, asset, adversary and rule of judgement. Verdicts, tables, sentences and
/// `assessment.json` are generated from the list ``all``.
package struct Metric: Sendable {
    package enum Direction: Sendable, Hashable {
        /// Large values leak; the gate is a maximum.
        case high
        /// Small values leak; the gate is a minimum.
        case low
    }

    package enum Judgement: Sendable, Hashable {
        /// With the images at hand: passes or fails by the confidence bound, unless an attack did not run.
        case bound
        /// For an attacker with more images: fails if the gate is shown or expected to be exceeded, passes if it is
        /// shown not to be; otherwise there is not enough evidence. Where no attack measured it, nothing is known.
        case interval
    }

    /// A column of the tables.
    package struct Column: Sendable, Hashable {
        package let heading: String
        /// The order in which the terminal's table drops columns that do not fit, lowest first, from 0.
        package let rank: Int

        package init(_ heading: String, rank: Int) {
            self.heading = heading
            self.rank = rank
        }
    }

    /// The name in `assessment.json`.
    package let name: String
    package let asset: Asset
    /// The adversary who can measure it: ``Adversary/paper`` or ``Adversary/informed``.
    package let adversary: Adversary
    package let leaks: Direction
    package let judgement: Judgement
    package let gate: Gate
    /// The attacks that measure it and may not run (``UntriedAttacks``): without one of them there is no evidence.
    package let attacks: Set<UntriedAttacks.Kind>
    /// How reconstructions are measured, for learning curves; `nil` where it is not of reconstructions, and for R², which
    /// has curves of its own.
    package let measure: ReconstructionMeasure?
    package let column: Column?
    /// A sentence for people about the outcome of a check, without a full stop.
    package let sentence: @Sendable (GateVerdict.Check) -> String

    init(
        _ name: String, of asset: Asset, by adversary: Adversary = .informed, leaks: Direction = .high,
        judgement: Judgement = .bound, gate: Gate, attacks: Set<UntriedAttacks.Kind>,
        measure: ReconstructionMeasure? = nil, column: Column? = nil,
        sentence: @escaping @Sendable (GateVerdict.Check) -> String
    ) {
        self.name = name
        self.asset = asset
        self.adversary = adversary
        self.leaks = leaks
        self.judgement = judgement
        self.gate = gate
        self.attacks = attacks
        self.measure = measure
        self.column = column
        self.sentence = sentence
    }

    /// A quantity from 0 to 1 about which nothing is known.
    package var unknown: LeakEstimate {
        LeakEstimate(lower: 0, value: leaks == .high ? 0 : 1, upper: 1, standing: .failed)
    }

    /// The estimate of an attack that did not run: it adds nothing to what others found, and excludes nothing. A gain
    /// below 0 counts as 0.
    package var untried: LeakEstimate { unknown.asFloor }

    /// A bound that such a value cannot be excluded; it says nothing else.
    func notExcluded(_ value: Double) -> LeakEstimate {
        leaks == .high
            ? LeakEstimate(lower: -.infinity, value: -.infinity, upper: value)
            : LeakEstimate(lower: value, value: .infinity, upper: .infinity)
    }

    /// The worse of two estimates in each member: of two attacks, or of a cut and a deeper one. What is not a number
    /// stays so.
    package func worse(_ a: LeakEstimate, _ b: LeakEstimate) -> LeakEstimate {
        func choose(_ a: Double, _ b: Double) -> Double {
            a.isNaN || (leaks == .high ? a > b : a < b) ? a : b
        }
        return LeakEstimate(
            lower: choose(a.lower, b.lower), value: choose(a.value, b.value), upper: choose(a.upper, b.upper),
            standing: a.standing == .evidence ? b.standing : a.standing)
    }

    /// - Parameter estimate: The worst of a cut and all deeper ones. What is not a number never passes.
    package func check(_ estimate: LeakEstimate, limit: Double) -> GateVerdict.Check {
        // The bound that must be within the gate to pass, and the bound beyond it that shows a failure.
        let (bound, shown) = leaks == .high ? (estimate.upper, estimate.lower) : (estimate.lower, estimate.upper)
        func isWithin(_ value: Double) -> Bool { leaks == .high ? value <= limit : value >= limit }
        func exceeds(_ value: Double) -> Bool { leaks == .high ? value > limit : value < limit }
        // An estimate with the images at hand decides unless an attack that did not run is part of it.
        let isDecided = judgement == .bound && estimate.standing == .evidence
        let outcome: GateVerdict.Outcome =
            isWithin(bound) && !estimate.value.isNaN
            ? .passes
            : isDecided || exceeds(shown) || exceeds(estimate.value) ? .fails : .notEnoughEvidence
        return GateVerdict.Check(
            metric: self, value: bound, limit: limit, outcome: outcome, estimate: estimate.value, shown: shown)
    }
}

extension Metric: Hashable {
    package static func == (a: Metric, b: Metric) -> Bool { a.name == b.name }
    package func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
