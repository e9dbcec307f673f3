// SPDX-License-Identifier: Apache-2.0
import Evidence
import ModelGraph
import SealedChannel
import SecretMemory
import Tensors
import Wire

/// A provisioned enclave's work: opens requests, follows them through computation and BackNet, seals answers.
final class Service {
    /// The immediate outcome of a message.
    enum Reply {
        case message(EnclaveMessage)
        case computation(Computation)
    }

    /// Its counts in ``EnclaveStatus``.
    struct Counters {
        var inFlight = 0
        /// The number of requests that it accepts now.
        var credits = 0
        var opened: UInt64 = 0
        var answered: UInt64 = 0
        var rejectedResults: UInt64 = 0
    }

    let bundle: AttestedBundle
    /// The owner's message in force.
    private(set) var provisioning: ProvisioningMessage
    private let classifier: Classifier
    private let limits: EnclaveLimits
    /// Set if the owner has demanded an audit, in this lease or before.
    private var auditor: Auditor?
    private var ledger: ClientLedger
    private var pending: PendingRequests
    private var underWay = RequestsUnderWay()
    /// The maximum number of FrontNets at a time, including those that wait for a thread and those of abandoned
    /// requests. BackNet results are always accepted and do not count, because the host cannot know when a mapping unit
    /// is computed. Mapping units remain few: each follows a FrontNet, and threads take computations in order.
    private let computingCapacity: Int
    private var total = Counters()
    /// When the lease ends.
    private(set) var leaseEnd: Duration

    init(
        _ classifier: Classifier, bundle: AttestedBundle, provisioning: ProvisioningMessage,
        limits: EnclaveLimits, computingCapacity: Int, auditor: Auditor?, at now: Duration
    ) {
        self.auditor = auditor
        self.computingCapacity = computingCapacity
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

    /// Replaces clients, quotas, limits and lease by those of a later message. Requests in progress are completed.
    ///
    /// - Throws: ``EnclaveRefusal``: `staleSequence`, `frontNetRefused` for another model key.
    func renew(
        _ message: ProvisioningMessage, auditor: Auditor?, at now: Duration
    ) throws(EnclaveRefusal) {
        guard message.terms.sequence > provisioning.terms.sequence || !Defence.sequence.isInPlace else {
            throw EnclaveRefusal(.staleSequence)
        }
        guard message.modelKey.constantTimeEquals(provisioning.modelKey) || !Defence.renewalKey.isInPlace else {
            throw EnclaveRefusal(.frontNetRefused)
        }
        provisioning = message
        self.auditor = auditor
        ledger = ClientLedger(message.clients, at: now)
        pending.capacity = Self.capacity(message, limits)
        leaseEnd = now + .seconds(message.terms.leaseSeconds)
    }

    /// The remaining lease, and the facts of the parts.
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
        counters.inFlight = requestsInFlight
        counters.credits = max(0, min(pending.capacity - requestsInFlight, computingCapacity - underWay.runningFirst))
        return counters
    }

    /// Requests that were taken and not answered.
    private var requestsInFlight: Int { pending.count + underWay.count }
    /// Whether no thread computes with the model.
    var isIdle: Bool { underWay.running == 0 }

    /// The size of all answers.
    var layout: AnswerLayout { classifier.layout }
    /// Bytes of a sealed request, at most.
    var maximumRequestBytes: Int { classifier.maximumRequestBytes }

    /// Limits for the model's largest request, and for exactly the BackNet's outputs.
    var frameLimits: FrameLimits {
        FrameLimits(
            messageBytes: max(FrameLimits.maximumMessageBytes, classifier.maximumRequestBytes),
            tensorBytes: FrameLimits.payloadBytes(tensorByteCounts: classifier.backOutputs.map(\.type.byteCount)))
    }

    /// Opens a client's request and charges its client.
    ///
    /// - Returns: The computation for it, or a sealed refusal.
    /// - Throws: ``EnclaveRefusal`` where no sealed answer is possible: `duplicateRequest`, `overloaded`, and those of
    ///   ``ChannelKeyRing/open(_:maximumBytes:)``.
    func infer(
        _ message: [UInt8], requestID: UInt64, keyRing: inout ChannelKeyRing, at now: Duration
    ) throws(EnclaveRefusal) -> Reply {
        guard pending[requestID] == nil, !underWay.contains(requestID) else {
            throw EnclaveRefusal(.duplicateRequest)
        }
        // Before the request is opened: it costs its client nothing, and the same message may come again.
        guard counters.credits > 0 || !Defence.requestsInFlight.isInPlace else { throw EnclaveRefusal(.overloaded) }
        let opened = try keyRing.open(message, maximumBytes: classifier.maximumRequestBytes)
        total.opened += 1
        let sealer = opened.sealer
        // Between the end of the lease and that of the last computation.
        guard now < leaseEnd || !Defence.lease.isInPlace else {
            return .message(.answer(try answer(AnswerRefusal(.leaseEnded), sealer)))
        }
        let identifier = opened.replayIdentifier
        do throws(AnswerRefusal) {
            let tensor = try classifier.admit(opened.request.bytes, ledger: &ledger, at: now) {
                keyRing.remember(identifier)
            }
            let inside = auditor.flatMap { $0.asksHost ? nil : $0.reference }
            return computation(.frontNet(tensor), requestID, sealer, arrival: now, reference: inside)
        } catch { return .message(.answer(try answer(error, sealer))) }
    }

