// SPDX-License-Identifier: Apache-2.0
package import BundleFormat
import Dispatch
import Evidence
import Foundation
package import Wire

/// One replica of a pool: relays opaque messages between clients and its enclave, runs the BackNet, and starts the enclave
/// process again when it ends. A new process is unprovisioned: only the owner can give it the model key.
package actor EnclaveHost {
    /// The state of an enclave, for operators.
    package enum State: String, Sendable, CaseIterable {
        /// The enclave process is starting, or its start failed and will be tried again.
        case starting
        /// It waits for the owner's `infenclave provision`.
        case unprovisioned
        /// No engine runs the layers outside the enclave.
        case backNetUnavailable
        case ready
        /// The enclave process runs and does not answer.
        case unresponsive
        /// Requests in progress are completed; clients should send no new ones.
        case stopping
        case stopped
    }

    /// The state, and what an operator can do about it.
    package struct Readiness: Sendable {
        package let state: State
        /// Why it is not ready.
        package let reason: String?

        package init(state: State, reason: String?) {
            self.state = state
            self.reason = reason
        }
    }

    package nonisolated let metrics: HostMetrics
    /// Determines the identifiers of the enclave's keys.
    package nonisolated let slot: KeySlot
    nonisolated let standing = ReplicaStanding()
    private let bundle: HostedBundle
    private let backNet: (any BackNetEngine)?
    private let placement: EnclavePlacement
    private let source: any EnclaveSource
    private let hasCompanions: Bool
    private let startTimeout: Duration
    let log: @Sendable (LogLine) -> Void

    var connection: EnclaveConnection? { didSet { publish() } }
    var teeKind: TEEKind? { didSet { publish() } }
    var generation = 0
    package private(set) var isStopping = false { didSet { publish() } }
    var hasStopped = false { didSet { publish() } }
    var isProvisioned = false { didSet { publish() } }
    var leaseHasEnded = false
    var lease = LeaseWatch()
    /// Since when the enclave has owed an answer for too long.
    var silence: Duration? { didSet { publish() } }
    var started = ContinuousClock.now
    var backoff = RestartBackoff()
    /// Why the last start failed; `nil` if it succeeded.
    var failure: HostError?
    /// The number of provisioning messages that the enclave accepted.
    var provisionings = 0

    /// - Parameters:
    ///   - bundle: The bundle, shared with the other replicas.
    ///   - engine: Runs the BackNet; `nil` if everything is inside.
    ///   - slot: A slot that no other replica of the model has.
    ///   - hasCompanions: Whether other replicas serve the same bundle, so that the slot matters.
    ///   - startTimeout: How long an enclave process may take to say hello and to read the bundle.
    ///   - log: Takes lines without secrets: the host has none.
    init(
        bundle: HostedBundle, placement: EnclavePlacement, engine: (any BackNetEngine)?, slot: KeySlot,
        hasCompanions: Bool, startTimeout: Duration, metrics: HostMetrics, log: @escaping @Sendable (LogLine) -> Void
    ) throws(HostError) {
        self.placement = placement
        source = try placement.makeSource()
        (self.slot, self.hasCompanions, self.metrics) = (slot, hasCompanions, metrics)
        self.startTimeout = startTimeout + EnclaveConnection.allowance(forPartBytes: bundle.partBytes)
        self.log = log
        backNet = engine
        self.bundle = bundle
    }

    package var state: State {
        let state = processState
        return state == .ready && backNet?.outage != nil ? .backNetUnavailable : state
    }

    private var processState: State {
        if hasStopped { return .stopped }
        if isStopping { return .stopping }
        guard connection != nil, teeKind != nil else { return .starting }
        if silence != nil { return .unresponsive }
        return isProvisioned ? .ready : .unprovisioned
    }

    private func publish() {
        standing.become(processState, connection: teeKind == nil ? nil : connection, silence: silence)
    }

    package var readiness: Readiness {
        let reason: String? =
            switch state {
            case .ready: nil
            case .starting:
                failure.map { "the enclave cannot be started: \($0.message)" } ?? source.awaited ?? "the enclave starts"
            case .unprovisioned:
                leaseHasEnded
                    ? "the owner's lease has ended: the owner runs `infenclave provision`"
                    : "no owner has provisioned this enclave process: the owner runs `infenclave provision`"
            case .backNetUnavailable: backNet?.outage
            case .unresponsive:
                "the enclave process does not answer; it is ended after \(Self.longestSilence) without an answer"
            case .stopping, .stopped: "the server was told to stop"
            }
        return Readiness(state: state, reason: reason)
    }

    /// The remaining time of the owner's lease; `nil` without one.
    var leaseLeft: Duration? { lease.left(at: .now) }

    /// A number that identifies the enclave process; `nil` while none has the bundle. State of one process does not
    /// apply to another.
    package var runningGeneration: Int? { connection != nil && teeKind != nil ? generation : nil }

    /// Starts the enclave process, or starts listening for one that connects. Supervision runs in the background.
    ///
    /// - Throws: ``HostError`` when a process cannot be started.
    package func begin() async throws(HostError) {
        guard let awaited = source.awaited else { return try await start() }
        log(LogLine(.info, "waiting for the enclave: \(awaited)"))
        Task { await keepStarting(after: .zero) }
    }

    /// Starts the enclave process, or waits for one that dials, and hands it the bundle.
    ///
    /// - Throws: ``HostError``; a process that stays silent is ended after the timeout.
    package func start() async throws(HostError) {
        generation += 1
        let current = generation
        let process = try await source.next { [log] line in
            log(LogLine(.warning, "the enclave says: \(line)", ["source": .text("enclave")]))
        }
        guard !hasStopped else {
            process.end()
            throw HostError(.enclaveUnavailable, "the server was told to stop")
        }
        started = .now
        let connection = EnclaveConnection(
            process: process, workers: placement.workers, partBytes: bundle.partBytes
        ) { [weak self] ending in
            Task { await self?.enclaveEnded(ending, generation: current) }
        }
        self.connection = connection
        forgetService()
        // Ending the process fails every request that it has not answered. This runs on a queue of its own, because
        // waiters may occupy all threads of the cooperative pool.
        let watchdog = DispatchWorkItem { [startTimeout, log] in
            log(LogLine(.error, "the enclave process did not start within \(startTimeout): ending it"))
            connection.close(HostError(.enclaveUnavailable, "the enclave process did not start within \(startTimeout)"))
        }
        DispatchQueue.global().asyncAfter(deadline: .now() + startTimeout / .seconds(1), execute: watchdog)
        defer { watchdog.cancel() }
        do throws(HostError) {
            guard
                case .hello(let version, let kind, let credits) = try await connection.ask(
                    .hello(versions: FrameHeader.versions)),
                FrameHeader.versions.contains(version), let teeKind = TEEKind(rawValue: kind)
            else { throw HostError(.protocolViolation, "the enclave did not say which TEE it runs in") }
            if let expected = placement.tee, teeKind != expected {
                throw HostError(
                    .protocolViolation,
                    "the enclave says that it runs in \(teeKind.rawValue), expected \(expected.rawValue) (--tee)")
            }
            connection.credits.limit(to: Int(credits))
            try await nameKeys(connection)
            try await load(connection)
            self.teeKind = teeKind
            guard !connection.hasEnded else { throw HostError(.enclaveUnavailable, "the enclave process has ended") }
            failure = nil
            log(LogLine(.info, "enclave started: tee \(kind), waiting for the owner"))
            follow(connection, generation: current)
            watch(connection, generation: current)
        } catch {
            connection.close()
            self.connection = nil
            teeKind = nil
            guard error.message == EnclaveConnection.ended.message else { throw error }
            throw HostError(.enclaveUnavailable, connection.lastWords)
        }
    }

    /// Reports from now on that it is not ready. Requests in progress, and those that still arrive, are answered.
    package func beginStopping() { isStopping = true }

    /// Ends the enclave process for good. Waiting callers get an error.
    package func stop() {
        hasStopped = true
        source.close()
        connection?.close(HostError(.enclaveUnavailable, "the server has stopped; try again later"))
        connection = nil
    }

    /// Evidence over this nonce.
    package func evidence(nonce: [UInt8]) async throws(HostError) -> EvidenceDocument {
        let connection = try current()
        guard case .evidence(let evidence) = try await connection.ask(.evidence(nonce: nonce)), let teeKind else {
            throw HostError(.protocolViolation, "the enclave did not answer with evidence")
        }
        let whole = try await completed(evidence.evidence)
        do throws(EvidenceError) {
            noteLease(evidence.facts)
            return try EvidenceDocument(
                tee: teeKind, nonce: nonce, evidence: whole, collateral: evidence.collateral,
                keyConfiguration: evidence.keyConfiguration, manifestCore: bundle.manifestCore,
                manifest: bundle.manifest, manifestSignature: bundle.manifestSignature, facts: evidence.facts,
                epoch: evidence.epoch)
        } catch { throw HostError(.protocolViolation, "the enclave's evidence is not usable: \(error.message)") }
    }

    private func completed(_ evidence: [UInt8]) async throws(HostError) -> [UInt8] {
        guard let completion = placement.completion else { return evidence }
        do { return try await completion(evidence) } catch {
            log(LogLine(.error, "the enclave's evidence cannot be completed: \(error)"))
            throw HostError(refused: .evidenceUnavailable)
        }
    }

    /// Hands the owner's sealed message to the enclave.
    ///
    /// - Returns: What the enclave answers to the owner, sealed; empty where there is no audit.
    @discardableResult
    package func provision(_ ciphertext: [UInt8]) async throws(HostError) -> [UInt8] {
        let connection = try current()
        let asked = generation
        let reply: EnclaveMessage
        do throws(HostError) { reply = try await connection.ask(.provision(ciphertext: ciphertext)) } catch {
            // When a lease ends, the enclave wipes the model and the sealed parts, so it needs the parts again. For an
            // audit it needs the BackNet.
            guard error.enclaveCode == .bundleMissing else { throw error }
            do throws(HostError) { try await loadParts(connection) } catch { try Self.requireLoaded(error) }
            do throws(HostError) { try await loadBackNet(connection) } catch { try Self.requireLoaded(error) }
            reply = try await connection.ask(.provision(ciphertext: ciphertext))
        }
        guard case .provisioned(let statistics) = reply else {
            throw HostError(.protocolViolation, "the enclave did not answer the provisioning message")
        }
        guard asked == generation, teeKind != nil else {
            throw HostError(.enclaveUnavailable, "the enclave process ended after it was provisioned; provision again")
        }
        if !isProvisioned { log(LogLine(.info, "enclave provisioned: serving")) }
        isProvisioned = true
        leaseHasEnded = false
        provisionings += 1
        learnLease(connection)
        return statistics
    }

    /// Relays a client's `message/ohttp-req`, which ``EnclavePool`` admitted, and returns the `message/ohttp-res`.
    ///
    /// - Parameters:
    ///   - received: When the request was complete.
    ///   - deadline: A task that is cancelled after this time missed its deadline; one that is cancelled before was
    ///     abandoned by its client.
    package nonisolated func answer(
        _ message: [UInt8], since received: ContinuousClock.Instant = .now,
        by deadline: ContinuousClock.Instant? = nil
    ) async throws(HostError) -> [UInt8] {
        do throws(HostError) {
            let (answer, enclave) = try await exchange(message, since: received)
            metrics.countAnswer(taking: .now - received, enclave: enclave)
            return answer
        } catch {
            let isLate = error.code == .cancelled && deadline.map { $0 <= .now } == true
            let error = isLate ? HostError.deadlineExceeded : error
            metrics.countRefusal(error.enclaveCode?.name ?? error.code.name)
            throw error
        }
    }

    /// - Returns: The answer, and the time that the enclave took for it.
    private nonisolated func exchange(
        _ message: [UInt8], since received: ContinuousClock.Instant
    ) async throws(HostError) -> ([UInt8], Duration) {
        let connection = try current()
        let hasCredit = await connection.credits.take()
        let asked = ContinuousClock.now
        metrics.countAdmission(taking: asked - received)
        guard hasCredit else { throw EnclaveConnection.cancelled }
        let trace = RequestTrace.current
        trace?.add(.admission, from: received, to: asked)
        var (reply, requestID) = try await connection.ask(.infer(message: message), requestID: nil)
        var enclave = ContinuousClock.now - asked
        trace?.add(.enclave, from: asked, to: asked + enclave)
        if case .intermediate(let tensors) = reply {
            // Messages to another engine take long to encode.
            let run = await withTaskExecutorPreference(globalConcurrentExecutor) { await backNet?.run(tensors) }
            if let run { metrics.countBackNet(run) } else { metrics.countBackNetFailure() }
            if let run { trace?.add(run, endingAt: .now) }
            let continuation = run.map { HostMessage.backNetResult($0.outputs) } ?? .backNetFailure
            let askedAgain = ContinuousClock.now
            (reply, requestID) = try await connection.ask(continuation, requestID: requestID)
            enclave += .now - askedAgain
            trace?.add(.enclave, from: askedAgain, to: .now)
        }
        guard case .answer(let answer) = reply else {
            throw HostError(.protocolViolation, "the enclave did not answer the request")
        }
        return (answer, enclave)
    }

    /// The connection to the enclave, without waiting for this actor.
    ///
    /// - Throws: ``HostError`` `enclaveUnavailable` while no enclave process has the bundle, and while it is silent:
    ///   callers should not wait in vain.
    private nonisolated func current() throws(HostError) -> EnclaveConnection {
        let (connection, silence) = standing.service
        guard let connection else {
            throw HostError(.enclaveUnavailable, "the enclave process is starting; try again in a moment")
        }
        if let silence { throw Self.silent(for: silence) }
        return connection
    }

    /// Tells the enclave the identifiers of its keys. An enclave of an older build does not know the message and
    /// chooses them itself.
    private func nameKeys(_ connection: EnclaveConnection) async throws(HostError) {
        do throws(HostError) { try await expectAccepted(connection, .keySlot(slot)) } catch {
            guard error.enclaveCode == .malformed else { throw error }
            guard !hasCompanions else {
                throw HostError(
                    .unusableBundle,
                    "this enclave cannot be one of several, as it is of an older build: serve without --replicas")
            }
        }
    }

    private func load(_ connection: EnclaveConnection) async throws(HostError) {
        try await expectAccepted(
            connection, .loadManifest(core: bundle.manifestCore, signature: bundle.manifestSignature))
        try await loadParts(connection)
    }

    private func loadParts(_ connection: EnclaveConnection) async throws(HostError) {
        for (name, part) in [(SealedPartName.frontNet, bundle.frontNet), (.mappingUnit, bundle.mappingUnit)] {
            try await load(name, part, connection)
        }
    }

    /// Whether the refusal means that the enclave has the part already, perhaps because of a concurrent message.
    private static func requireLoaded(_ error: HostError) throws(HostError) {
        guard error.enclaveCode == .partRefused || error.enclaveCode == .unexpected else { throw error }
    }

    private func loadBackNet(_ connection: EnclaveConnection) async throws(HostError) {
        guard let file = bundle.backNetFile else { return }
        try await load(.backNet, file, connection)
    }

    private func load(
        _ name: SealedPartName, _ part: PartContent, _ connection: EnclaveConnection
    ) async throws(HostError) {
        var offset = 0
        repeat {
            let end = min(offset + FrameLimits.partChunkBytes, part.byteCount)
            try await expectAccepted(
                connection,
                .loadPart(
                    name, totalBytes: UInt64(part.byteCount), offset: UInt64(offset),
                    bytes: try part.bytes(offset..<end)))
            offset = end
        } while offset < part.byteCount
    }

    private func expectAccepted(_ connection: EnclaveConnection, _ message: HostMessage) async throws(HostError) {
        guard case .accepted = try await connection.ask(message) else {
            throw HostError(.protocolViolation, "the enclave did not accept the bundle")
        }
    }
}
