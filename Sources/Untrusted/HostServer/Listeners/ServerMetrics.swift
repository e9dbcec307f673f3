// SPDX-License-Identifier: Apache-2.0
import HostCore
import Synchronization

/// Counters of one listener: answers, refusals and the ends of connections.
package final class ServerMetrics: Sendable {
    private struct Answered: Hashable {
        let endpoint: String
        let status: Int
    }

    private struct Values {
        var answered: [Answered: Int] = [:]
        var refusals: [Int: Int] = [:]
        var evicted = 0
        var turnedAway = 0
        var unread = 0
    }

    private let values = Mutex(Values())
    /// Refusals that are exported even at 0.
    private static let statuses = [400, 408, 413, 415, 417, 431]

    package init() {}

    func count(_ record: RequestRecord) {
        values.withLock { values in
            let answered = Answered(endpoint: record.endpoint?.label ?? "none", status: record.status)
            values.answered[answered, default: 0] += 1
            if record.wasTurnedAway { values.refusals[record.status, default: 0] += 1 }
        }
    }

    func countEviction() { values.withLock { $0.evicted += 1 } }
    func countTurnedAway() { values.withLock { $0.turnedAway += 1 } }
    func countUnread() { values.withLock { $0.unread += 1 } }

    /// In Prometheus' text format.
    ///
    /// - Parameters:
    ///   - connections: Open now.
    ///   - limit: The maximum number of connections.
    ///   - stalled: Connections whose clients do not read now.
    ///   - bodyBytes: Bytes of bodies in memory now.
    func text(connections: Int, limit: Int, stalled: Int, bodyBytes: Int) -> MetricsText {
        let values = values.withLock { $0 }
        var metrics = MetricsText()
        metrics.add(
            "http_answers_total", .counter, "Answers and refusals, by path and HTTP status.",
            values.answered.sorted { ($0.key.endpoint, $0.key.status) < ($1.key.endpoint, $1.key.status) }.map {
                ([("endpoint", $0.key.endpoint), ("status", String($0.key.status))], Double($0.value))
            })
        metrics.add(
            "http_refusals_total", .counter, "Requests refused before the enclave was asked, by HTTP status.",
            Set(Self.statuses + values.refusals.keys).sorted().map {
                ([("status", String($0))], Double(values.refusals[$0, default: 0]))
            })
        metrics.add("connections", .gauge, "Open connections of clients.", Double(connections))
        metrics.add("connections_limit", .gauge, "Connections that are held at a time.", Double(limit))
        metrics.add(
            "connections_stalled", .gauge, "Open connections whose clients do not read their answers.",
            Double(stalled))
        metrics.add("body_bytes", .gauge, "Bodies of requests in memory.", Double(bodyBytes))
        metrics.add(
            "connections_evicted_total", .counter, "Connections closed to make room for others.",
            Double(values.evicted))
        metrics.add(
            "connections_turned_away_total", .counter, "Connections closed at once because there was no room.",
            Double(values.turnedAway))
        metrics.add(
            "connections_unread_total", .counter, "Connections closed because their clients did not read.",
            Double(values.unread))
        return metrics
    }
}
