// SPDX-License-Identifier: Apache-2.0
import BundleFormat
import Synchronization
package import Wire

/// Replicas of one bundle: enclave processes that share the host's copy of the bundle and its BackNet, and nothing
/// else. One that ends or hangs is restarted by itself and does not affect requests of the others.
package final class EnclavePool: Sendable {
    /// One of the replicas.
    package struct Member: Sendable {
        /// Counts from 0, and stays when the process is started again.
        package let replica: Int
        package let host: EnclaveHost
        var standing: ReplicaStanding { host.standing }
    }

    /// Half of the slots, so that the largest pool can be replaced by another one of its size: see ``KeySlot``.
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
    /// Requests that are admitted and not answered, of all replicas.
    private let admitted = Mutex(0)

    /// - Parameters:
    ///   - title: The model's own name, for operators.
    ///   - bundle: Weights of its BackNet are released as they are converted, if nothing else holds them.
    ///   - slots: Of the replicas, as many as there are to be: one at least.
    ///   - backNetThreads: Threads of the BackNet on this process' own engine.
    ///   - engine: Runs the BackNet in place of this process' own.
    ///   - maximumWaiting: Requests admitted at a time, of all replicas together; more are refused as overloaded.
    ///   - startTimeout: How long an enclave process may take to say hello and to read the bundle.
    ///   - log: Takes lines without secrets: the host has none.
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

    /// Starts all replicas, or begins to wait for those that dial; the rest happens by itself.
    ///
    /// - Throws: ``HostError`` when none can be started. One of several that cannot is tried again.
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
    /// Whether it is one of these replicas, and none is ready where it is not.
    package func mayKeep(_ member: Member) -> Bool {
        members.contains { $0.host === member.host }
            && (member.standing.isReady || !members.contains(where: \.standing.isReady))
    }
    /// Requests that are admitted and not answered.
    package var waiting: Int { admitted.withLock { $0 } }
    /// Why no request is admitted, whatever replica it is for; `nil` where one may be.
    var overload: HostError? {
        let waiting = waiting
        return waiting >= maximumWaiting && isReady ? Self.overloaded(waiting) : nil
    }

    private static func overloaded(_ waiting: Int) -> HostError {
        HostError(.overloaded, "\(waiting) requests wait already; try again later")
    }

    /// From now on nothing more is admitted.
    func retire() { isRetired.store(true, ordering: .sequentiallyConsistent) }

    package func beginStopping() async { for member in members { await member.host.beginStopping() } }

    /// Ends all enclave processes at once: each may take a second.
    package func stop() async {
        await withTaskGroup { group in
            for member in members { group.addTask { await member.host.stop() } }
        }
    }
}

// Which replica answers which request.
extension EnclavePool {
    /// The replica whose enclave has such a key, if any has.
    ///
    /// - Parameter keyIdentifier: `nil` for an empty message. A pool of one replica ignores it, because an enclave of an
    ///   older build does not know slots.
    package func member(forKey keyIdentifier: UInt8?) -> Member? {
        if members.count == 1 { return members[0] }
        guard let keyIdentifier else { return nil }
        return members.first { $0.host.slot == KeySlot(of: keyIdentifier) }
    }

    /// The replica that gives evidence to a client. Of those that are ready, else of those that answer, it is the one
    /// that the client's route leads to, or the next in rotation. One that hesitates is used only if all do.
    ///
    /// - Parameter tried: Replicas that are asked where there is no other.
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

    /// Makes room for a request at a replica; ``release(_:)`` gives it back.
    ///
    /// The replicas that serve share the room equally, so that one that stops to answer fills its own share, and a silent one
    /// takes part no more: what it still holds is missing to the others until it is given up, as the room is that of the memory
    /// of all requests.
    ///
    /// - Throws: ``HostError``: `overloaded`; `unknownKey` where the replica does not serve and another does, as a client that
    ///   attests again is served by that one; `enclaveUnavailable` while the enclave does not answer; `backNetUnavailable`
    ///   while no engine runs the BackNet: the request would be refused after the enclave has charged for it.
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

    /// - Throws: ``HostError`` `overloaded` where the replica's share is full, or all of the room.
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
    /// `ready` while one replica is; the reason says how many are not, and why.
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

    /// What is of each replica, with these labels and its own.
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
                "What is left of the owner's lease of the replica; 0 without one.",
                [([label], (lease ?? .zero) / .seconds(1))])
            text.add(
                "replica_requests_waiting", .gauge, "Requests of the replica that are admitted and not answered.",
                [([label], Double(member.standing.waiting))])
        }
        return text
    }

    /// The least that is left of a lease; `nil` where no replica has one.
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
    /// The best first: what a pool is when its replicas are different.
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
