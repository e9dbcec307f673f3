/// What the gates say of one cut.
package struct GateVerdict: Sendable, Hashable {
    package enum Outcome: String, Sendable, Hashable, Codable, CaseIterable {
        case passes
        case fails
        /// Neither was shown: the pictures were too few, or no attack learned anything. It counts as not passing.
        case notEnoughEvidence = "not enough evidence"
    }

    /// One gate's answer: the bound that has to keep it, over this cut and all deeper ones.
    package struct Check: Sendable, Hashable {
        package let metric: Metric
        /// The upper bound; the lower one where the value must not be less.
        package let value: Double
        package let limit: Double
        package let outcome: Outcome
        /// What is expected.
        package let estimate: Double

        package var passes: Bool { outcome == .passes }
    }

    /// Of all assets, protected or not.
    package let checks: [Check]
    package let adversary: Adversary
    /// Only the gates of these count.
    package let protected: Set<Asset>

    private var counted: [Check] { checks.filter { protected.contains($0.metric.asset) } }
    private var ofDecoders: [Check] { counted.filter { $0.metric.adversary != .paper } }
    private var ofChannels: [Check] { counted.filter { $0.metric.adversary == .paper } }

    /// Whether all gates of the protected assets pass, and one of the two of the channel KL where there is one. The paper's
    /// adversary has no decoder, and looks at nothing but the picture.
    package var passes: Bool { outcome == .passes }

    package var outcome: Outcome {
        let channels = ofChannels.isEmpty || ofChannels.contains(where: \.passes)
        guard adversary != .paper else { return channels && !ofChannels.isEmpty ? .passes : .fails }
        guard !ofDecoders.isEmpty else { return .notEnoughEvidence }
        if !channels || ofDecoders.contains(where: { $0.outcome == .fails }) { return .fails }
        return ofDecoders.allSatisfy(\.passes) ? .passes : .notEnoughEvidence
    }

    /// Of one asset's gates, protected or not; `nil` where there is none.
    package func outcome(of asset: Asset) -> Outcome? {
        let own = GateVerdict(
            checks: checks.filter { $0.metric.asset == asset }, adversary: adversary, protected: [asset])
        return own.checks.isEmpty ? nil : own.outcome
    }

    /// The checks that decide against the cut: those that fail, or where none does those without enough evidence.
    package var obstacles: [Check] {
        let channelsPass = ofChannels.contains(where: \.passes)
        let relevant = (adversary == .paper ? [] : ofDecoders) + (channelsPass ? [] : ofChannels)
        let failing = relevant.filter { $0.outcome == .fails }
        return failing.isEmpty ? relevant.filter { !$0.passes } : failing
    }

    /// How far the gates that count are used up: the largest of value over limit (limit over value where the value must
    /// not be less), of the two gates of the channel KL the smaller. At most ``worst``.
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
    ///   - protected: Whose gates count.
    ///   - attacker: Of the learning curves.
    ///   - attacks: Of outsiders; they make no verdict better.
    ///   - mapping: What crosses to the mapping unit, whatever the cut; `nil` where it was not measured.
    package static func verdicts(
        for cuts: [CutMeasurement], gates: Gates, adversary: Adversary = .both,
        protecting protected: Set<Asset> = Asset.all, attacker: Attacker = Attacker(pictures: 100_000, counted: 0),
        attacks: [OutsideAttack] = [], mapping: MappingLeakage? = nil
    ) -> [GateVerdict] {
        var deeper: [Metric: LeakEstimate] = mapping?.classGain(for: attacker).map { [.classGain: $0] } ?? [:]
        var verdicts: [GateVerdict] = []
        for cut in cuts.reversed() {
            for metric in Metric.all {
                let outside = attacks.filter { $0.metric == metric && $0.counts(at: cut.cut) }.map(\.estimate)
                let own = cut.findings.estimate(of: metric, for: attacker)
                // A leak that is found deeper is here as well.
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
