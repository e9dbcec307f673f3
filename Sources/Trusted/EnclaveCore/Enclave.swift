// SPDX-License-Identifier: Apache-2.0
import Crypto
import Evidence
package import Inference
import SealedChannel
package import Wire

/// The enclave as a state machine: it takes messages of the host and returns frames for the host. It trusts nothing
/// that the host says. Its only I/O is to ask the platform for evidence and the time.
///
/// States: a bundle is loaded, the owner provisions it, it answers clients until the owner's lease ends; then the model is
/// wiped, and the owner may provision again. Another bundle or owner needs a new process.
package struct Enclave: ~Copyable {
    private enum State {
        case awaitingManifest
        case awaitingParts(BundleAssembly)
        case awaitingOwner(SealedBundle)
        case provisioned(Service)
        case leaseEnded(EndedService)
    }

    private var state = State.awaitingManifest
    private var keyRing: ChannelKeyRing
    private var refused: UInt64 = 0
    private let epoch = EnclaveEpoch.random()
    private let evidenceSource: any EvidenceSource
    private let limits: EnclaveLimits
    private let clock: EnclaveClock
    private let workers: InferenceWorkers
    /// The loaded part of the BackNet, for an audit.
    private var backNet: PartAssembly?
    /// Where the owner has demanded an audit: counts of this process, and the compiled BackNet, which is no secret.
    private var auditor: Auditor?

    /// Whether the host asked the process to end.
    package private(set) var isShutDown = false

    /// Makes fresh channel keys and a fresh epoch.
    ///
    /// - Throws: ``EnclaveStartError`` when the keys cannot be made.
    package init(
        evidenceSource: any EvidenceSource, limits: EnclaveLimits = EnclaveLimits(), clock: EnclaveClock = .bootTime,
        workers: InferenceWorkers = InferenceWorkers()
    ) throws(EnclaveStartError) {
        do throws(EnclaveRefusal) {
            keyRing = try ChannelKeyRing(limits: limits, at: clock.now())
        } catch { throw EnclaveStartError() }
        self.evidenceSource = evidenceSource
        self.limits = limits
        self.clock = clock
        self.workers = workers
    }

    /// Limits on what the host may send in the present state.
    package var frameLimits: FrameLimits {
        switch state {
        case .awaitingManifest, .awaitingParts, .awaitingOwner, .leaseEnded: FrameLimits(tensorBytes: 0)
        case .provisioned(let service): service.frameLimits
        }
    }

    /// Worker threads; `nil` if the enclave's own thread computes.
    func makeWorkers() -> Workers? { workers.count == 1 ? nil : Workers(workers) }

    /// When ``advance()`` has something to do next, by the enclave's clock.
    package var nextChange: Duration {
        guard case .provisioned(let service) = state else { return keyRing.nextChange }
        return min(service.leaseEnd, keyRing.nextChange)
    }

    /// How long until ``nextChange``; zero when it is due.
    package var timeToNextChange: Duration { max(.zero, nextChange - clock.now()) }

    /// Performs the actions that are due: ends a lease and wipes the model, replaces and deletes channel keys.
    ///
    /// - Returns: Refusals for requests in progress when a lease ends, and for those that waited too long.
    package mutating func advance() -> [Frame<EnclaveMessage>] {
        let now = clock.now()
        var frames: [Frame<EnclaveMessage>] = []
        if case .provisioned(let service) = state, service.leaseEnd <= now, Defence.lease.isInPlace {
            frames = service.endLease()
            // The model is wiped when the last computation is finished, and evidence states that only then. No request
            // is accepted meanwhile; if a computation does not end, the watchdog ends the process.
            if service.isIdle { wipe(service) }
        }
        if case .provisioned(let service) = state { frames += service.giveUpOldRequests(at: now) }
        // If no keys can be made now, the next message tries again; expired keys open nothing.
        try? keyRing.advance(to: now)
        return frames
    }

    private mutating func wipe(_ service: Service) {
        do throws(EnclaveRefusal) {
            state = .leaseEnded(try EndedService(service, limits: limits))
        } catch {
            // The same manifest was accepted when it was loaded; were it not, only a new process could serve.
            state = .awaitingManifest
            isShutDown = true
        }
    }

    /// The immediate outcome of a message.
    package struct Step {
        /// The messages of ``Enclave/advance()``, then the reply with the message's identifier, if it exists yet.
        package var frames: [Frame<EnclaveMessage>]
        /// A computation for the reply. Its result goes to ``Enclave/finish(_:)``, in any order.
        package var computation: Computation?
    }

    /// Takes one message of the host.
    package mutating func take(_ message: HostMessage, requestID: UInt64) -> Step {
        var step = Step(frames: advance())
        do throws(EnclaveRefusal) {
            switch try reply(to: message, requestID: requestID) {
            case .message(let reply): step.frames.append(Frame(requestID: requestID, message: reply))
            case .computation(let computation): step.computation = computation
            }
        } catch { step.frames.append(refuse(error.code, requestID: requestID)) }
        return step
    }

    /// Takes the result of a computation.
    ///
    /// - Returns: The reply to its request, unless it was answered or abandoned meanwhile; preceded by the messages of
    ///   ``advance()``.
    package mutating func finish(_ computed: Computed) -> [Frame<EnclaveMessage>] {
        let frames = advance()
        guard case .provisioned(let service) = state else { return frames }
        // Even an abandoned one may be the last that kept a lease from ending.
        guard let reply = service.finish(computed) else { return frames + advance() }
        return frames + [Frame(requestID: computed.requestID, message: reply)]
    }

    /// Processes one message of the host, including its computation.
    ///
    /// - Returns: The messages of ``advance()``, then the reply with the same identifier.
    package mutating func handle(_ message: HostMessage, requestID: UInt64) -> [Frame<EnclaveMessage>] {
        let step = take(message, requestID: requestID)
        guard let computation = step.computation else { return step.frames }
        return step.frames + finish(computation.run(worker: 0))
    }

    /// Answers a frame that could not be decoded.
    package mutating func refuseMalformed(requestID: UInt64) -> [Frame<EnclaveMessage>] {
        advance() + [refuse(.malformed, requestID: requestID)]
    }

    private mutating func refuse(_ code: EnclaveErrorCode, requestID: UInt64) -> Frame<EnclaveMessage> {
        refused += 1
        return Frame(requestID: requestID, message: .refused(code))
    }

    private mutating func reply(
        to message: HostMessage, requestID: UInt64
    ) throws(EnclaveRefusal) -> Service.Reply {
        switch message {
        case .infer(let message): return try infer(message, requestID: requestID)
        case .backNetResult(let tensors):
            return try service(or: .unknownRequest).resume(requestID, backNet: tensors)
        default: return .message(try answer(to: message, requestID: requestID))
        }
    }

    /// Replies that need no computation.
    private mutating func answer(
        to message: HostMessage, requestID: UInt64
    ) throws(EnclaveRefusal) -> EnclaveMessage {
        switch message {
        case .hello(let versions):
            guard versions.contains(FrameHeader.version) else { throw EnclaveRefusal(.unsupportedVersion) }
            return .hello(
                version: FrameHeader.version, teeKind: evidenceSource.kind.rawValue,
                credits: UInt32(clamping: min(workers.capacity, limits.requestsInFlight)))
        case .keySlot(let slot): return try name(keys: slot)
        case .loadManifest(let core, let signature): return try load(core: core, signature: signature)
        case .loadPart(.backNet, let totalBytes, let offset, let bytes):
            try loadBackNet(bytes, offset: offset, totalBytes: totalBytes)
            return .accepted
        case .loadPart(let part, let totalBytes, let offset, let bytes):
            try assembly().load(part, bytes, offset: offset, totalBytes: totalBytes)
            return takeWholeBundle()
        case .evidence(let nonce): return .evidence(try evidence(nonce: nonce))
        case .provision(let ciphertext): return try provision(ciphertext)
        case .infer, .backNetResult: throw EnclaveRefusal(.internalFault)
        case .backNetFailure: return .answer(try service(or: .unknownRequest).fail(requestID))
        case .cancel: return try service(or: .unknownRequest).cancel(requestID)
        case .status: return .status(status)
        case .shutdown:
            isShutDown = true
            return .accepted
        }
    }
}

