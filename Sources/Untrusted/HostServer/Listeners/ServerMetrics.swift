import HTTPTypes
import Synchronization

/// Counters of one listener: what was refused before the enclave was asked, and what became of connections.
package final class ServerMetrics: Sendable {
    private struct Values {
        var refusals: [Int: Int] = [:]
        var evicted = 0
        var turnedAway = 0
    }

    private let values = Mutex(Values())
    /// Statuses that are counted.
    private static let statuses = [408, 413, 415]

    package init() {}

    func countRefusal(_ status: HTTPResponse.Status) {
        guard Self.statuses.contains(status.code) else { return }
        values.withLock { $0.refusals[status.code, default: 0] += 1 }
    }

    func countEviction() { values.withLock { $0.evicted += 1 } }
    func countTurnedAway() { values.withLock { $0.turnedAway += 1 } }

    /// In Prometheus' text format.
    ///
    /// - Parameters:
    ///   - connections: Open now.
    ///   - bodyBytes: Of bodies in memory now.
    func text(connections: Int, bodyBytes: Int) -> String {
        let values = values.withLock { $0 }
        var lines: [String] = []
        func metric(_ name: String, _ type: String, _ help: String, _ samples: [(String, Int)]) {
            lines += ["# HELP infenclave_\(name) \(help)", "# TYPE infenclave_\(name) \(type)"]
            lines += samples.map { "infenclave_\(name)\($0.0) \($0.1)" }
        }
        metric(
            "http_refusals_total", "counter", "Requests refused before the enclave was asked, by HTTP status.",
            Self.statuses.map { ("{status=\"\($0)\"}", values.refusals[$0, default: 0]) })
        metric("connections", "gauge", "Open connections of clients.", [("", connections)])
        metric("body_bytes", "gauge", "Bodies of requests in memory.", [("", bodyBytes)])
        metric(
            "connections_evicted_total", "counter", "Connections closed to make room for others.",
            [("", values.evicted)])
        metric(
            "connections_turned_away_total", "counter", "Connections closed at once because there was no room.",
            [("", values.turnedAway)])
        return lines.joined(separator: "\n") + "\n"
    }
}
