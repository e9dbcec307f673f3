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
        var evicted: UInt64 = 0
        var rejectedResults: UInt64 = 0
    }

    let manifest: VerifiedManifest
    private let classifier: Classifier
    private var pending: PendingRequests
    private var total = Counters()
    /// Requests of listed clients that the FrontNet may still run for in this run of the enclave.
    private var allowance: UInt64

    init(_ classifier: consuming Classifier, manifest: VerifiedManifest, limits: EnclaveLimits) {
        let granted = classifier.provisioning.limits
        pending = PendingRequests(capacity: min(limits.requestsInFlight, Int(granted.requestsInFlight)))
        allowance = granted.requestsInEpoch
        self.classifier = classifier
        self.manifest = manifest
    }

    var counters: Counters {
        var counters = total
        counters.inFlight = pending.count
        return counters
    }

    /// Room for the model's largest request, and for exactly what its BackNet returns.
    var frameLimits: FrameLimits {
        FrameLimits(
            messageBytes: max(FrameLimits.maximumMessageBytes, classifier.maximumRequestBytes),
            tensorBytes: FrameLimits.payloadBytes(tensorByteCounts: classifier.backOutputs.map(\.type.byteCount)))
    }

    func isProvisioned(by message: ProvisioningMessage) -> Bool { classifier.provisioning.repeats(message) }

    /// Opens a client's request and runs the FrontNet for it.
    ///
    /// - Throws: ``EnclaveRefusal`` for what no client can be answered to: `duplicateRequest`, and those of
    ///   ``ChannelKeyRing/open(_:maximumBytes:)``.
    func infer(
        _ message: [UInt8], requestID: UInt64, keyRing: inout ChannelKeyRing
    ) throws(EnclaveRefusal) -> [Frame<EnclaveMessage>] {
        guard !pending.contains(requestID) else { throw EnclaveRefusal(.duplicateRequest) }
        let opened = try keyRing.open(message, maximumBytes: classifier.maximumRequestBytes)
        total.opened += 1
        let sealer = opened.sealer
        let identifier = opened.replayIdentifier
        do throws(AnswerRefusal) {
            let start = try classifier.start(opened.request.bytes, allowance: &allowance) {
                keyRing.remember(identifier)
            }
            switch consume start {
            case .answered(let response):
                let answer = try answer(response, sealer)
                return [Frame(requestID: requestID, message: .answer(answer))]
            case .boundary(let tensors, let retained):
                return wait(PendingRequest(sealer: sealer, retained: retained), tensors, requestID: requestID)
            }
        } catch { return [Frame(requestID: requestID, message: .answer(try answer(error, sealer)))] }
    }

    private func wait(
        _ request: PendingRequest, _ tensors: [Tensor], requestID: UInt64
    ) -> [Frame<EnclaveMessage>] {
        var frames: [Frame<EnclaveMessage>] = []
        if let evicted = pending.insert(request, requestID: requestID) {
            total.evicted += 1
            frames.append(Frame(requestID: evicted, message: .refused(.overloaded)))
        }
        frames.append(Frame(requestID: requestID, message: .intermediate(tensors)))
        return frames
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
        let response = ClassificationAnswer.encodeBinaryResponse(refusal: refusal.status, layout: classifier.layout)
        do throws(AnswerRefusal) {
            return try answer(response, sealer)
        } catch { throw EnclaveRefusal(.internalFault) }
    }

    private func answer(_ response: borrowing SecretBytes, _ sealer: ResponseSealer) throws(AnswerRefusal) -> [UInt8] {
        do throws(SealedChannelError) {
            let sealed = try sealer.seal(response.bytes)
            total.answered += 1
            return sealed
        } catch { throw AnswerRefusal(.failed) }
    }
}
