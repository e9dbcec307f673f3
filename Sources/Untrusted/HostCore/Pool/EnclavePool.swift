// SPDX-License-Identifier: Apache-2.0
import BundleFormat
import Synchronization
package import Wire

/// Replicas of one bundle: enclave processes that share the host's copy of the bundle and its BackNet, and nothing
/// else. One that ends or hangs is restarted by itself and does not affect requests of the others.
package final class EnclavePool: Sendable {
    /// One of the replicas.
    package struct Member: Sendable {
        /// Counts from 0; a restarted process keeps it.
        package let replica: Int
        package let host: EnclaveHost
        var standing: ReplicaStanding { host.standing }
    }

    /// Half of the slots, so that a pool of maximum size can be replaced by another one: see ``KeySlot``.
    package static let maximumReplicas = KeySlot.count / 2

    /// SHA-256 of the manifest core.
    package let manifestDigest: [UInt8]
    /// The model's own name, as its owner wrote it.
    let title: String
    /// The largest body of a sealed request.
    package let requestBytes: Int
    package let metrics: HostMetrics
    package let members: [Member]
    private let engine: (any BackNetEngine)?
    private let maximumWaiting: Int
    /// The position in the rotation among those that are ready.
    private let turn = Atomic(0)
    private let isRetired = Atomic(false)
    /// Admitted and unanswered requests of all replicas.
    private let admitted = Mutex(0)

    /// - Parameters:
    ///   - title: The model's own name, for operators.
    ///   - bundle: Weights of its BackNet are released as they are converted, if nothing else holds them.
    ///   - slots: One for each replica; at least one.
    ///   - backNetThreads: The number of threads for the BackNet on this process' own engine.
    ///   - engine: Runs the BackNet in place of this process' own.
    ///   - maximumWaiting: The maximum number of admitted requests of all replicas; more are refused as overloaded.
    ///   - startTimeout: How long an enclave process may take to say hello and to read the bundle.
    ///   - log: Receives log lines; they contain no secret, because the host has none.
    package init(
        title: String = "", bundle: consuming HostedBundle, slots: [KeySlot] = KeySlot.first(1),
        placement: EnclavePlacement,
        backNetThreads: Int, engine: (any BackNetEngine)? = nil,
        requestBytes: Int = FrameLimits.maximumMessageBytes, maximumWaiting: Int = 64,
        startTimeout: Duration = .seconds(120), metrics: HostMetrics = HostMetrics(),
        log: @escaping @Sendable (LogLine) -> Void
    ) throws(HostError) {
        precondition(!slots.isEmpty, "a pool without replicas")
        manifestDigest = bundle.manifestDigest
        (self.title, self.requestBytes) = (title, requestBytes)
        (self.maximumWaiting, self.metrics) = (maximumWaiting, metrics)
        let graph = bundle.backNet.take()
        if let engine {
            self.engine = engine
        } else if let graph {
            self.engine = try LocalBackNet(
                consume graph, precision: bundle.backNetPrecision, threads: backNetThreads)
        } else {
            self.engine = nil
        }
        let (shared, hasCompanions) = (consume bundle, slots.count > 1)
        var members: [Member] = []
        for (replica, slot) in slots.enumerated() {
            let host = try EnclaveHost(
                bundle: shared, placement: placement, engine: self.engine, slot: slot, hasCompanions: hasCompanions,
                startTimeout: startTimeout, metrics: metrics,
                log: { log(hasCompanions ? $0.adding(["replica": .integer(replica)]) : $0) })
            members.append(Member(replica: replica, host: host))
        }
        self.members = members
    }

    /// Starts all replicas, or starts listening for those that connect. Supervision runs in the background.
    ///
    /// - Throws: ``HostError`` if none can be started. If only some cannot, they are retried.
    package func begin() async throws(HostError) {
        let failures = await withTaskGroup(of: (Int, HostError)?.self) { group in
            for member in members {
                group.addTask {
                    do throws(HostError) {
                        try await member.host.begin()
                        return nil
                    } catch { return (member.replica, error) }
                }
            }
            var failures: [Int: HostError] = [:]
            for await case (let replica, let error)? in group { failures[replica] = error }
            return failures
        }
        if failures.count == members.count, let first = failures[0] { throw first }
        for member in members {
            guard let failure = failures[member.replica] else { continue }
            Task { await member.host.startLater(after: failure) }
        }
    }

    package var isReady: Bool { engine?.outage == nil && members.contains { $0.standing.isReady } }
    package var readyCount: Int { engine?.outage == nil ? members.count { $0.standing.isReady } : 0 }
    /// Whether a client may keep using this replica: it is in the pool, and ready unless no replica is.
    package func mayKeep(_ member: Member) -> Bool {
        members.contains { $0.host === member.host }
            && (member.standing.isReady || !members.contains(where: \.standing.isReady))
    }
    /// Requests that are admitted and not answered.
    package var waiting: Int { admitted.withLock { $0 } }
    /// Why no request is admitted to any replica; `nil` if one may be.
    var overload: HostError? {
        let waiting = waiting
        return waiting >= maximumWaiting && isReady ? Self.overloaded(waiting) : nil
    }

    private static func overloaded(_ waiting: Int) -> HostError {
        HostError(.overloaded, "\(waiting) requests wait already; try again later")
    }

    /// Admits nothing from now on.
    func retire() { isRetired.store(true, ordering: .sequentiallyConsistent) }

    package func beginStopping() async { for member in members { await member.host.beginStopping() } }

    /// Ends all enclave processes at once: each may take a second.
    package func stop() async {
        await withTaskGroup { group in
            for member in members { group.addTask { await member.host.stop() } }
        }
    }
}

