package import BundleFormat
import Dispatch
import Evidence
import Foundation
import Wire

/// Relays opaque messages between clients and the enclave, runs the BackNet, and starts the enclave process again when
/// it ends. A new process is unprovisioned: only the owner can give it the model key.
package actor EnclaveHost {
    /// How to start the enclave process.
    package struct EnclaveCommand: Sendable {
        package let executable: String
        package let arguments: [String]

        package init(executable: String, arguments: [String]) {
            self.executable = executable
            self.arguments = arguments
        }
    }

    /// What operators may know.
    package enum State: String, Sendable {
        /// The enclave process starts, or could not be started and is tried again.
        case starting
        /// It waits for the owner's `infenclave provision`.
        case unprovisioned
        case ready
        case stopped
    }

    package nonisolated let metrics = HostMetrics()
    private let bundle: HostedBundle
    private let backNet: BackNet?
    private let command: EnclaveCommand
    private let maximumWaiting: Int
    private let startTimeout: Duration
    private let log: @Sendable (String) -> Void

    private var connection: EnclaveConnection?
    private var teeKind: TEEKind?
    private var generation = 0
    private var waiting = 0
    private var hasStopped = false
    private(set) var isProvisioned = false
    /// Provisioning messages that an enclave took.
    private var provisionings = 0

    /// - Parameters:
    ///   - bundle: Weights of its BackNet are let go while they are laid out, if nothing else holds them.
    ///   - backNetThreads: Threads of the BackNet.
    ///   - maximumWaiting: Requests admitted at a time; more are refused as overloaded.
    ///   - startTimeout: How long an enclave process may take to say hello and to read the bundle.
    ///   - log: Takes lines without secrets: the host has none.
    package init(
        bundle: consuming HostedBundle, command: EnclaveCommand, backNetThreads: Int, maximumWaiting: Int = 64,
        startTimeout: Duration = .seconds(120), log: @escaping @Sendable (String) -> Void
    ) throws(HostError) {
        self.command = command
        self.maximumWaiting = maximumWaiting
        self.startTimeout = startTimeout
        self.log = log
        if let graph = bundle.backNet.take() {
            backNet = try BackNet(consume graph, precision: bundle.backNetPrecision, threads: backNetThreads)
        } else {
            backNet = nil
        }
        self.bundle = bundle
    }

    package var state: State {
        if hasStopped { return .stopped }
        guard connection != nil, teeKind != nil else { return .starting }
        return isProvisioned ? .ready : .unprovisioned
    }

    /// Counts the enclave processes; `nil` while none has the bundle. What one of them said holds for no other.
    package var runningGeneration: Int? { connection != nil && teeKind != nil ? generation : nil }

    /// Starts the enclave process and hands it the bundle.
    ///
    /// - Throws: ``HostError``; a process that stays silent is ended after the timeout.
    package func start() async throws(HostError) {
        generation += 1
        let current = generation
        let process = try EnclaveProcess(executable: command.executable, arguments: command.arguments)
        let connection = EnclaveConnection(process: process) { [weak self] in
            Task { await self?.enclaveEnded(generation: current) }
        }
        self.connection = connection
        isProvisioned = false
        // Ending the process fails every question that it has not answered. A queue of its own, as whoever waits may
        // hold all threads of the cooperative pool.
        let watchdog = DispatchWorkItem { [startTimeout, log] in
            log("the enclave process did not start within \(startTimeout): ending it")
            connection.close()
        }
        DispatchQueue.global().asyncAfter(deadline: .now() + startTimeout / .seconds(1), execute: watchdog)
        defer { watchdog.cancel() }
        do throws(HostError) {
            guard
                case .hello(let version, let kind, let credits) = try await connection.ask(
                    .hello(versions: FrameHeader.versions)),
                FrameHeader.versions.contains(version), let teeKind = TEEKind(rawValue: kind)
            else { throw HostError(.protocolViolation, "the enclave did not say which TEE it runs in") }
            connection.credits.limit(to: Int(credits))
            try await load(connection)
            self.teeKind = teeKind
            guard !connection.hasEnded else { throw HostError(.enclaveUnavailable, "the enclave process has ended") }
            log("enclave started: tee \(kind), waiting for the owner")
            follow(connection, generation: current)
        } catch {
            connection.close()
            self.connection = nil
            teeKind = nil
            throw error
        }
    }

    /// Ends the enclave process; nothing is served afterwards.
    package func stop() {
        hasStopped = true
        connection?.close()
        connection = nil
    }

    /// Evidence over this nonce.
    package func evidence(nonce: [UInt8]) async throws(HostError) -> EvidenceDocument {
        let connection = try current()
        guard case .evidence(let evidence) = try await connection.ask(.evidence(nonce: nonce)), let teeKind else {
            throw HostError(.protocolViolation, "the enclave did not answer with evidence")
        }
        do throws(EvidenceError) {
            return try EvidenceDocument(
                tee: teeKind, nonce: nonce, evidence: evidence.evidence, collateral: evidence.collateral,
                keyConfiguration: evidence.keyConfiguration, manifestCore: bundle.manifestCore,
                manifest: bundle.manifest, manifestSignature: bundle.manifestSignature, facts: evidence.facts,
                epoch: evidence.epoch)
        } catch { throw HostError(.protocolViolation, "the enclave's evidence is not usable: \(error.message)") }
    }

    /// Hands the owner's sealed message to the enclave.
    package func provision(_ ciphertext: [UInt8]) async throws(HostError) {
        let connection = try current()
        let asked = generation
        let reply: EnclaveMessage
        do throws(HostError) { reply = try await connection.ask(.provision(ciphertext: ciphertext)) } catch {
            // When a lease ends the enclave wipes the model, and the parts with it: it needs them again.
            guard error.enclaveCode == .bundleMissing else { throw error }
            do throws(HostError) { try await loadParts(connection) } catch {
                // Another message at the same time had the same parts loaded.
                guard error.enclaveCode == .partRefused || error.enclaveCode == .unexpected else { throw error }
            }
            reply = try await connection.ask(.provision(ciphertext: ciphertext))
        }
        guard case .provisioned = reply else {
            throw HostError(.protocolViolation, "the enclave did not answer the provisioning message")
        }
        guard asked == generation, teeKind != nil else {
            throw HostError(.enclaveUnavailable, "the enclave process ended after it was provisioned; provision again")
        }
        if !isProvisioned { log("enclave provisioned: serving") }
        isProvisioned = true
        provisionings += 1
    }

    /// Makes room for a request; ``release()`` gives it back.
    ///
    /// - Throws: ``HostError`` `.overloaded`.
    package func admit() throws(HostError) {
        guard waiting < maximumWaiting else {
            metrics.countRefusal("overloaded")
            throw HostError(.overloaded, "\(waiting) requests wait already; try again later")
        }
        waiting += 1
    }

    package func release() { waiting -= 1 }

    /// Relays a client's `message/ohttp-req`, for which ``admit()`` made room, and returns the `message/ohttp-res`.
    package func answer(_ message: [UInt8]) async throws(HostError) -> [UInt8] {
        let start = ContinuousClock.now
        do throws(HostError) {
            let answer = try await exchange(message)
            metrics.countAnswer(taking: ContinuousClock.now - start)
            return answer
        } catch {
            metrics.countRefusal(error.enclaveCode?.name ?? error.code.name)
            throw error
        }
    }

    private func exchange(_ message: [UInt8]) async throws(HostError) -> [UInt8] {
        let connection = try current()
        if !connection.credits.takeAtOnce() { await connection.credits.take() }
        var (reply, requestID): (EnclaveMessage, UInt64)
        do throws(HostError) {
            (reply, requestID) = try await connection.ask(.infer(message: message), requestID: nil)
            connection.credits.give()
        } catch {
            connection.credits.give()
            throw error
        }
        if case .intermediate(let tensors) = reply {
            let start = ContinuousClock.now
            let outputs = await backNet?.run(tensors)
            metrics.countBackNet(taking: ContinuousClock.now - start)
            let continuation = outputs.map(HostMessage.backNetResult) ?? .backNetFailure
            (reply, requestID) = try await connection.ask(continuation, requestID: requestID)
        }
        guard case .answer(let answer) = reply else {
            throw HostError(.protocolViolation, "the enclave did not answer the request")
        }
        return answer
    }

    /// Asks the enclave regularly whether it serves: a lease ends without a message.
    private func follow(_ connection: EnclaveConnection, generation: Int) {
        Task { [weak self] in
            while let before = await self?.provisionings, let reply = try? await connection.ask(.status) {
                guard case .status(let status) = reply else { return }
                await self?.note(status, generation: generation, before: before)
                try? await Task.sleep(for: Self.statusInterval)
            }
        }
    }

    private static let statusInterval = Duration.seconds(1)

    /// - Parameter before: ``provisionings`` when the status was asked for: it may be older than a message since.
    private func note(_ status: EnclaveStatus, generation: Int, before: Int) {
        guard generation == self.generation, teeKind != nil, before == provisionings else { return }
        if isProvisioned, status.state == .leaseEnded {
            log("the owner's lease has ended: the enclave wiped the model; the owner must provision again")
        }
        isProvisioned = status.state == .provisioned
    }

    private func current() throws(HostError) -> EnclaveConnection {
        guard let connection, teeKind != nil else {
            throw HostError(.enclaveUnavailable, "the enclave process is starting; try again in a moment")
        }
        return connection
    }

    private func load(_ connection: EnclaveConnection) async throws(HostError) {
        try await expectAccepted(
            connection, .loadManifest(core: bundle.manifestCore, signature: bundle.manifestSignature))
        try await loadParts(connection)
    }

    private func loadParts(_ connection: EnclaveConnection) async throws(HostError) {
        for (name, part) in [(SealedPartName.frontNet, bundle.frontNet), (.mappingUnit, bundle.mappingUnit)] {
            var offset = 0
            repeat {
                let end = min(offset + FrameLimits.partChunkBytes, part.count)
                try await expectAccepted(
                    connection,
                    .loadPart(
                        name, totalBytes: UInt64(part.count), offset: UInt64(offset), bytes: Array(part[offset..<end])))
                offset = end
            } while offset < part.count
        }
    }

    private func expectAccepted(_ connection: EnclaveConnection, _ message: HostMessage) async throws(HostError) {
        guard case .accepted = try await connection.ask(message) else {
            throw HostError(.protocolViolation, "the enclave did not accept the bundle")
        }
    }

    /// A process that ends while `start` still talks to it fails that start instead.
    private func enclaveEnded(generation ended: Int) async {
        guard ended == generation, teeKind != nil, !hasStopped else { return }
        connection = nil
        teeKind = nil
        isProvisioned = false
        metrics.countRestart()
        log("enclave process ended: starting a new one, which the owner must provision again")
        var delay = Duration.milliseconds(200)
        while !hasStopped {
            do throws(HostError) {
                return try await start()
            } catch {
                log("the enclave cannot be started: \(error); next try in \(delay)")
                try? await Task.sleep(for: delay)
                delay = min(delay * 2, .seconds(10))
            }
        }
    }
}