// The steps from state to state.
extension Enclave {
    /// Makes keys with other identifiers. No evidence contains the present ones: there is none before a bundle.
    private mutating func name(keys slot: KeySlot) throws(EnclaveRefusal) -> EnclaveMessage {
        guard case .awaitingManifest = state else { throw EnclaveRefusal(.unexpected) }
        keyRing = try ChannelKeyRing(limits: limits, slot: slot, at: clock.now())
        return .accepted
    }

    private mutating func load(core: [UInt8], signature: [UInt8]) throws(EnclaveRefusal) -> EnclaveMessage {
        guard case .awaitingManifest = state else { throw EnclaveRefusal(.unexpected) }
        let manifest = try VerifiedManifest(core: core, signature: signature)
        state = .awaitingParts(try BundleAssembly(manifest, limits: limits))
        return .accepted
    }

    /// - Throws: ``EnclaveRefusal`` (unexpected) where no parts are awaited.
    private func assembly() throws(EnclaveRefusal) -> BundleAssembly {
        switch state {
        case .awaitingParts(let assembly): return assembly
        case .leaseEnded(let service): return service.assembly
        case .awaitingManifest, .awaitingOwner, .provisioned: throw EnclaveRefusal(.unexpected)
        }
    }

    /// Takes a chunk of the BackNet's graph, in any state that has a manifest; the graph is loaded only once.
    private mutating func loadBackNet(
        _ chunk: [UInt8], offset: UInt64, totalBytes: UInt64
    ) throws(EnclaveRefusal) {
        guard auditor == nil, let manifest else { throw EnclaveRefusal(.unexpected) }
        var assembly: PartAssembly
        if let begun = backNet.take() {
            assembly = begun
        } else {
            assembly = try PartAssembly(manifest.core.part(.backNet), limit: limits.partBytes)
        }
        defer { backNet = assembly }
        try assembly.append(chunk, offset: offset, totalBytes: totalBytes)
    }