// Selection of replicas.
extension EnclavePool {
    /// The replica whose enclave has this key, if there is one.
    ///
    /// - Parameter keyIdentifier: `nil` for an empty message. A pool of one replica ignores it, because an enclave of an
    ///   older build does not know slots.
    package func member(forKey keyIdentifier: UInt8?) -> Member? {
        if members.count == 1 { return members[0] }
        guard let keyIdentifier else { return nil }
        return members.first { $0.host.slot == KeySlot(of: keyIdentifier) }
    }

    /// The replica that gives evidence to a client: the one that the client's route selects, or the next in rotation,
    /// among those that are ready; if none is ready, among those that answer. A slow replica is used only if all are
    /// slow.
    ///
    /// - Parameter tried: Replicas to use only if there is no other.
    package func member(for route: Route?, except tried: Set<Int> = []) -> Member {
        let able = members.filter(\.standing.isReady)
        let present = able.isEmpty ? members.filter(\.standing.answers) : able
        let untried = present.filter { !tried.contains($0.replica) }
        let prompt = untried.filter { !$0.standing.hesitates }
        let candidates = prompt.isEmpty ? untried.isEmpty ? present : untried : prompt
        guard let first = candidates.first ?? members.first else { preconditionFailure("a pool without replicas") }
        guard candidates.count > 1 else { return first }
        if let route { return candidates.max { route.weight(of: $0.replica) < route.weight(of: $1.replica) } ?? first }
        let next = turn.wrappingAdd(1, ordering: .relaxed).oldValue
        return candidates[Int(UInt(bitPattern: next) % UInt(candidates.count))]
    }

    /// Admits a request to a replica; ``release(_:)`` ends the admission.
    ///
    /// The serving replicas share the limit equally, so that a replica that stops answering fills only its own share. A
    /// silent replica no longer has a share; the requests that it still holds count against the limit until they are
    /// abandoned, because the limit stands for the memory of all requests.
    ///
    /// - Throws: ``HostError``: `overloaded`; `unknownKey` if the replica does not serve and another does, so that the
    ///   client attests again and is served by that one; `enclaveUnavailable` while the enclave does not answer;
    ///   `backNetUnavailable` while no engine runs the BackNet, because the request would be refused after the enclave
    ///   has charged the client's quota.
    package func admit(to member: Member) throws(HostError) {
        do throws(HostError) {
            let standing = member.standing
            if standing.state != .ready, standing.state != .stopping, members.contains(where: \.standing.isReady) {
                throw HostError(refused: .unknownKey)
            }
            if standing.state == .unresponsive {
                throw HostError(.enclaveUnavailable, "the enclave process does not answer; try again later")
            }
            guard engine?.outage == nil else {
                throw HostError(.backNetUnavailable, "no engine runs the layers outside the enclave; try again later")
            }
            try take(standing)
            // Checked when the request is counted, since retiring the pool checks the count afterwards.
            guard !isRetired.load(ordering: .sequentiallyConsistent) else {
                release(member)
                throw HostError(refused: .unknownKey)
            }
        } catch {
            metrics.countRefusal(error.enclaveCode?.name ?? error.code.name)
            throw error
        }
    }

