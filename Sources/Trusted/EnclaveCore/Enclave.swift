import Crypto
import Evidence
import SealedChannel
package import Wire

/// The enclave as a state machine: a message of the host in, frames for the host out. It believes nothing that the host
/// says, and does no I/O but to ask the platform for evidence.
///
/// States: a bundle is loaded, then the owner provisions it, then it answers clients. None is ever left backwards: a new
/// bundle, owner or key needs a new process.
package struct Enclave: ~Copyable {
    private enum State {
        case awaitingBundle(BundleAssembly)
        case awaitingOwner(SealedBundle)
        case provisioned(Service)
    }

    private var state = State.awaitingBundle(BundleAssembly())
    private var keyRing: ChannelKeyRing
    private var refused: UInt64 = 0
    private let epoch = EnclaveEpoch.random()
    private let evidenceSource: any EvidenceSource
    private let limits: EnclaveLimits
    private let threads: Int

    /// Whether the host asked the process to end.
    package private(set) var isShutDown = false

    /// Makes fresh channel keys and a fresh epoch.
    ///
    /// - Parameter threads: Of one inference.
    /// - Throws: ``EnclaveStartError`` when the keys cannot be made.
    package init(
        evidenceSource: any EvidenceSource, limits: EnclaveLimits = EnclaveLimits(), threads: Int = 1
    ) throws(EnclaveStartError) {
        do throws(EnclaveRefusal) {
            keyRing = try ChannelKeyRing(requestsPerKey: limits.requestsPerKey)
        } catch { throw EnclaveStartError() }
        self.evidenceSource = evidenceSource
        self.limits = limits
        self.threads = threads
    }

    /// What the host may send in the present state.
    package var frameLimits: FrameLimits {
        switch state {
        case .awaitingBundle, .awaitingOwner: FrameLimits(tensorBytes: 0)
        case .provisioned(let service): service.frameLimits
        }
    }

    /// Takes one message of the host.
    ///
    /// - Returns: The reply with the same identifier; before it, a refusal for a request that had to go.
    package mutating func handle(_ message: HostMessage, requestID: UInt64) -> [Frame<EnclaveMessage>] {
        do throws(EnclaveRefusal) {
            return try replies(to: message, requestID: requestID)
        } catch { return [refuse(error.code, requestID: requestID)] }
    }

    /// Answers a frame that could not be decoded.
    package mutating func refuseMalformed(requestID: UInt64) -> [Frame<EnclaveMessage>] {
        [refuse(.malformed, requestID: requestID)]
    }

    private mutating func refuse(_ code: EnclaveErrorCode, requestID: UInt64) -> Frame<EnclaveMessage> {
        refused += 1
        return Frame(requestID: requestID, message: .refused(code))
    }

    private mutating func replies(
        to message: HostMessage, requestID: UInt64
    ) throws(EnclaveRefusal) -> [Frame<EnclaveMessage>] {
        let reply: EnclaveMessage
        switch message {
        case .hello(let version):
            guard version == FrameHeader.version else { throw EnclaveRefusal(.unsupportedVersion) }
            reply = .hello(version: FrameHeader.version, teeKind: evidenceSource.kind.rawValue)
        case .loadManifest(let manifest, let signature, let owner):
            try assembly().load(manifest: manifest, signature: signature, owner: owner)
            reply = takeWholeBundle()
        case .loadPart(let part, let totalBytes, let offset, let bytes):
            try assembly().load(part, bytes, offset: offset, totalBytes: totalBytes, limit: limits.partBytes)
            reply = takeWholeBundle()
        case .evidence(let nonce): reply = .evidence(try evidence(nonce: nonce))
        case .provision(let ciphertext): reply = try provision(ciphertext)
        case .infer(let message):
            return try service(or: .notProvisioned).infer(message, requestID: requestID, keyRing: &keyRing)
        case .backNetResult(let tensors):
            reply = .answer(try service(or: .unknownRequest).finish(requestID, backNet: tensors))
        case .backNetFailure: reply = .answer(try service(or: .unknownRequest).fail(requestID))
        case .cancel: reply = try service(or: .unknownRequest).cancel(requestID)
        case .status: reply = .status(status)
        case .shutdown:
            isShutDown = true
            reply = .accepted
        }
        return [Frame(requestID: requestID, message: reply)]
    }
}

