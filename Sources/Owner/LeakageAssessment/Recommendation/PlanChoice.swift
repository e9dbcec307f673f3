// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// The choice among plans that pass the gates and the budgets.
package enum PlanChoice {
    /// Latencies within this share of the least one count as equal, so that timing noise does not decide what leaks.
    package static let latencyTolerance = 0.05

    /// The least share of the multiply-adds that must move outside to justify any exposure.
    package static let leastShareOutside = 0.01
    /// A gain must exceed this many standard deviations of paired timings.
    package static let gainDeviations = 3.0

    /// Whether a plan gains enough over everything inside to let anything cross: more than ``latencyTolerance`` of the
    /// latency and more than the timing noise, with at least ``leastShareOutside`` of the multiply-adds outside. It has to
    /// be faster than everything inside at its fastest: as timed by itself, or in the same rounds as the plan, since the
    /// load of the machine may change between the two. Where latencies were not measured, only the multiply-adds count.
    package static func isWorthwhile(_ option: PlanOption, over inside: PlanOption) -> Bool {
        guard 1 - option.cost.shareInside >= leastShareOutside else { return false }
        guard let time = option.latencyMilliseconds, let alone = inside.latencyMilliseconds else { return true }
        let whole = min(alone, option.insideMilliseconds ?? alone)
        let gain = whole > 0 ? 1 - time / whole : 0
        return gain > max(latencyTolerance, gainDeviations * (option.cost.timingSpread ?? 0))
    }

    /// Of the plans whose latency is at most ``latencyTolerance``, or the timing noise of either, over the least one, the
    /// one that leaks least; ties are resolved by the least latency, then the least counted arithmetic. Where a latency
    /// was not measured, counted arithmetic comes first: multiply-adds inside, then bytes that cross, then leakage.
    ///
    /// - Returns: `nil` for no options.
    /// - Source: design notes, section 5.
    package static func best(of options: [PlanOption]) -> PlanOption? {
        let latencies = options.compactMap(\.latencyMilliseconds)
        guard let least = latencies.min(), latencies.count == options.count else {
            return first(of: options) { counted($0) + [$0.leakage] }
        }
        func noise(_ option: PlanOption) -> Double { gainDeviations * (option.cost.timingSpread ?? 0) }
        let noiseOfLeast = options.first { $0.latencyMilliseconds == least }.map(noise) ?? 0
        let tied = options.filter {
            let tolerance = max(latencyTolerance, noise($0), noiseOfLeast)
            return ($0.latencyMilliseconds ?? 0) <= least * (1 + tolerance)
        }
        return first(of: tied) { [$0.leakage, $0.latencyMilliseconds ?? 0] + counted($0) }
    }

    private static func counted(_ option: PlanOption) -> [Double] {
        [Double(option.cost.multiplyAddsInside), Double(option.cost.boundaryBytes)]
    }

    /// The first option in lexicographic order of these numbers; of equals the first in the list.
    private static func first(of options: [PlanOption], by numbers: (PlanOption) -> [Double]) -> PlanOption? {
        options.min { numbers($0).lexicographicallyPrecedes(numbers($1)) }
    }
}
