// SPDX-License-Identifier: Apache-2.0
import AssessmentReport
import Foundation
import PlainText

/// The outcomes of requests.
struct LoadTally: Sendable {
    /// Milliseconds.
    private(set) var answered: [Double] = []
    private(set) var refused: [Double] = []
    private(set) var refusals: [String: Int] = [:]
    private(set) var refusedWithoutRetryAfter = 0
    private(set) var failures: [String: Int] = [:]
    /// Requests for which no connection was free when they were due.
    var late = 0

    mutating func count(_ outcome: LoadRun.Outcome, taking duration: Duration) {
        switch outcome.kind {
        case .answered: answered.append(duration.milliseconds)
        case .refused(let code, let hasRetryAfter):
            refused.append(duration.milliseconds)
            refusals[code, default: 0] += 1
            if !hasRetryAfter { refusedWithoutRetryAfter += 1 }
        case .failed(let name): failures[name, default: 0] += 1
        }
    }

    mutating func add(_ other: LoadTally) {
        answered += other.answered
        refused += other.refused
        refusals.merge(other.refusals, uniquingKeysWith: +)
        failures.merge(other.failures, uniquingKeysWith: +)
        refusedWithoutRetryAfter += other.refusedWithoutRetryAfter
        late += other.late
    }
}

/// The results of a load test.
struct LoadReport: Encodable, Sendable {
    /// Latency in milliseconds: percentiles, maximum, mean.
    struct Times: Encodable, Sendable {
        let p50, p90, p99, longest, mean: Double

        /// `nil` for no samples.
        init?(_ samples: [Double]) {
            guard !samples.isEmpty else { return nil }
            let sorted = samples.sorted()
            /// Percentile by nearest rank.
            func percentile(_ percent: Double) -> Double {
                sorted[min(sorted.count - 1, max(0, Int((percent / 100 * Double(sorted.count)).rounded(.up)) - 1))]
            }
            (p50, p90, p99) = (percentile(50), percentile(90), percentile(99))
            longest = sorted[sorted.count - 1]
            mean = sorted.reduce(0, +) / Double(sorted.count)
        }
    }

    let connections: Int
    let seconds: Double
    let answered: Int
    let answeredPerSecond: Double
    let milliseconds: Times?
    let refusals: [String: Int]
    let refusedMilliseconds: Times?
    let refusedWithoutRetryAfter: Int
    let failures: [String: Int]
    let late: Int
    /// Processor time of this program, with that of the warm-up.
    let clientProcessorSeconds: Double

    init(
        _ tally: LoadTally, connections: Int, schedule: LoadSchedule, measured: Duration, processorSeconds: Double
    ) {
        self.connections = connections
        seconds = measured / .seconds(1)
        answered = tally.answered.count
        answeredPerSecond = Double(answered) / seconds
        milliseconds = Times(tally.answered)
        refusals = tally.refusals
        refusedMilliseconds = Times(tally.refused)
        refusedWithoutRetryAfter = tally.refusedWithoutRetryAfter
        failures = tally.failures
        late = tally.late
        clientProcessorSeconds = processorSeconds
    }

    var text: String {
        func row(_ name: String, _ times: Times?) -> [String] {
            let values = times.map { [$0.p50, $0.p90, $0.p99, $0.longest] } ?? []
            return [name] + (values.isEmpty ? ["-", "-", "-", "-"] : values.map { String(format: "%.2f", $0) })
        }
        var lines = [
            String(
                format: "%d answers in %.1f s over %d connections: %.1f in a second", answered, seconds, connections,
                answeredPerSecond),
            TextTable(
                rows: [
                    ["ms", "p50", "p90", "p99", "longest"], row("answered", milliseconds),
                    row("refused", refusedMilliseconds),
                ], rightAligned: [1, 2, 3, 4]
            ).description,
        ]
        for (name, count) in refusals.sorted(by: { $0.key < $1.key }) {
            lines.append("refused, \(PlainText.line(name)): \(count)")
        }
        for (name, count) in failures.sorted(by: { $0.key < $1.key }) {
            lines.append("failed, \(PlainText.line(name)): \(count)")
        }
        if late > 0 { lines.append("\(late) were due when no connection was free: more --connections") }
        lines.append(String(format: "this program used %.1f s of processor time", clientProcessorSeconds))
        return lines.joined(separator: "\n")
    }
}
