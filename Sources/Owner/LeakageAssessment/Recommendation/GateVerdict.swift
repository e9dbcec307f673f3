// SPDX-License-Identifier: Apache-2.0
package import ModelGraph

/// The verdict of the gates on one cut.
package struct GateVerdict: Sendable, Hashable {
    package enum Outcome: String, Sendable, Hashable, Codable, CaseIterable {
        case passes
        case fails
        /// Neither was shown: there were too few images, no attack learned anything, an attack did not run, or a deeper
        /// cut was not assessed. It counts as not passing.
        case notEnoughEvidence = "not enough evidence"
    }

    /// The outcome of one gate: the bound that must satisfy it, over this cut and all deeper assessed ones.
    package struct Check: Sendable, Hashable {
        package let metric: Metric
        /// The upper bound; for a minimum, the lower bound.
        package let value: Double
        package let limit: Double
        package let outcome: Outcome
        /// The expected value.
        package let estimate: Double
        /// The opposite bound, which shows a failure where it is beyond the limit.
        package let shown: Double

        package var passes: Bool { outcome == .passes }
        package var lower: Double { metric.leaks == .high ? shown : value }
        package var upper: Double { metric.leaks == .high ? value : shown }

        /// The number that the outcome follows from: what is expected of the attacker where that exceeds the gate,
        /// otherwise the bound.
        package var decisive: Double { metric.judgement == .interval && outcome == .fails ? estimate : value }
        /// How far ``decisive`` is beyond the limit.
        var excess: Double { ratio(decisive) }

        /// A number over the limit; the limit over the number for a minimum. At most ``GateVerdict/worst``.
        fileprivate func ratio(_ number: Double) -> Double {
            let (high, low) = metric.leaks == .low ? (limit, number) : (number, limit)
            return high <= 0 ? 0 : min(GateVerdict.worst, low > 0 ? high / low : GateVerdict.worst)
        }
    }

    /// The checks of all assets, protected or not.
    package let checks: [Check]
    package let adversary: Adversary
    /// The protected assets: only their gates count.
    package let protected: Set<Asset>
    /// Names of the deeper candidate cuts that were not assessed, shallowest first. A leak at one of them is a leak here
    /// as well, so a cut with any does not pass.
    package let unassessed: [String]

    /// The verdict of this cut and the deeper ones that were assessed, as if there were no others.
    package var asAssessed: GateVerdict {
        GateVerdict(checks: checks, adversary: adversary, protected: protected, unassessed: [])
    }

    private var counted: [Check] { checks.filter { protected.contains($0.metric.asset) } }
    private var ofDecoders: [Check] { counted.filter { $0.metric.adversary != .paper } }
    private var ofChannels: [Check] { counted.filter { $0.metric.adversary == .paper } }

    /// Whether all gates of the protected assets pass, and one of the two of the channel KL where it applies, and every
    /// deeper candidate cut was assessed. For the paper's adversary only the channel KL counts, since it has no decoder.
    package var passes: Bool { outcome == .passes }

    package var outcome: Outcome {
        let outcome = outcomeAsAssessed
        return outcome == .passes && !unassessed.isEmpty ? .notEnoughEvidence : outcome
    }

    private var outcomeAsAssessed: Outcome {
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

    /// The outcome of one asset's gates, protected or not; `nil` where there is none, and where the adversary has no
    /// measure of the asset.
    package func outcome(of asset: Asset) -> Outcome? { verdict(of: asset)?.outcome }

    private func verdict(of asset: Asset) -> GateVerdict? {
        let own = checks.filter { $0.metric.asset == asset }
        let isMeasured = Metric.all.contains {
            $0.asset == asset && (adversary != .paper || $0.adversary == .paper)
        }
        return own.isEmpty || !isMeasured
            ? nil : GateVerdict(checks: own, adversary: adversary, protected: [asset], unassessed: unassessed)
    }

    /// The check that the outcome of one asset follows from: the worst one against it, that of the attacker with more
    /// images if it has the same outcome, of the cuts that were assessed. `nil` where ``outcome(of:)`` is, and where the
    /// asset was not measured.
    package func deciding(_ asset: Asset) -> Check? {
        guard let own = verdict(of: asset)?.asAssessed else { return nil }
        let deciding = own.passes ? own.checks.filter(own.counts) : own.worstFirst
        return deciding.first { $0.metric == .ofAttacker(asset) } ?? deciding.first
    }

    /// Whether a check is part of the outcome. Of the two gates of the channel KL, one that fails beside one that passes
    /// is not.
    private func counts(_ check: Check) -> Bool {
        check.metric.adversary == .paper
            ? check.passes || !ofChannels.contains(where: \.passes) : adversary != .paper
    }

    /// The checks that decide against the cut: those that fail, or if it does not fail, those without enough evidence.
    /// None where only ``unassessed`` cuts are lacking.
    package var obstacles: [Check] {
        let wanted: Outcome = outcome == .fails ? .fails : .notEnoughEvidence
        return (ofDecoders + ofChannels).filter { counts($0) && $0.outcome == wanted }
    }

    /// ``obstacles``: the worst one of each asset, then the rest, each by how far it is beyond its limit. Of one asset,
    /// results for an attacker with more images come before those with the images at hand, which say less.
    package var worstFirst: [Check] {
        func isWorse(_ a: Check, _ b: Check) -> Bool {
            a.metric.judgement == b.metric.judgement ? a.excess > b.excess : a.metric.judgement == .interval
        }
        let sorted = obstacles.sorted(by: isWorse)
        let worst = Asset.allCases.compactMap { asset in sorted.first { $0.metric.asset == asset } }
        return worst.sorted { $0.excess > $1.excess } + sorted.filter { !worst.contains($0) }
    }

    /// The largest ratio of value to limit (limit to value for a minimum) among the gates that count; of the two gates
    /// of the channel KL the smaller ratio. At most ``worst``.
    package var ratio: Double {
        let channels = ofChannels.map { $0.ratio($0.value) }.min()
        let decoders = adversary == .paper ? [] : ofDecoders.map { $0.ratio($0.value) }
        return (decoders + (channels.map { [$0] } ?? [])).max() ?? Self.worst
    }

    package static let worst = 1000.0

    /// One verdict per cut.
    ///
    /// - Parameters:
    ///   - cuts: Shallowest first.
    ///   - notAssessed: The candidate cuts that are not among `cuts`: ``ModelGraph/Graph/candidateCuts(before:)``.
    ///   - protected: The assets whose gates count.
    ///   - attacker: The attacker of the learning curves.
    ///   - attacks: External attacks; they cannot improve a verdict.
    ///   - mapping: What the mapping unit's input reveals, whatever the cut; `nil` where it was not measured.
    package static func verdicts(
        for cuts: [CutMeasurement], notAssessed: [Cut], gates: Gates, adversary: Adversary = .both,
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
            let unassessed = notAssessed.filter { $0.nodesInside > cut.cut.nodesInside }.map(\.name)
            verdicts.append(
                GateVerdict(checks: checks, adversary: adversary, protected: protected, unassessed: unassessed))
        }
        return verdicts.reversed()
    }

    package func check(of metric: Metric) -> Check? { checks.first { $0.metric == metric } }
}
