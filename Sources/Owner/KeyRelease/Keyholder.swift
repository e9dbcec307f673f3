// SPDX-License-Identifier: Apache-2.0
import Attestation
import Crypto
import Evidence
import InfenclaveClient
package import SealedChannel

/// Provisions enclaves while the owner is absent. It checks servers, verifies enclaves that need the model key against
/// the owner's signed policy, and logs every release and refusal before it acts on it.
package actor Keyholder {
    private struct Watch {
        var pauses: WatchPauses
        /// When evidence was last verified, and when the lease is to be renewed, in seconds since 1970.
        var verified = 0.0
        var renewal = Double.infinity
        /// The client list with which the run last served.
        var clientList: String?
        /// The time of the next check.
        var next = ContinuousClock.now
    }

    /// One of a server's enclaves.
    private struct Watched: Hashable {
        let server: String
        let place: ReplicaPlace
    }

    private let policyPath: String
    private let clientFolder: ClientFolder
    private let modelKey: ModelKey
    private let ownerKey: OwnerSigningKey
    private let terms: ReleaseTerms
    private let log: ReleaseLog
    private let pending: PendingMessages
    private let regularPause: Duration
    private let now: @Sendable () -> Double
    private let say: @Sendable (LogEntry) -> Void

    private var ledger: ReleaseLedger
    private var policy: SignedPolicy
    private var clients: [ClientGrant] = []
    /// At most 32 per server.
    private var watches: [Watched: Watch] = [:]
    /// The last message about policy and clients, so that it is logged once.
    private var complaints: [KeyReleaseError.Code: String] = [:]

    /// - Parameters:
    ///   - policy: Signed by the owner; changes are picked up at run time.
    ///   - log: Appended to; created if it does not exist.
    ///   - now: Seconds since 1970.
    ///   - say: Called with each entry of the log.
    /// - Throws: ``KeyReleaseError``; nothing was released.
    package init(
        policy policyPath: String, clients clientFolder: ClientFolder, modelKey: ModelKey, ownerKey: OwnerSigningKey,
        terms: ReleaseTerms, log path: String, pause: Duration = .seconds(5), now: @escaping @Sendable () -> Double,
        say: @escaping @Sendable (LogEntry) -> Void
    ) throws {
        (self.policyPath, self.clientFolder, self.modelKey) = (policyPath, clientFolder, modelKey)
        (self.ownerKey, self.terms, self.now, self.say) = (ownerKey, terms, now, say)
        regularPause = pause
        policy = try SignedPolicy(policyPath, owner: ownerKey.publicKey)
        var known = ReleaseLedger()
        log = try ReleaseLog(path) { known.take($0) }
        pending = try PendingMessages(besides: path)
        pending.removeAll(but: known.digests(since: now() - PendingMessages.life))
        ledger = known
        if let last = known.policy, !Self.mayFollow(policy, last) { throw Self.replaced(policyPath) }
        clients = try clientFolder.read()
    }

    /// Checks servers until it is cancelled.
    ///
    /// - Throws: ``KeyReleaseError`` when the log cannot be written; then nothing is released.
    package func watch(_ servers: [WatchedServer]) async throws {
        try record(LogEntry(.started, time: now()))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for server in servers {
                group.addTask {
                    while true { try await Task.sleep(for: try await self.look(at: server, isPatient: true)) }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Checks a server once, and provisions those of its enclaves that need it and pass the policy.
    ///
    /// - Parameter isPatient: Whether an enclave whose next check is not due is skipped.
    /// - Returns: The pause before the next check.
    /// - Throws: ``KeyReleaseError`` when the log cannot be written.
    package func look(at server: WatchedServer, isPatient: Bool = false) async throws -> Duration {
        try reload()
        let first = ReplicaPlace(0)
        var (shortest, replicas) = try await look(at: server, first, isPatient: isPatient)
        guard let replicas else { return shortest }
        // The state of enclaves that no longer exist is removed.
        let places =
            (1..<max(1, min(replicas.serving, terms.replicas))).map { ReplicaPlace($0) }
            + (0..<min(replicas.staged, terms.replicas)).map { ReplicaPlace($0, isStaged: true) }
        watches = watches.filter {
            $0.key.server != server.url || $0.key.place == first || places.contains($0.key.place)
        }
        for place in places {
            let (pause, _) = try await look(at: server, place, isPatient: isPatient)
            shortest = min(shortest, pause)
        }
        return shortest
    }

    /// - Returns: The pause before the next check, and the numbers of enclaves that the server reports; `nil` if it
    ///   reports none.
    private func look(
        at server: WatchedServer, _ place: ReplicaPlace, isPatient: Bool
    ) async throws -> (pause: Duration, replicas: ReplicaCount?) {
        let watched = Watched(server: server.url, place: place)
        var watch = watches[watched] ?? Watch(pauses: WatchPauses(regular: regularPause))
        let early = watch.next - .now
        // The first enclave's answer says how many there are, so it is never skipped.
        if isPatient, early > .zero, place != ReplicaPlace(0) { return (early, nil) }
        defer { watches[watched] = watch }
        var replicas: ReplicaCount?
        do {
            let said = try await server.saysReady(place)
            replicas = said.replicas
            if isPatient, early > .zero { return (early, replicas) }
            let pause = try await look(at: server, place, isReady: said.isReady, &watch)
            watch.next = .now + pause
            return (pause, replicas)
        } catch let error as ClientError {
            let pause = try refuse(server, error, &watch)
            watch.next = .now + pause
            return (pause, replicas)
        }
    }

    private func look(
        at server: WatchedServer, _ place: ReplicaPlace, isReady: Bool, _ watch: inout Watch
    ) async throws -> Duration {
        do {
            let time = now()
            let isDue = time >= watch.renewal || time - watch.verified >= WatchPauses.longestTrust
            guard !isReady || isDue || watch.clientList != clientList else { return watch.pauses.afterSuccess() }
            let inForce = policy
            let session = try await server.attest(inForce.policy, place)
            // A check of another server may have loaded a newer policy meanwhile.
            guard inForce.digest == policy.digest, inForce.sequence == policy.sequence else {
                return watch.pauses.afterSuccess()
            }
            watch.verified = now()
            return try await take(session, of: server, &watch)
        } catch let error as ClientError {
            return try refuse(server, error, &watch)
        }
    }

    private func take(
        _ session: EnclaveSession, of server: WatchedServer, _ watch: inout Watch
    ) async throws -> Duration {
        let epoch = session.peer.epoch.hex
        let last = ledger.messages[epoch]
        let decision = ReleaseDecision(
            session.peer.facts.state, last: last, now: now(), renewsAt: terms.renewsAt,
            clientsChanged: last?.clientList != clientList)
        switch decision {
        case .nothing:
            if case .provisioned(let lease, _) = session.peer.facts.state {
                watch.renewal = now() + Double(lease.secondsLeft) - Double(min(terms.renewsAt, lease.seconds))
            }
            watch.clientList = clientList
            if let last { pending.remove(last.digest) }
            return watch.pauses.afterSuccess()
        case .sendAgain:
            guard let last, let message = pending.message(last.digest) else {
                var entry = entry(.refusal, server, session)
                (entry.code, entry.reason) = (
                    "message_lost",
                    "this run of the enclave was sent a message that is no longer available, and gets no other one; restart the enclave"
                )
                try record(entry)
                return watch.pauses.afterRefusal()
            }
            var entry = entry(.repeated, server, session)
            (entry.message, entry.sequence, entry.cause) = (last.digest, last.sequence, last.cause)
            try record(entry)
            return try await deliver(ProvisioningCiphertext(kept: message), entry, session, &watch)
        case .release(let cause):
            return try await release(cause, to: session, of: server, &watch)
        }
    }

    private func release(
        _ cause: LogEntry.Cause, to session: EnclaveSession, of server: WatchedServer, _ watch: inout Watch
    ) async throws -> Duration {
        var entry = entry(.release, server, session)
        entry.cause = cause
        let recent = ledger.releases(inTheHourBefore: now())
        guard recent < terms.releasesPerHour else {
            entry.event = .refusal
            (entry.code, entry.reason) = (
                "too_many_releases",
                "\(recent) releases in an hour are as many as --releases-per-hour allows; see why the enclave restarts"
            )
            try record(entry)
            return watch.pauses.afterRefusal()
        }
        let sequence = max(UInt64(max(1, now() * 1000)), ledger.highestSequence + 1)
        let message: ProvisioningCiphertext
        let demand = session.peer.manifestCore.service.isEverythingInside ? nil : terms.audit
        do throws(ClientError) {
            message = try session.sealedProvisioning(
                modelKey: modelKey, ownerKey: ownerKey, clients: clients,
                terms: ServiceTerms(
                    sequence: sequence, leaseSeconds: terms.leaseSeconds, requestsInFlight: terms.requestsInFlight,
                    audit: demand?.terms(precision: session.manifest.precision)))
        } catch { return try refuse(server, error, &watch) }
        let digest = LogReader.digest(of: message.bytes)
        (entry.sequence, entry.leaseSeconds, entry.message) = (sequence, terms.leaseSeconds, digest)
        (entry.clients, entry.clientList) = (clients.count, clientList)
        // If the process is killed before the entry is written, nothing was released, and the stored message is removed
        // at the next start. If it is killed afterwards, the next start finds both, and sends the same bytes again or
        // nothing.
        try pending.keep(message.bytes, digest: digest)
        try record(entry)
        pending.removeAll(but: ledger.digests(since: now() - PendingMessages.life))
        return try await deliver(message, entry, session, &watch)
    }

    private func deliver(
        _ message: ProvisioningCiphertext, _ released: LogEntry, _ session: EnclaveSession, _ watch: inout Watch
    ) async throws -> Duration {
        var entry = released
        (entry.leaseSeconds, entry.clients, entry.clientList) = (nil, nil, nil)
        entry.time = now()
        do { entry.audit = try await session.deliver(message).map(LogEntry.Audit.init) } catch let error as ClientError
        {
            entry.event = .undelivered
            (entry.code, entry.reason) = (error.refusal?.rawValue ?? error.code.name, error.message)
            try record(entry)
            return watch.pauses.afterRefusal()
        }
        entry.event = .delivered
        try record(entry)
        return watch.pauses.afterSuccess()
    }

    /// Logs a refusal: rejected evidence or an invalid answer. A server that cannot be reached is no refusal.
    private func refuse(_ server: WatchedServer, _ error: ClientError, _ watch: inout Watch) throws -> Duration {
        guard error.code != .unreachable, error.code != .refused else { return watch.pauses.afterSilence() }
        var entry = LogEntry(.refusal, time: now())
        entry.server = server.url
        entry.policy = policy.digest
        entry.code = error.verdict.map { $0.failures.map(\.code.rawValue).joined(separator: ",") } ?? error.code.name
        entry.reason = error.message
        try record(entry)
        return watch.pauses.afterRefusal()
    }

    private func entry(_ event: LogEntry.Event, _ server: WatchedServer, _ session: EnclaveSession) -> LogEntry {
        var entry = LogEntry(event, time: now())
        (entry.server, entry.policy) = (server.url, policy.digest)
        (entry.epoch, entry.manifestDigest) = (session.peer.epoch.hex, session.peer.manifestDigest.hex)
        return entry
    }

    /// Loads changes of policy and clients. An invalid change is logged once, and the previous values stay in use.
    private func reload() throws {
        try keeping(.policy) { () throws(KeyReleaseError) in
            let found = try SignedPolicy(policyPath, owner: ownerKey.publicKey)
            guard Self.mayFollow(found, (policy.digest, policy.sequence)) else { throw Self.replaced(policyPath) }
            policy = found
        }
        try recordPolicy()
        try keeping(.clients) { () throws(KeyReleaseError) in clients = try clientFolder.read() }
    }

    private func keeping(_ code: KeyReleaseError.Code, _ change: () throws(KeyReleaseError) -> Void) throws {
        do throws(KeyReleaseError) {
            try change()
            complaints[code] = nil
        } catch {
            guard complaints.updateValue(error.message, forKey: code) != error.message else { return }
            var entry = LogEntry(.refusal, time: now())
            (entry.code, entry.reason) = (code.name, error.message)
            try record(entry)
        }
    }

    private static func mayFollow(_ policy: SignedPolicy, _ before: (digest: String, sequence: UInt64)) -> Bool {
        policy.sequence > before.sequence || (policy.sequence == before.sequence && policy.digest == before.digest)
    }

    private static func replaced(_ path: String) -> KeyReleaseError {
        KeyReleaseError(
            .policy, "\(path) was signed before the policy that was last in force",
            remedy: "if it is to be in force again, the owner has to sign it again with `infenclave keyhold sign`")
    }

    private func recordPolicy() throws {
        guard ledger.policy.map({ $0 != (policy.digest, policy.sequence) }) ?? true else { return }
        var entry = LogEntry(.policy, time: now())
        (entry.policy, entry.sequence) = (policy.digest, policy.sequence)
        try record(entry)
    }

    private func record(_ entry: LogEntry) throws {
        let written = try log.append(entry)
        ledger.take(written)
        say(written)
    }

    /// A digest that identifies the present client list without identifying clients.
    private var clientList: String {
        var hash = SHA256()
        for client in clients {
            hash.update(data: client.token.bytes)
            withUnsafeBytes(of: client.requests.littleEndian) { hash.update(bufferPointer: $0) }
            withUnsafeBytes(of: client.requestsPerMinute.littleEndian) { hash.update(bufferPointer: $0) }
        }
        return Array(hash.finalize()).hex
    }
}