    /// - Throws: ``HostError`` `overloaded` if the replica's share or the whole limit is used up.
    private func take(_ standing: ReplicaStanding) throws(HostError) {
        let sharers = max(1, members.count { $0.standing.serves })
        let share = (maximumWaiting + sharers - 1) / sharers
        let (isTaken, waiting) = admitted.withLock { admitted in
            guard admitted < maximumWaiting, standing.take(limit: share) else { return (false, admitted) }
            admitted += 1
            return (true, admitted)
        }
        guard isTaken else { throw Self.overloaded(waiting) }
    }

    package func release(_ member: Member) {
        admitted.withLock { $0 -= 1 }
        member.standing.give()
    }
}

// State for operators.
extension EnclavePool {
    /// `ready` while at least one replica is; the reason says how many are not, and why.
    package var readiness: EnclaveHost.Readiness {
        get async {
            var all: [(replica: Int, readiness: EnclaveHost.Readiness)] = []
            for member in members { all.append((member.replica, await member.host.readiness)) }
            guard all.count > 1 else { return all[0].readiness }
            let able = all.count { $0.readiness.state == .ready }
            let state = all.map(\.readiness.state).min { $0.order < $1.order } ?? .stopped
            let faults = all.compactMap { replica, readiness in
                readiness.reason.map { "replica \(replica) is \(readiness.state.rawValue): \($0)" }
            }
            guard !faults.isEmpty else { return EnclaveHost.Readiness(state: state, reason: nil) }
            return EnclaveHost.Readiness(
                state: state,
                reason: "\(able) of \(all.count) replicas are ready; " + faults.joined(separator: "; "))
        }
    }

    /// The metrics of each replica, with these labels and its own.
    func replicaMetrics(labels: MetricsText.Labels) async -> MetricsText {
        var text = MetricsText(labels: labels)
        for member in members {
            let (state, lease) = (await member.host.state, await member.host.leaseLeft)
            let label = ("replica", String(member.replica))
            text.add(
                "replica_state", .gauge, "1 for the state that the replica is in.",
                EnclaveHost.State.allCases.map { ([label, ("state", $0.rawValue)], $0 == state ? 1 : 0) })
            text.add(
                "replica_lease_remaining_seconds", .gauge,
                "Remaining time of the replica's lease; 0 without a lease.",
                [([label], (lease ?? .zero) / .seconds(1))])
            text.add(
                "replica_requests_waiting", .gauge, "Requests of the replica that are admitted and not answered.",
                [([label], Double(member.standing.waiting))])
        }
        return text
    }

    /// The shortest remaining time of a lease; `nil` if no replica has one.
    var leaseLeft: Duration? {
        get async {
            var least: Duration?
            for member in members {
                guard let left = await member.host.leaseLeft else { continue }
                least = min(least ?? left, left)
            }
            return least
        }
    }

    func engineMetrics(labels: MetricsText.Labels) -> MetricsText {
        engine?.metricsText(labels: labels) ?? MetricsText()
    }
}

extension EnclaveHost.State {
    /// The best state first: a pool has the best state of its replicas.
    fileprivate var order: Int {
        switch self {
        case .ready: 0
        case .backNetUnavailable: 1
        case .unprovisioned: 2
        case .starting: 3
        case .unresponsive: 4
        case .stopping: 5
        case .stopped: 6
        }
    }
}
