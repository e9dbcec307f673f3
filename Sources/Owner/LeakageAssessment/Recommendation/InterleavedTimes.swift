// SPDX-License-Identifier: Apache-2.0
/// Latencies of the parts of a plan and of the whole model, from interleaved rounds, so that other load affects both.
package struct InterleavedTimes: Sendable, Hashable {
    /// One round, in milliseconds.
    package struct Round: Sendable, Hashable {
        package let front: Double
        package let back: Double
        package let mapping: Double
        package let whole: Double

        package init(front: Double, back: Double, mapping: Double, whole: Double) {
            self.front = front
            self.back = back
            self.mapping = mapping
            self.whole = whole
        }
    }

    /// The fastest of the rounds: other load only adds time.
    package let front: Double
    package let back: Double
    package let mapping: Double
    package let whole: Double
    /// Relative standard deviation, over the rounds, of the parts' time over that of the whole model.
    package let spread: Double

    /// - Parameter rounds: At least one.
    package init(_ rounds: [Round]) {
        precondition(!rounds.isEmpty)
        func fastest(_ time: (Round) -> Double) -> Double { rounds.map(time).min() ?? 0 }
        front = fastest(\.front)
        back = fastest(\.back)
        mapping = fastest(\.mapping)
        whole = fastest(\.whole)
        // In ascending order, so that the order of the rounds does not change the rounding of the sums.
        let ratios = rounds.map { ($0.front + $0.back + $0.mapping) / max($0.whole, 1e-6) }.sorted()
        spread = Statistics.deviation(ratios) / max(Statistics.mean(ratios), 1e-6)
    }
}
