// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Counters of a host. None depends on an input or a result.
package final class HostMetrics: Sendable {
    /// The stages of a request.
    package enum Stage: String, Sendable, CaseIterable {
        /// From the request's last byte until it is sent to the enclave, including the wait for a credit.
        case admission
        /// The sum of the two round trips to the enclave, including its work for other requests meanwhile.
        case enclave
        /// Until the BackNet begins.
        case queue
        case backNet = "backnet"
    }

    private struct Values {
        var answers = 0
        var backNetRuns = 0
        var backNetSeconds = 0.0
        var backNetFailures = 0
        var restarts = 0
        var startFailures = 0
        var stalls = 0
        var refusals: [String: Int] = [:]
        var stages: [Stage: Histogram] = [:]
        var answerTimes = Histogram()
    }

    private let values = Mutex(Values())

    package init() {}

    func countAnswer(taking duration: Duration, enclave: Duration) {
        values.withLock {
            $0.answers += 1
            $0.answerTimes.add(duration)
            $0.stages[.enclave, default: Histogram()].add(enclave)
        }
    }

    func countBackNet(_ run: BackNetRun) {
        values.withLock {
            $0.backNetRuns += 1
            $0.backNetSeconds += run.computed / .seconds(1)
            $0.stages[.queue, default: Histogram()].add(run.queued)
            $0.stages[.backNet, default: Histogram()].add(run.computed)
        }
    }

    func countAdmission(taking duration: Duration) {
        values.withLock { $0.stages[.admission, default: Histogram()].add(duration) }
    }

    func countBackNetFailure() { values.withLock { $0.backNetFailures += 1 } }
    func countRestart() { values.withLock { $0.restarts += 1 } }
    func countStartFailure() { values.withLock { $0.startFailures += 1 } }
    func countStall() { values.withLock { $0.stalls += 1 } }
    package func countRefusal(_ code: String) { values.withLock { $0.refusals[code, default: 0] += 1 } }

    /// The counters and the present gauges.
    ///
    /// - Parameters:
    ///   - leaseLeft: `nil` without a lease.
    ///   - waiting: Requests that are admitted and not answered.
    ///   - labels: The labels of all metrics.
    func text(
        state: EnclaveHost.State, leaseLeft: Duration?, waiting: Int, labels: MetricsText.Labels
    ) -> MetricsText {
        let values = values.withLock { $0 }
        var metrics = MetricsText(labels: labels)
        metrics.add("answers_total", .counter, "Sealed answers sent.", Double(values.answers))
        metrics.add(
            "answer_seconds", histogram: "Time from the last byte of a request to its answer.",
            [([], values.answerTimes)])
        metrics.add(
            "stage_seconds",
            histogram: "Time that requests spend in each stage, also those that are refused or late after it.",
            Stage.allCases.map { ([("stage", $0.rawValue)], values.stages[$0] ?? Histogram()) })
        metrics.add("backnet_runs_total", .counter, "Runs of the BackNet.", Double(values.backNetRuns))
        metrics.add(
            "backnet_seconds_total", .counter, "Time in which the BackNet computed, summed.", values.backNetSeconds)
        metrics.add(
            "backnet_failures_total", .counter, "Requests that the BackNet could not run.",
            Double(values.backNetFailures))
        metrics.add("enclave_restarts_total", .counter, "Enclave processes that ended.", Double(values.restarts))
        metrics.add(
            "enclave_start_failures_total", .counter, "Enclave processes that could not be started.",
            Double(values.startFailures))
        metrics.add("enclave_stalls_total", .counter, "Times that the enclave did not answer.", Double(values.stalls))
        metrics.add(
            "refusals_total", .counter, "Requests refused, by code.",
            values.refusals.sorted { $0.key < $1.key }.map { ([("code", $0.key)], Double($0.value)) })
        metrics.add("requests_waiting", .gauge, "Requests that are admitted and not answered.", Double(waiting))
        metrics.add(
            "state", .gauge, "1 for the state that the server is in.",
            EnclaveHost.State.allCases.map { ([("state", $0.rawValue)], $0 == state ? 1 : 0) })
        metrics.add(
            "lease_remaining_seconds", .gauge, "Remaining time of the owner's lease; 0 without a lease.",
            (leaseLeft ?? .zero) / .seconds(1))
        return metrics
    }
}
