// SPDX-License-Identifier: Apache-2.0
import EngineMessages
package import HostCore
import Synchronization
package import Tensors

/// The layers outside the enclave on replicas of another inference engine.
///
/// A request is sent to the healthy replica with the fewest requests. If it fails there, it is sent to another one,
/// because inference is idempotent. Each replica is tried once, and at most three are tried. A single address is tried
/// twice unless it was too slow: behind it may be a load balancer with several engines, one of which has ended.
///
/// With hedging, which is off by default, a request that has waited for long is also sent to a second replica, and the
/// first answer is used.
package final class OpenInferenceBackNet: BackNetEngine {
    package struct Limits: Sendable {
        /// The timeout of one attempt.
        package var attempt: Duration
        package var attempts = 3
        /// The pause before a single address is tried again.
        package var pause: Duration = .milliseconds(100)
        /// How long a request waits for one replica before it is sent to a second one as well; `nil` for never.
        package var hedgeAfter: Duration?
        /// The time between two health checks of a replica.
        package var checkInterval: Duration = .seconds(1)
        package var checkTime: Duration = .seconds(2)
        /// The time between two probes.
        package var probeInterval: Duration = .seconds(30)

        package init(attempt: Duration = .seconds(10), hedgeAfter: Duration? = nil) {
            (self.attempt, self.hedgeAfter) = (attempt, hedgeAfter)
        }
    }

    private let replicas: [any EngineReplica]
    private let probe: EngineProbe
    private let limits: Limits
    private let log: @Sendable (LogLine) -> Void
    private let table: Mutex<ReplicaTable>
    private let retries = Atomic(0)
    private let hedges = Atomic(0)
    private let checks = Mutex<[Task<Void, Never>]>([])

    /// Starts the health checks; a replica gets no request before it answered the probe.
    ///
    /// - Parameter replicas: At least one.
    package init(
        _ replicas: [any EngineReplica], probe: EngineProbe, limits: Limits = Limits(),
        log: @escaping @Sendable (LogLine) -> Void
    ) {
        precondition(!replicas.isEmpty, "a BackNet without an engine")
        self.replicas = replicas
        self.probe = probe
        self.limits = limits
        self.log = log
        table = Mutex(ReplicaTable(count: replicas.count))
        let tasks = replicas.indices.map { index in
            Task { [weak self] in
                var next = ContinuousClock.now
                while let interval = await self?.check(index, probingBy: &next) {
                    do { try await Task.sleep(for: interval) } catch { return }
                }
            }
        }
        checks.withLock { $0 = tasks }
    }

    deinit { for task in checks.withLock({ $0 }) { task.cancel() } }

    package func run(_ inputs: [Tensor]) async -> BackNetRun? {
        let asked = ContinuousClock.now
        return await withTaskGroup(of: Event.self) { group in
            var tried: Set<Int> = []
            var running: Set<Int> = []
            var asks = true
            var again: Int?
            var isRepeated = false
            while true {
                // A cancelled request is sent to no further replica.
                if asks, !Task.isCancelled, tried.count < limits.attempts,
                    let index = table.withLock({ $0.begin(except: tried, again: again) })
                {
                    again = nil
                    if !running.isEmpty {
                        hedges.add(1, ordering: .relaxed)
                    } else if !tried.isEmpty {
                        retries.add(1, ordering: .relaxed)
                    }
                    group.addTask { await self.ask(index, inputs, asked: asked) }
                    if let delay = limits.hedgeAfter, running.isEmpty {
                        group.addTask {
                            try? await Task.sleep(for: delay)
                            return .late(index)
                        }
                    }
                    tried.insert(index)
                    running.insert(index)
                }
                guard !running.isEmpty, let event = await group.next() else { break }
                switch event {
                case .answered(let run):
                    // Closes the slower one's connection, or resets its stream.
                    group.cancelAll()
                    return run
                case .failed(let index, let mayPass):
                    running.remove(index)
                    asks = running.isEmpty
                    if mayPass, replicas.count == 1, !isRepeated {
                        (again, isRepeated) = (index, true)
                        try? await Task.sleep(for: limits.pause)
                    }
                // At most two at a time.
                case .late(let index): asks = running == [index]
                }
            }
            group.cancelAll()
            return nil
        }
    }

    private enum Event: Sendable {
        case answered(BackNetRun)
        /// `mayPass`: whether the same address may answer the same request.
        case failed(Int, mayPass: Bool)
        /// The replica has not answered for ``Limits/hedgeAfter``.
        case late(Int)
    }

    private func ask(_ index: Int, _ inputs: [Tensor], asked: ContinuousClock.Instant) async -> Event {
        let started = ContinuousClock.now
        do throws(EngineError) {
            let outputs = try await replicas[index].infer(inputs, within: limits.attempt)
            table.withLock { $0.answered(index) }
            return .answered(
                BackNetRun(outputs: outputs, queued: started - asked, computed: .now - started))
        } catch {
            if Task.isCancelled {
                table.withLock { $0.abandoned(index) }
            } else if table.withLock({ $0.failed(index, error) }) {
                report(index, error)
            }
            let codes: [EngineError.Code] = [.refused, .notReady, .unreachable, .malformedAnswer]
            return .failed(index, mayPass: codes.contains(error.code))
        }
    }

    package var outage: String? {
        table.withLock { table in
            guard table.healthy == 0 else { return nil }
            let reasons = zip(replicas, table.entries).compactMap { replica, entry in
                entry.fault.map { "\(replica.name): \($0)" }
            }
            let left = reasons.count > 3 ? [", and \(reasons.count - 3) more"] : []
            return "no engine runs the BackNet: " + (reasons.prefix(3) + left).joined(separator: "; ")
        }
    }

    package func metricsText(labels: MetricsText.Labels) -> MetricsText {
        let entries = zip(replicas.map(\.name), table.withLock { $0.entries })
        var text = MetricsText(labels: labels)
        text.add(
            "backnet_engine_healthy", .gauge, "1 for an engine that gets requests.",
            entries.map { ([("engine", $0)], $1.isHealthy ? 1 : 0) })
        text.add(
            "backnet_engine_requests_total", .counter, "Requests to an engine, by outcome.",
            entries.flatMap { name, entry in
                [("answered", entry.answered), ("failed", entry.failed)].map {
                    ([("engine", name), ("outcome", $0)], Double($1))
                }
            })
        text.add(
            "backnet_engine_requests_waiting", .gauge, "Requests that an engine has not answered.",
            entries.map { ([("engine", $0)], Double($1.inFlight)) })
        text.add(
            "backnet_engine_retries_total", .counter, "Requests sent again, to another engine or the only address.",
            Double(retries.load(ordering: .relaxed)))
        text.add(
            "backnet_engine_hedges_total", .counter, "Requests sent to a second engine as well.",
            Double(hedges.load(ordering: .relaxed)))
        return text
    }

    /// - Parameter next: When the next probe is due, unless the replica is faulty.
    /// - Returns: When the next check is due.
    private func check(_ index: Int, probingBy next: inout ContinuousClock.Instant) async -> Duration {
        var failure: EngineError?
        do throws(EngineError) {
            try await replicas[index].checkReady(within: limits.checkTime)
            let needsProbe = table.withLock { !$0.entries[index].isHealthy || $0.entries[index].isSuspect }
            if needsProbe || next <= .now {
                try probe.compare(try await replicas[index].infer(probe.inputs, within: limits.attempt))
                next = .now + limits.probeInterval
            }
        } catch { failure = error }
        if table.withLock({ $0.checked(index, failure) }) { report(index, failure) }
        return limits.checkInterval
    }

    private func report(_ index: Int, _ failure: EngineError?) {
        let fields: [String: LogLine.Value] = ["engine": .text(replicas[index].name)]
        if let failure {
            log(LogLine(.error, "engine \(replicas[index].name) gets no requests: \(failure)", fields))
        } else {
            log(LogLine(.info, "engine \(replicas[index].name) runs the BackNet", fields))
        }
    }
}
