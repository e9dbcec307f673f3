import Evidence
import ModelGraph
import SealedChannel
import SecretMemory
import Tensors
import Wire

/// A provisioned enclave's work: opens requests, follows them through the BackNet, seals answers.
final class Service {
    /// What ``EnclaveStatus`` tells of it.
    struct Counters {
        var inFlight = 0
        var opened: UInt64 = 0
        var answered: UInt64 = 0
        var rejectedResults: UInt64 = 0
    }

    let bundle: AttestedBundle
    /// The owner's message that counts.
    private(set) var provisioning: ProvisioningMessage
    private let classifier: Classifier
    private let limits: EnclaveLimits
    private var ledger: ClientLedger
    private var pending: PendingRequests
    private var total = Counters()
    /// When the lease ends.
    private(set) var leaseEnd: Duration

    init(
        _ classifier: consuming Classifier, bundle: AttestedBundle, provisioning: ProvisioningMessage,
        limits: EnclaveLimits, at now: Duration
    ) {
        self.bundle = bundle
        self.provisioning = provisioning
        self.classifier = classifier
        self.limits = limits
        ledger = ClientLedger(provisioning.clients, at: now)
        pending = PendingRequests(capacity: Self.capacity(provisioning, limits))
        leaseEnd = now + .seconds(provisioning.terms.leaseSeconds)
    }

    private static func capacity(_ provisioning: ProvisioningMessage, _ limits: EnclaveLimits) -> Int {
        min(limits.requestsInFlight, Int(provisioning.terms.requestsInFlight))
    }

    /// Replaces clients, quotas, limits and lease by those of a later message. Requests under way are finished.
    ///
    /// - Throws: ``EnclaveRefusal``: `staleSequence`, `frontNetRefused` for another model key.
    func renew(_ message: ProvisioningMessage, at now: Duration) throws(EnclaveRefusal) {
        guard message.terms.sequence > provisioning.terms.sequence || !Defence.sequence.isInPlace else {
            throw EnclaveRefusal(.staleSequence)
        }
        guard message.modelKey.constantTimeEquals(provisioning.modelKey) else {
            throw EnclaveRefusal(.frontNetRefused)
        }
        provisioning = message
        ledger = ClientLedger(message.clients, at: now)
        pending.capacity = Self.capacity(message, limits)
        leaseEnd = now + .seconds(message.terms.leaseSeconds)
    }

    /// What is left of the lease, and what the parts do.
    func state(at now: Duration) -> EnclaveFacts.State {
        let left = max(.zero, leaseEnd - now)
        return .provisioned(
            .init(
                sequence: provisioning.terms.sequence, seconds: provisioning.terms.leaseSeconds,
                secondsLeft: UInt32(clamping: left.components.seconds)),
            classifier.facts)
    }

    var counters: Counters {
        var counters = total
        counters.inFlight = pending.count
        return counters
    }

    /// The size of all answers.
    var layout: AnswerLayout { classifier.layout }
    /// Bytes of a sealed request, at most.
    var maximumRequestBytes: Int { classifier.maximumRequestBytes }

    /// Room for the model's largest request, and for exactly what its BackNet returns.
    var frameLimits: FrameLimits {
        FrameLimits(
            messageBytes: max(FrameLimits.maximumMessageBytes, classifier.maximumRequestBytes),
            tensorBytes: FrameLimits.payloadBytes(tensorByteCounts: classifier.backOutputs.map(\.type.byteCount)))
    }

    /// Opens a client's request and runs the FrontNet for it.
    ///
    /// - Throws: ``EnclaveRefusal`` for what no client can be answered to: `duplicateRequest`, `overloaded`, and those of
    ///   ``ChannelKeyRing/open(_:maximumBytes:)``.
    func infer(
        _ message: [UInt8], requestID: UInt64, keyRing: inout ChannelKeyRing, at now: Duration
    ) throws(EnclaveRefusal) -> EnclaveMessage {
        guard !pending.contains(requestID) else { throw EnclaveRefusal(.duplicateRequest) }
        // Before the request is opened: it costs its client nothing, and the same message may come again.
        guard !pending.isFull || !Defence.requestsInFlight.isInPlace else { throw EnclaveRefusal(.overloaded) }
        let opened = try keyRing.open(message, maximumBytes: classifier.maximumRequestBytes)
        total.opened += 1
        let sealer = opened.sealer
        let identifier = opened.replayIdentifier
        do throws(AnswerRefusal) {
            let start = try classifier.start(opened.request.bytes, ledger: &ledger, at: now) {
                keyRing.remember(identifier)
            }
            switch consume start {
            case .answered(let response): return .answer(try answer(response, sealer))
            case .boundary(let tensors, let retained):
                pending.insert(PendingRequest(sealer: sealer, retained: retained, arrival: now), requestID: requestID)
                return .intermediate(tensors)
            }
        } catch { return .answer(try answer(error, sealer)) }
    }