// The steps from state to state.
extension Enclave {
    /// - Throws: ``EnclaveRefusal`` (unexpected) once the bundle is whole.
    private func assembly() throws(EnclaveRefusal) -> BundleAssembly {
        guard case .awaitingBundle(let assembly) = state else { throw EnclaveRefusal(.unexpected) }
        return assembly
    }

    private mutating func takeWholeBundle() -> EnclaveMessage {
        if case .awaitingBundle(let assembly) = state, let bundle = assembly.bundle { state = .awaitingOwner(bundle) }
        return .accepted
    }

    private var manifest: VerifiedManifest? {
        switch state {
        case .awaitingBundle: nil
        case .awaitingOwner(let bundle): bundle.manifest
        case .provisioned(let service): service.manifest
        }
    }

    private func service(or code: EnclaveErrorCode) throws(EnclaveRefusal) -> Service {
        guard case .provisioned(let service) = state else { throw EnclaveRefusal(code) }
        return service
    }

    /// Evidence that the platform vouches for this enclave's keys, bundle, owner and run.
    private mutating func evidence(nonce: [UInt8]) throws(EnclaveRefusal) -> EnclaveEvidence {
        guard let manifest else { throw EnclaveRefusal(.bundleMissing) }
        try keyRing.renewIfWorn()
        let keyConfiguration = keyRing.keys.keyConfiguration
        let transcript: ReportTranscript
        do throws(EvidenceError) {
            transcript = try ReportTranscript(
                nonce: nonce, keyConfiguration: keyConfiguration, manifestDigest: manifest.digest.bytes,
                ownerPublicKey: manifest.owner.bytes, epoch: epoch.bytes)
        } catch { throw EnclaveRefusal(.malformed) }
        do throws(EvidenceSourceError) {
            let reportData = Array(SHA512.hash(data: transcript.encoded()))
            let evidence = try evidenceSource.evidence(reportData: reportData)
            return EnclaveEvidence(
                evidence: evidence.evidence,
                collateral: Dictionary(
                    uniqueKeysWithValues: evidence.collateral.map { ($0.key.rawValue, $0.value) }),
                keyConfiguration: keyConfiguration, epoch: epoch.bytes)
        } catch { throw EnclaveRefusal(.evidenceUnavailable) }
    }

    /// Takes the owner's message. The sealed parts are kept until one has opened them, so that a message that fails
    /// changes nothing.
    private mutating func provision(_ ciphertext: [UInt8]) throws(EnclaveRefusal) -> EnclaveMessage {
        guard let manifest else { throw EnclaveRefusal(.bundleMissing) }
        let message: ProvisioningMessage
        do throws(SealedChannelError) {
            message = try ProvisioningMessage.open(
                ciphertext.span.bytes, with: keyRing.keys,
                expecting: .init(owner: manifest.owner, manifestDigest: manifest.digest, epoch: epoch))
        } catch { throw EnclaveRefusal(error.code.refusal) }
        switch state {
        case .awaitingBundle: throw EnclaveRefusal(.bundleMissing)
        case .awaitingOwner(let bundle):
            let classifier = try Classifier(opening: bundle, with: message, threads: threads)
            state = .provisioned(Service(classifier, manifest: manifest, limits: limits))
        case .provisioned(let service):
            guard service.isProvisioned(by: message) else { throw EnclaveRefusal(.alreadyProvisioned) }
        }
        return .provisioned
    }

    private var status: EnclaveStatus {
        let state: EnclaveStatus.State
        var counters = Service.Counters()
        switch self.state {
        case .awaitingBundle: state = .awaitingBundle
        case .awaitingOwner: state = .awaitingOwner
        case .provisioned(let service):
            state = .provisioned
            counters = service.counters
        }
        return EnclaveStatus(
            state: state, keyGeneration: keyRing.generation, inFlight: UInt32(clamping: counters.inFlight),
            opened: counters.opened, answered: counters.answered, refused: refused + counters.evicted,
            rejectedResults: counters.rejectedResults)
    }
}

/// The enclave could not make its keys.
package struct EnclaveStartError: Error, Sendable {}