    private func computation(
        _ stage: Computation.Stage, _ requestID: UInt64, _ sealer: ResponseSealer, arrival: Duration,
        reference: BackNetReference? = nil
    ) -> Reply {
        let ticket = underWay.begin(requestID, isFirst: stage.isFirst, sealer: sealer, arrival: arrival)
        return .computation(
            Computation(
                requestID: requestID, ticket: ticket, sealer: sealer, classifier: classifier, stage: stage,
                reference: reference))
    }

    /// Takes the result of a computation.
    ///
    /// - Returns: `nil` if the request was abandoned.
    func finish(_ computed: Computed) -> EnclaveMessage? {
        // Also for an abandoned request: a wrong result counts.
        if let verdict = computed.verdict { auditor?.count(verdict) }
        if computed.isWithoutHost { auditor?.countWithoutHost() }
        guard let request = underWay.end(computed) else { return abandoned(computed) }
        switch computed.outcome {
        case .answer(let sealed):
            total.answered += 1
            return .answer(sealed)
        case .boundary(let tensors, let retained):
            pending.insert(
                PendingRequest(
                    sealer: request.sealer, retained: retained, arrival: request.arrival,
                    audited: auditor?.draws() == true ? tensors : nil),
                requestID: computed.requestID)
            return .intermediate(tensors)
        case .refusal(let status):
            if status == .outsideFailed { total.rejectedResults += 1 }
            return refusal(status, request.sealer)
        }
    }

    /// `nil`; without the defence, the result of the abandoned request.
    private func abandoned(_ computed: Computed) -> EnclaveMessage? {
        guard !Defence.abandonment.isInPlace else { return nil }
        switch computed.outcome {
        case .answer(let sealed): return .answer(sealed)
        case .boundary(let tensors, _): return .intermediate(tensors)
        case .refusal: return nil
        }
    }

    /// Refuses all requests in progress, because the lease has ended.
    func endLease() -> [Frame<EnclaveMessage>] {
        underWay.removeAll().map { requestID, sealer in
            Frame(requestID: requestID, message: refusal(.leaseEnded, sealer))
        } + refusals(of: pending.removeAll(), .leaseEnded)
    }

    /// Refuses requests that have waited for the BackNet for ten minutes: a host must not keep a request's data inside.
    func giveUpOldRequests(at now: Duration) -> [Frame<EnclaveMessage>] {
        refusals(of: pending.remove(arrivedBy: now - .seconds(600)), .outsideFailed)
    }

    private func refusals(
        of requests: [(requestID: UInt64, request: PendingRequest)], _ status: AnswerStatus
    ) -> [Frame<EnclaveMessage>] {
        requests.map { requestID, request in
            Frame(requestID: requestID, message: refusal(status, request.sealer))
        }
    }

    private func refusal(_ status: AnswerStatus, _ sealer: ResponseSealer) -> EnclaveMessage {
        do throws(EnclaveRefusal) { return .answer(try answer(AnswerRefusal(status), sealer)) } catch {
            return .refused(error.code)
        }
    }

    /// Takes the BackNet results that the host returned.
    ///
    /// - Returns: The mapping unit's computation; its result is a refusal if the tensors are invalid.
    /// - Throws: ``EnclaveRefusal`` (unknownRequest)
    func resume(_ requestID: UInt64, backNet tensors: [Tensor]) throws(EnclaveRefusal) -> Reply {
        let request = try Defence.resultOnce.isInPlace ? remove(requestID) : waiting(requestID)
        auditor?.countResult()
        guard let boundary = request.audited, let auditor, let terms = auditor.terms else {
            return computation(
                .mappingUnit(tensors, retained: request.retained), requestID, request.sealer, arrival: request.arrival)
        }
        return computation(
            .audit(tensors, retained: request.retained, boundary: boundary, tolerance: terms.tolerance), requestID,
            request.sealer, arrival: request.arrival, reference: auditor.reference)
    }

    /// Seals a refusal for a request whose BackNet did not run.
    ///
    /// - Throws: ``EnclaveRefusal`` (unknownRequest)
    func fail(_ requestID: UInt64) throws(EnclaveRefusal) -> [UInt8] {
        try answer(AnswerRefusal(.outsideFailed), try remove(requestID).sealer)
    }

    /// - Throws: ``EnclaveRefusal``: `cancelled` when the request was there, else `unknownRequest`.
    func cancel(_ requestID: UInt64) throws(EnclaveRefusal) -> EnclaveMessage {
        if underWay.remove(requestID) == nil { _ = try remove(requestID) }
        throw EnclaveRefusal(.cancelled)
    }

    private func remove(_ requestID: UInt64) throws(EnclaveRefusal) -> PendingRequest {
        let request = try waiting(requestID)
        pending.remove(requestID)
        return request
    }

    private func waiting(_ requestID: UInt64) throws(EnclaveRefusal) -> PendingRequest {
        guard let request = pending[requestID] else { throw EnclaveRefusal(.unknownRequest) }
        return request
    }

    private func answer(_ refusal: AnswerRefusal, _ sealer: ResponseSealer) throws(EnclaveRefusal) -> [UInt8] {
        let sealed = try sealer.seal(refusal, layout: classifier.layout)
        total.answered += 1
        return sealed
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
