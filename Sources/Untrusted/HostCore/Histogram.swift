// SPDX-License-Identifier: Apache-2.0
/// Counts of durations in fixed ranges. The ranges are the same for every stage and model, so that the counts depend on
/// nothing else.
package struct Histogram: Sendable {
    /// Upper bounds in seconds, as they are exported: from the fastest answer of a small network to a timeout.
    package static let bounds = [
        "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10",
        "30",
        "60",
    ]
    private static let values = bounds.map { Double($0) ?? .infinity }

    private var counts = [Int](repeating: 0, count: bounds.count + 1)
    /// The sum, in seconds.
    package private(set) var sum = 0.0

    package init() {}

    package var count: Int { counts.reduce(0, +) }

    package mutating func add(_ duration: Duration) {
        let seconds = max(0, duration / .seconds(1))
        counts[Self.values.firstIndex { seconds <= $0 } ?? Self.values.count] += 1
        sum += seconds
    }

    /// The cumulative counts: for each bound the number of values up to it, and at the end the total.
    package var cumulative: [(bound: String, count: Int)] {
        var total = 0
        return zip(Self.bounds + ["+Inf"], counts).map { bound, count in
            total += count
            return (bound, total)
        }
    }
}
