import Synchronization

/// Counters of a host, in Prometheus' text format. None depends on an input or a result.
package final class HostMetrics: Sendable {
    private struct Values {
        var answers = 0
        var answerSeconds = 0.0
        var backNetRuns = 0
        var backNetSeconds = 0.0
        var restarts = 0
        var refusals: [String: Int] = [:]
    }

    private let values = Mutex(Values())

    func countAnswer(taking duration: Duration) {
        values.withLock {
            $0.answers += 1
            $0.answerSeconds += duration.seconds
        }
    }

    func countBackNet(taking duration: Duration) {
        values.withLock {
            $0.backNetRuns += 1
            $0.backNetSeconds += duration.seconds
        }
    }

    func countRestart() { values.withLock { $0.restarts += 1 } }
    package func countRefusal(_ code: String) { values.withLock { $0.refusals[code, default: 0] += 1 } }

    /// The counters as text.
    package var text: String {
        let values = values.withLock { $0 }
        var lines: [String] = []
        func metric(_ name: String, _ type: String, _ help: String, _ samples: [(String, String)]) {
            lines += ["# HELP infenclave_\(name) \(help)", "# TYPE infenclave_\(name) \(type)"]
            lines += samples.map { "infenclave_\(name)\($0.0) \($0.1)" }
        }
        metric("answers_total", "counter", "Sealed answers sent.", [("", "\(values.answers)")])
        metric(
            "answer_seconds_total", "counter", "Time from request to answer, summed.", [("", "\(values.answerSeconds)")]
        )
        metric("backnet_runs_total", "counter", "Runs of the BackNet.", [("", "\(values.backNetRuns)")])
        metric("backnet_seconds_total", "counter", "Time in the BackNet, summed.", [("", "\(values.backNetSeconds)")])
        metric("enclave_restarts_total", "counter", "Enclave processes that ended.", [("", "\(values.restarts)")])
        metric(
            "refusals_total", "counter", "Requests refused, by code.",
            values.refusals.sorted { $0.key < $1.key }.map { ("{code=\"\($0.key)\"}", "\($0.value)") })
        return lines.joined(separator: "\n") + "\n"
    }
}

extension Duration {
    fileprivate var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
