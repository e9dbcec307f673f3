internal import Tensors

/// Which of several plans that keep gates and budgets is recommended.
package enum PlanChoice {
    /// Latencies are measured: those within this share of the least one count as equal, so that the noise of a clock does
    /// not decide what leaks.
    package static let latencyTolerance = 0.05

    /// The least share of the arithmetic that is worth exposing anything for.
    package static let leastShareOutside = 0.01
    /// A gain is not the clock's noise when it is above so many standard deviations of paired timings.
    package static let gainDeviations = 3.0

    /// Whether a plan gains enough over everything inside to let anything cross: more than ``latencyTolerance`` of the time
    /// and more than the timings vary, with at least ``leastShareOutside`` of the arithmetic outside. Where times were not
    /// measured, the arithmetic alone counts.
    package static func isWorthwhile(_ option: PlanOption, over inside: PlanOption) -> Bool {
        guard 1 - option.cost.shareInside >= leastShareOutside else { return false }
        guard let time = option.latencyMilliseconds, let whole = inside.latencyMilliseconds, whole > 0 else {
            return true
        }
        let gain = 1 - time / whole
        return gain > max(latencyTolerance, gainDeviations * (option.cost.timingSpread ?? 0))
    }

    /// Of the plans whose latency is at most ``latencyTolerance`` over the least one, the one that leaks least; then that
    /// with the smallest sigma, then the fastest, then the cheapest in counted arithmetic. Where a latency was not
    /// measured, counted arithmetic comes first: multiply-adds inside, then bytes that cross, then leakage, then sigma.
    ///
    /// - Returns: `nil` for none.
    /// - Source: design notes, section 5.
    package static func best(of options: [PlanOption]) -> PlanOption? {
        let latencies = options.compactMap(\.latencyMilliseconds)
        guard let least = latencies.min(), latencies.count == options.count else {
            return first(of: options) { counted($0) + [$0.leakage, $0.noise] }
        }
        let tied = options.filter { ($0.latencyMilliseconds ?? 0) <= least * (1 + latencyTolerance) }
        return first(of: tied) { [$0.leakage, $0.noise, $0.latencyMilliseconds ?? 0] + counted($0) }
    }

    private static func counted(_ option: PlanOption) -> [Double] {
        [Double(option.cost.multiplyAddsInside), Double(option.cost.boundaryBytes)]
    }

    /// The first in the order of these numbers; of equals the first in the list.
    private static func first(of options: [PlanOption], by numbers: (PlanOption) -> [Double]) -> PlanOption? {
        options.min { numbers($0).lexicographicallyPrecedes(numbers($1)) }
    }
}

extension PlanOption {
    fileprivate var noise: Double { sigma?.value ?? 0 }
}