    /// Refuses all that waits for the BackNet, because the lease has ended.
    func endLease() -> [Frame<EnclaveMessage>] { refusals(of: pending.removeAll(), .leaseEnded) }

    /// Refuses what has waited for the BackNet for ten minutes: a host must not keep what a request left inside.
    func giveUpOldRequests(at now: Duration) -> [Frame<EnclaveMessage>] {
        refusals(of: pending.remove(arrivedBy: now - .seconds(600)), .outsideFailed)
    }

    private func refusals(
        of requests: [(requestID: UInt64, request: PendingRequest)], _ status: AnswerStatus
    ) -> [Frame<EnclaveMessage>] {
        requests.map { requestID, request in
            let message: EnclaveMessage
            do throws(EnclaveRefusal) {
                message = .answer(try answer(AnswerRefusal(status), request.sealer))
            } catch { message = .refused(error.code) }
            return Frame(requestID: requestID, message: message)
        }
    }

    /// Runs the mapping unit over what the host says that the BackNet made.
    ///
    /// - Returns: The sealed answer; a refusal when the tensors are impossible. Either way the request is done.
    /// - Throws: ``EnclaveRefusal`` (unknownRequest)
    func finish(_ requestID: UInt64, backNet tensors: [Tensor]) throws(EnclaveRefusal) -> [UInt8] {
        let request = try remove(requestID)
        do throws(AnswerRefusal) {
            return try answer(try classifier.answer(backNet: tensors, retained: request.retained), request.sealer)
        } catch {
            if error.status == .outsideFailed { total.rejectedResults += 1 }
            return try answer(error, request.sealer)
        }
    }

    /// Seals a refusal for a request whose BackNet did not run.
    ///
    /// - Throws: ``EnclaveRefusal`` (unknownRequest)
    func fail(_ requestID: UInt64) throws(EnclaveRefusal) -> [UInt8] {
        try answer(AnswerRefusal(.outsideFailed), try remove(requestID).sealer)
    }

    /// - Throws: ``EnclaveRefusal``: `cancelled` when the request was there, else `unknownRequest`.
    func cancel(_ requestID: UInt64) throws(EnclaveRefusal) -> EnclaveMessage {
        _ = try remove(requestID)
        throw EnclaveRefusal(.cancelled)
    }

    private func remove(_ requestID: UInt64) throws(EnclaveRefusal) -> PendingRequest {
        guard let request = pending.remove(requestID) else { throw EnclaveRefusal(.unknownRequest) }
        return request
    }

    private func answer(_ refusal: AnswerRefusal, _ sealer: ResponseSealer) throws(EnclaveRefusal) -> [UInt8] {
        let sealed = try sealer.seal(refusal, layout: classifier.layout)
        total.answered += 1
        return sealed
    }

    private func answer(_ response: borrowing SecretBytes, _ sealer: ResponseSealer) throws(AnswerRefusal) -> [UInt8] {
        do throws(SealedChannelError) {
            let sealed = try sealer.seal(response.bytes)
            total.answered += 1
            return sealed
        } catch { throw AnswerRefusal(.failed) }
    }
}

extension ResponseSealer {
    /// Seals a refusal, of the size of every answer.
    ///
    /// - Throws: ``EnclaveRefusal`` (internalFault).
    func seal(_ refusal: AnswerRefusal, layout: AnswerLayout) throws(EnclaveRefusal) -> [UInt8] {
        guard Defence.answerSize.isInPlace else { return [UInt8](repeating: 0, count: 100) }
        let response = ClassificationAnswer.encodeBinaryResponse(refusal: refusal.status, layout: layout)
        do throws(SealedChannelError) { return try seal(response.bytes) } catch {
            throw EnclaveRefusal(.internalFault)
        }
    }
}
