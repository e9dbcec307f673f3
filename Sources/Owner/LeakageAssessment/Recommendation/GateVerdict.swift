// SPDX-License-Identifier: Apache-2.0
/// The verdict of the gates on one cut.
package struct GateVerdict: Sendable, Hashable {
    package enum Outcome: String, Sendable, Hashable, Codable, CaseIterable {
        case passes
        case fails
        /// Neither was shown: there were too few images, no attack learned anything, or an attack did not run. It counts
        /// as not passing.
        case notEnoughEvidence = "not enough evidence"
    }

    /// The outcome of one gate: the bound that must satisfy it, over this cut and all deeper ones.
    package struct Check: Sendable, Hashable {
        package let metric: Metric
        /// The upper bound; for a minimum, the lower bound.
        package let value: Double
        package let limit: Double
        package let outcome: Outcome
        /// The expected value.
        package let estimate: Double

        package var passes: Bool { outcome == .passes }
    }

    /// For all assets, protected or not.
    package let checks: [Check]
    package let adversary: Adversary
    /// Only the gates of these assets count.
    package let protected: Set<Asset>

    private var counted: [Check] { checks.filter { protected.contains($0.metric.asset) } }
    private var ofDecoders: [Check] { counted.filter { $0.metric.adversary != .paper } }
    private var ofChannels: [Check] { counted.filter { $0.metric.adversary == .paper } }

    /// Whether all gates of the protected assets pass, and one of the two of the channel KL where it applies. For the
    /// paper's adversary only the channel KL counts, since it has no decoder.
    package var passes: Bool { outcome == .passes }

    package var outcome: Outcome {
        let channels: Outcome =
            if ofChannels.contains(where: \.passes) || (ofChannels.isEmpty && adversary != .paper) {
                .passes
            } else if ofChannels.contains(where: { $0.outcome == .notEnoughEvidence }) {
                .notEnoughEvidence
            } else {
                .fails
            }
        guard adversary != .paper else { return channels }
        guard !ofDecoders.isEmpty else { return .notEnoughEvidence }
        if channels == .fails || ofDecoders.contains(where: { $0.outcome == .fails }) { return .fails }
        return channels == .passes && ofDecoders.allSatisfy(\.passes) ? .passes : .notEnoughEvidence
    }

    /// The outcome of one asset's gates, protected or not; `nil` where there is none.
    package func outcome(of asset: Asset) -> Outcome? {
        let own = GateVerdict(
            checks: checks.filter { $0.metric.asset == asset }, adversary: adversary, protected: [asset])
        return own.checks.isEmpty ? nil : own.outcome
    }

    /// The checks that decide against the cut: those that fail, or if none fails, those without enough evidence.
    package var obstacles: [Check] {
        let channelsPass = ofChannels.contains(where: \.passes)
        let relevant = (adversary == .paper ? [] : ofDecoders) + (channelsPass ? [] : ofChannels)
        let failing = relevant.filter { $0.outcome == .fails }
        return failing.isEmpty ? relevant.filter { !$0.passes } : failing
    }

    /// The largest ratio of value to limit (limit to value for a minimum) among the gates that count; of the two gates
    /// of the channel KL the smaller ratio. At most ``worst``.
    package var ratio: Double {
        func ratio(_ check: Check) -> Double {
            let (high, low) = check.metric.leaks == .low ? (check.limit, check.value) : (check.value, check.limit)
            return high <= 0 ? 0 : min(Self.worst, low > 0 ? high / low : Self.worst)
        }
        let channels = ofChannels.map(ratio).min()
        let decoders = adversary == .paper ? [] : ofDecoders.map(ratio)
        return (decoders + (channels.map { [$0] } ?? [])).max() ?? Self.worst
    }

    package static let worst = 1000.0

    /// One verdict per cut.
    ///
    /// - Parameters:
    ///   - cuts: Shallowest first.
    ///   - protected: The assets whose gates count.
    ///   - attacker: The attacker of the learning curves.
    ///   - attacks: External attacks; they cannot improve a verdict.
    ///   - mapping: What the mapping unit's input reveals, whatever the cut; `nil` where it was not measured.
    package static func verdicts(
        for cuts: [CutMeasurement], gates: Gates, adversary: Adversary = .both,
        protecting protected: Set<Asset> = Asset.all, attacker: Attacker = Attacker(pictures: 100_000, counted: 0),
        attacks: [OutsideAttack] = [], mapping: MappingLeakage? = nil
    ) -> [GateVerdict] {
        var deeper: [Metric: LeakEstimate] = mapping?.classGain(for: attacker).map { [.classGain: $0] } ?? [:]
        var verdicts: [GateVerdict] = []
        for cut in cuts.reversed() {
            for metric in Metric.all {
                let outside = attacks.filter { $0.metric == metric && $0.counts(at: cut.cut) }
                    .map { $0.estimate(beside: cut.findings, for: attacker) }
                let own = cut.findings.estimate(of: metric, for: attacker)
                // A leak at a deeper cut is a leak here as well.
                deeper[metric] = ([own, deeper[metric]].compactMap(\.self) + outside).reduce(nil) { worst, estimate in
                    worst.map { metric.worse($0, estimate) } ?? estimate
                }
            }
            let checks = Metric.all.compactMap { metric in
                deeper[metric].flatMap { estimate in gates[metric.gate].map { metric.check(estimate, limit: $0) } }
            }
            verdicts.append(GateVerdict(checks: checks, adversary: adversary, protected: protected))
        }
        return verdicts.reversed()
    }

    package func check(of metric: Metric) -> Check? { checks.first { $0.metric == metric } }
}