    private var manifest: VerifiedManifest? {
        switch state {
        case .awaitingManifest: nil
        case .awaitingParts(let assembly): assembly.manifest
        case .awaitingOwner(let bundle): bundle.manifest
        case .provisioned(let service): service.bundle.manifest
        case .leaseEnded(let service): service.bundle.manifest
        }
    }

    /// The existing auditor, or a new one if a message demands an audit for the first time.
    ///
    /// - Throws: ``EnclaveRefusal``: `bundleMissing` where the host has not loaded the BackNet, and those of
    ///   ``BackNetReference``.
    private func auditor(
        for message: ProvisioningMessage, of manifest: VerifiedManifest
    ) throws(EnclaveRefusal) -> Auditor? {
        guard message.terms.audit != nil, auditor == nil, !manifest.core.service.isEverythingInside else {
            return auditor
        }
        guard let part = backNet?.whole else { throw EnclaveRefusal(.bundleMissing) }
        return Auditor(
            try BackNetReference(part.bytes(0..<part.byteCount), facts: manifest.core.service, workers: workers))
    }

    private mutating func takeWholeBundle() -> EnclaveMessage {
        if case .awaitingParts(let assembly) = state, let bundle = assembly.bundle { state = .awaitingOwner(bundle) }
        return .accepted
    }

    /// The complete bundle, with its digests.
    ///
    /// - Throws: ``EnclaveRefusal`` (bundleMissing) before it is whole.
    private func attested(at now: Duration) throws(EnclaveRefusal) -> (AttestedBundle, EnclaveFacts.State) {
        switch state {
        case .awaitingManifest, .awaitingParts: throw EnclaveRefusal(.bundleMissing)
        case .awaitingOwner(let bundle): return (AttestedBundle(bundle), .unprovisioned)
        case .provisioned(let service): return (service.bundle, service.state(at: now))
        case .leaseEnded(let service): return (service.bundle, .leaseEnded)
        }
    }

    private func service(or code: EnclaveErrorCode) throws(EnclaveRefusal) -> Service {
        guard case .provisioned(let service) = state else { throw EnclaveRefusal(code) }
        return service
    }

    private mutating func infer(_ message: [UInt8], requestID: UInt64) throws(EnclaveRefusal) -> Service.Reply {
        switch state {
        case .provisioned(let service):
            return try service.infer(message, requestID: requestID, keyRing: &keyRing, at: clock.now())
        case .leaseEnded(let service): return .message(try service.refuse(message, keyRing: keyRing))
        case .awaitingManifest, .awaitingParts, .awaitingOwner: throw EnclaveRefusal(.notProvisioned)
        }
    }

    /// The platform's evidence of this enclave's keys, bundle, owner, run and facts.
    private func evidence(nonce: [UInt8]) throws(EnclaveRefusal) -> EnclaveEvidence {
        let (bundle, state) = try attested(at: clock.now())
        let keyConfiguration = keyRing.keyConfiguration
        let facts: [UInt8]
        let transcript: ReportTranscript
        do throws(EvidenceError) {
            facts = try bundle.facts(state).encoded()
            transcript = try ReportTranscript(
                nonce: nonce, keyConfiguration: keyConfiguration,
                facts: try bundle.bound(facts),
                manifestDigest: bundle.manifest.digest.bytes, ownerPublicKey: bundle.manifest.owner.bytes,
                epoch: epoch.bytes)
        } catch { throw EnclaveRefusal(.malformed) }
        do throws(EvidenceSourceError) {
            let reportData = Array(SHA512.hash(data: transcript.encoded()))
            let evidence = try evidenceSource.evidence(reportData: reportData)
            return EnclaveEvidence(
                evidence: evidence.evidence,
                collateral: Dictionary(
                    uniqueKeysWithValues: evidence.collateral.map { ($0.key.rawValue, $0.value) }),
                keyConfiguration: keyConfiguration, facts: facts, epoch: epoch.bytes)
        } catch { throw EnclaveRefusal(.evidenceUnavailable) }
    }

    /// The run, bundle and keys that an owner's message must be for.
    private func expectation(_ manifest: VerifiedManifest) -> ProvisioningMessage.Expectation {
        #if MUTANTS
            return .init(
                owner: Defence.provisioningOwner.isInPlace ? manifest.owner : Defence.anotherOwner,
                manifestDigest: manifest.digest,
                epoch: Defence.provisioningEpoch.isInPlace ? epoch : Defence.anotherEpoch)
        #else
            return .init(owner: manifest.owner, manifestDigest: manifest.digest, epoch: epoch)
        #endif
    }

    /// Takes the owner's message. A message that fails changes nothing, unless it opens parts that cannot be run, which
    /// only their owner can make: then the host has to load them again.
    private mutating func provision(_ ciphertext: [UInt8]) throws(EnclaveRefusal) -> EnclaveMessage {
        let now = clock.now()
        let (attested, _) = try attested(at: now)
        let (message, sealer) = try keyRing.open(ciphertext, expecting: expectation(attested.manifest))
        let audit: Auditor?
        switch state {
        case .awaitingManifest, .awaitingParts: throw EnclaveRefusal(.bundleMissing)
        case .awaitingOwner(let bundle):
            audit = try auditor(for: message, of: bundle.manifest)
            do throws(EnclaveRefusal) { try serve(bundle, message, audit) } catch {
                if !bundle.isWhole { state = .awaitingParts(try BundleAssembly(bundle.manifest, limits: limits)) }
                throw error
            }
        case .provisioned(let service):
            audit = try auditor(for: message, of: service.bundle.manifest)
            var fresh = keyRing
            try fresh.replaceAll(at: now)
            try service.renew(message, auditor: audit, at: now)
            keyRing = fresh
        case .leaseEnded(let ended):
            guard message.terms.sequence > ended.sequence else { throw EnclaveRefusal(.staleSequence) }
            // The host loads the parts again, and sends the message again.
            guard let bundle = ended.assembly.bundle else { throw EnclaveRefusal(.bundleMissing) }
            audit = try auditor(for: message, of: bundle.manifest)
            var fresh = keyRing
            try fresh.replaceAll(at: now)
            do throws(EnclaveRefusal) { try serve(bundle, message, audit) } catch {
                if !bundle.isWhole { try ended.assembly.restart() }
                throw error
            }
            keyRing = fresh
        }
        if audit != nil { backNet = nil }
        auditor = audit
        // The findings so far, whatever terms this message sets.
        let statistics = audit.map { sealer.sealed($0.statistics) } ?? []
        audit?.begin(message.terms.audit)
        return .provisioned(statistics: statistics)
    }

    private mutating func serve(
        _ bundle: SealedBundle, _ message: ProvisioningMessage, _ auditor: Auditor?
    ) throws(EnclaveRefusal) {
        let classifier = try Classifier(
            opening: bundle, with: message, workers: workers)
        // Opening a large model takes time; the lease starts when it can be used.
        state = .provisioned(
            Service(
                classifier, bundle: AttestedBundle(bundle), provisioning: message, limits: limits,
                computingCapacity: workers.capacity, auditor: auditor, at: clock.now()))
    }

    private var status: EnclaveStatus {
        let state: EnclaveStatus.State
        var counters = Service.Counters()
        switch self.state {
        case .awaitingManifest, .awaitingParts: state = .awaitingBundle
        case .awaitingOwner: state = .awaitingOwner
        case .provisioned(let service):
            state = .provisioned
            counters = service.counters
        case .leaseEnded: state = .leaseEnded
        }
        return EnclaveStatus(
            state: state, keyGeneration: keyRing.generation, inFlight: UInt32(clamping: counters.inFlight),
            credits: UInt32(clamping: counters.credits), opened: counters.opened, answered: counters.answered,
            refused: refused,
            rejectedResults: counters.rejectedResults)
    }
}
