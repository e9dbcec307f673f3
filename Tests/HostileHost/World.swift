// SPDX-License-Identifier: Apache-2.0
import Attestation
import BundleFormat
import Crypto
import EnclaveFixtures
import Evidence
import SealedChannel
import SecretMemory
import Tensors
import Wire

/// One world: enclaves that the host runs, an owner who provisions them, and a client who sends requests. The host
/// forwards messages, changes them or drops them, and may use every earlier message again.
///
/// A seed gives the same schedule every time, but not the same bytes: keys, tokens and encapsulations are random,
/// because nothing replaces the random generators of the enclave and of swift-crypto. Therefore a mutated byte can have
/// different effects.
final class World {
    /// A request that a client sealed.
    struct Request {
        let message: [UInt8]
        let opener: ResponseOpener
        let token: AccessToken
        /// Whether it holds the floats of the picture in place of its pixels.
        let isFloats: Bool
        /// The bundle that the client was told of.
        let bundle: Deployment
        let sealedAt: Duration
    }

    /// A description of the violated rule, if any.
    private(set) var violations: [String] = []

    let cast: Cast
    let clock = WorldClock()
    private let makeEnclave: (WorldClock) throws -> any EnclaveUnderTest
    var enclaves: [Slot] = []
    var requests: [Request] = []
    /// Provisioning messages that the owner made, with what they say.
    var provisionings: [Provisioning] = []
    /// Answers that enclaves gave, with the requests that they are for.
    private(set) var answers: [(bytes: [UInt8], request: Request)] = []
    /// What the host saw of requests, which it can run the BackNet on.
    private(set) var boundaries: [[Float]] = []
    /// Evidence that some enclave gave.
    var documents: [EvidenceDocument] = []
    private var sequence: UInt64 = 0
    private var answerSizes: Set<Int> = []
    /// Requests whose clients were told no.
    private var refused: Set<[UInt8]> = []

    /// A provisioning message, and what it says.
    struct Provisioning {
        let message: [UInt8]
        let epoch: [UInt8]
        let terms: ServiceTerms
        let clients: [ClientGrant]
        /// Whether the owner of the bundle signed it.
        let isSignedByOwner: Bool
        /// Whether it holds the key of the bundle.
        let hasModelKey: Bool
    }

    /// A running enclave with what the host loaded, and what is known of it.
    final class Slot {
        let enclave: any EnclaveUnderTest
        var bundle: Deployment?
        /// Names its run.
        var epoch: [UInt8] = []
        /// The highest of the owner's messages that it took.
        var terms: ServiceTerms?
        var clients: [ClientGrant] = []
        var leaseEnd = Duration.zero
        /// Answers and boundary tensors by token, in this lease.
        var served: [TokenDigest: UInt64] = [:]
        /// Requests by message for which a boundary tensor came out.
        var shown: Set<[UInt8]> = []
        /// Which request waits under an identifier.
        var waiting: [UInt64: Request] = [:]
        /// Which request is computed under an identifier.
        var underWay: [UInt64: Request] = [:]
        /// What the enclave keeps of ``EnclaveUnderTest/begin(_:requestID:)``, in its order.
        var begun: [(requestID: UInt64, request: Request)] = []
        var keyConfigurations: [[UInt8]] = []

        init(_ enclave: any EnclaveUnderTest) { self.enclave = enclave }
    }

    init(_ cast: Cast, makeEnclave: @escaping (WorldClock) throws -> any EnclaveUnderTest) throws {
        self.cast = cast
        self.makeEnclave = makeEnclave
        try start()
    }

    func violate(_ what: String) { violations.append(what) }

    func start() throws { enclaves.append(Slot(try makeEnclave(clock))) }

    func advance(by time: Duration) {
        clock.advance(by: time)
        for slot in enclaves { for frame in slot.enclave.advance() { note(frame, from: slot, answering: nil) } }
    }

    /// Sends a message and looks at what comes back.
    @discardableResult
    func send(_ message: HostMessage, to slot: Slot, requestID: UInt64 = 1, for request: Request? = nil)
        -> [EnclaveMessage]
    {
        let frames = slot.enclave.handle(message, requestID: requestID)
        if frames.last?.requestID != requestID { violate("a message had no reply of its own") }
        for frame in frames.dropLast() { note(frame, from: slot, answering: nil) }
        if let last = frames.last { note(last, from: slot, answering: request) }
        return frames.map(\.message)
    }

    /// Sends a request whose computation takes a while: ``finish(_:of:)`` ends it.
    func begin(_ request: Request, at slot: Slot, requestID: UInt64) {
        let before = slot.enclave.computing
        // The enclave may give it up before it looks at this one.
        let hasNamesake = slot.waiting[requestID] != nil
        let frames = slot.enclave.begin(.infer(message: request.message), requestID: requestID)
        let isComputed = slot.enclave.computing > before
        let hasReply = frames.last?.requestID == requestID
        if isComputed ? hasReply && !hasNamesake : !hasReply { violate("a request has no reply, or two") }
        // Frames caused by timers come first, and belong to other requests.
        for frame in isComputed ? frames[...] : frames.dropLast() { note(frame, from: slot, answering: nil) }
        guard isComputed else {
            if let reply = frames.last { note(reply, from: slot, answering: request) }
            return
        }
        slot.underWay[requestID] = request
        slot.begun.append((requestID, request))
        if slot.waiting.count + slot.underWay.count > Bounds.requestsInFlight {
            violate("more requests are under way than the limit")
        }
        show(request, by: slot)
    }

    /// Lets one of the requests that were begun be finished.
    func finish(_ index: Int, of slot: Slot) {
        let (requestID, request) = slot.begun.remove(at: index)
        let frames = slot.enclave.finish(index)
        for frame in frames {
            // A reply belongs to the request that the identifier stands for now, if it is this one.
            let isAwaited = frame.requestID == requestID && slot.underWay[requestID]?.message == request.message
            note(frame, from: slot, answering: nil, isLate: frame.requestID == requestID && !isAwaited)
        }
    }
}

// The checks of an observer who knows all secrets, on every frame of an enclave.
extension World {
    private static let probabilities = TinyModel.probabilities(Picture.normalizedPixels)
    private static let boundary = TinyModel.boundary(Picture.normalizedPixels).map(Float.init)

    ///
    /// - Parameter isLate: Whether it is a reply to a request that was answered or given up before.
    private func note(
        _ frame: Frame<EnclaveMessage>, from slot: Slot, answering request: Request?, isLate: Bool = false
    ) {
        if isLate { violate("something came of a request that was answered or given up") }
        let bytes = OutgoingFrame(frame.message, requestID: frame.requestID).bytes
        for (secret, name) in Self.secrets where contains(bytes, secret) { violate("\(name) left the enclave") }
        switch frame.message {
        case .intermediate(let tensors):
            if let values = try? tensors.first?.floats() { boundaries.append(values) }
            let begun = slot.underWay.removeValue(forKey: frame.requestID)
            guard let request = request ?? begun else { return violate("tensors came out for no request") }
            slot.waiting[frame.requestID] = request
            if slot.waiting.count > Bounds.requestsInFlight { violate("more requests wait than the limit") }
            if begun == nil { show(request, by: slot) } else { checkLease(request, of: slot) }
            // A boundary tensor of a client to whom the policy guarantees none.
            if request.bundle.core.service.isEverythingInside, let first = tensors.first,
                let values = try? first.floats(), zip(values, Self.boundary).allSatisfy({ abs($0 - $1) < 1e-4 })
            {
                violate("the host sees a picture of a client who was promised that nothing crosses")
            }
        case .answer(let answer):
            answerSizes.insert(answer.count)
            let begun = slot.underWay.removeValue(forKey: frame.requestID)
            let request = request ?? begun ?? slot.waiting[frame.requestID]
            let isOutstanding = slot.waiting.removeValue(forKey: frame.requestID) != nil || begun != nil
            guard let request else { return violate("an answer came for no request") }
            answers.append((answer, request))
            guard let opened = opened(answer, request) else { break }
            guard opened.status == .answered else {
                refused.insert(request.message)
                break
            }
            if !isOutstanding { show(request, by: slot) }
            if begun != nil { checkLease(request, of: slot) }
            checkModel(opened, request)
        case .refused(.cancelled):
            slot.waiting[frame.requestID] = nil
            slot.underWay[frame.requestID] = nil
        default: break
        }
        if answerSizes.count > 1 { violate("answers of one bundle have two sizes") }
    }

    /// An enclave computed this request of a listed client. It may do so once, in the lease, within the quota.
    private func show(_ request: Request, by slot: Slot) {
        if !slot.shown.insert(request.message).inserted { violate("one request was served twice") }
        if refused.contains(request.message) { violate("a request was served whose client was told no") }
        let digest = request.token.digest
        guard let grant = slot.clients.first(where: { $0.token == digest }) else {
            return violate("a client was served whom the owner does not list")
        }
        slot.served[digest, default: 0] += 1
        if slot.served[digest, default: 0] > grant.requests { violate("a client was served beyond its quota") }
        if clock.now >= slot.leaseEnd { violate("a client was served after the lease") }
        if clock.now - request.sealedAt > Bounds.keyLifetime + Bounds.keyGrace {
            violate("a request opened that was withheld for longer than keys live")
        }
        if request.isFloats, let bundle = slot.bundle, !bundle.core.service.acceptsFloats {
            violate("floats were taken where the owner allows pixels only")
        }
    }

    /// A request begun in a lease gives no result after it.
    private func checkLease(_ request: Request, of slot: Slot) {
        if refused.contains(request.message) { violate("a request was served whose client was told no") }
        if clock.now >= slot.leaseEnd { violate("a client was served after the lease") }
    }

    /// A client receives bytes as the answer to its request. It accepts only those that an enclave made for it.
    func deliver(_ answer: [UInt8], to request: Request) {
        let isGenuine = answers.contains { $0.bytes == answer && $0.request.message == request.message }
        if opened(answer, request) != nil, !isGenuine { violate("a client took an answer that is not its own") }
    }

    private func opened(_ answer: [UInt8], _ request: Request) -> ClassificationAnswer? {
        guard let plaintext = try? request.opener.open(answer.span.bytes) else { return nil }
        return try? ClassificationAnswer(binaryResponse: plaintext.bytes)
    }

    /// With everything inside the answer is that of the model that the client pinned. (A host that runs a BackNet can
    /// return what it likes.)
    private func checkModel(_ answer: ClassificationAnswer, _ request: Request) {
        guard request.bundle.core.service.isEverythingInside else { return }
        let expected = Self.probabilities
        let isRight = answer.entries.allSatisfy { abs(Double($0.probability) - expected[$0.index]) < 1e-4 }
        if !isRight { violate("another model answered than the client pinned") }
    }

    /// Bytes that only client and enclave may see. Of the class names one is long enough not to occur by chance.
    private static let secrets = [
        (Picture.pixels, "the pixels"), (Array(TinyModel(isAllInside: true).classNames[1].utf8), "a class name"),
    ]

    private func contains(_ bytes: [UInt8], _ needle: [UInt8]) -> Bool {
        guard bytes.count >= needle.count, let first = needle.first else { return false }
        var start = 0
        while let hit = bytes[start...].firstIndex(of: first), hit + needle.count <= bytes.count {
            if bytes[hit..<hit + needle.count].elementsEqual(needle) { return true }
            start = hit + 1
        }
        return false
    }
}

// The owner and the client, who believe only evidence.
extension World {
    /// The owner attests an enclave and provisions it. The owner signs whatever helps the host.
    func makeProvisioning(
        for slot: Slot, clients: [ClientGrant], leaseSeconds: UInt32 = 600, sequence chosen: UInt64? = nil,
        signedBy signer: OwnerSigningKey? = nil, modelKey: ModelKey? = nil, epoch: [UInt8]? = nil
    ) throws -> [UInt8]? {
        guard let bundle = slot.bundle, let evidence = evidence(of: slot) else { return nil }
        sequence = chosen ?? sequence + 1
        let terms = ServiceTerms(sequence: sequence, leaseSeconds: leaseSeconds, requestsInFlight: 8)
        let message = try bundle.provisioning(
            for: evidence, signedBy: signer, modelKey: modelKey, epoch: epoch, clients: clients, terms: terms)
        provisionings.append(
            Provisioning(
                message: message, epoch: epoch ?? evidence.epoch, terms: terms, clients: clients,
                isSignedByOwner: signer == nil, hasModelKey: modelKey == nil))
        return message
    }

    /// Hands a provisioning message to an enclave, and follows what it may do from then on.
    func provision(_ slot: Slot, _ index: Int) {
        let provisioning = provisionings[index]
        guard case .provisioned? = send(.provision(ciphertext: provisioning.message), to: slot).last else { return }
        let (terms, clients) = (provisioning.terms, provisioning.clients)
        if provisioning.epoch != slot.epoch { violate("a provisioning message for another run counted") }
        if !provisioning.isSignedByOwner { violate("a provisioning message of somebody else than the owner counted") }
        if !provisioning.hasModelKey { violate("a provisioning message with another model key counted") }
        if let before = slot.terms, terms.sequence <= before.sequence {
            violate("an earlier provisioning message counted after a later one")
        }
        (slot.terms, slot.clients, slot.served) = (terms, clients, [:])
        slot.leaseEnd = clock.now + .seconds(terms.leaseSeconds)
    }

    func evidence(of slot: Slot, nonce: [UInt8] = [UInt8](repeating: 1, count: 32)) -> EnclaveEvidence? {
        guard case .evidence(let evidence)? = send(.evidence(nonce: nonce), to: slot).last else { return nil }
        slot.keyConfigurations.append(evidence.keyConfiguration)
        if slot.epoch.isEmpty { slot.epoch = evidence.epoch }
        if slot.epoch != evidence.epoch { violate("one run of an enclave has two names") }
        return evidence
    }

    /// The document that a host makes of an enclave's evidence.
    ///
    /// - Parameter facts: Replace those that the enclave states.
    func document(of slot: Slot, nonce: [UInt8], facts: [UInt8]? = nil) throws -> EvidenceDocument? {
        guard let bundle = slot.bundle, let evidence = evidence(of: slot, nonce: nonce) else { return nil }
        let core = bundle.core.encoded()
        let document = try EvidenceDocument(
            tee: .development, nonce: nonce, evidence: evidence.evidence, keyConfiguration: evidence.keyConfiguration,
            manifestCore: core, manifest: bundle.manifest,
            manifestSignature: try ManifestSignature.sign(core, by: cast.owner), facts: facts ?? evidence.facts,
            epoch: evidence.epoch)
        documents.append(document)
        return document
    }

    /// A client appraises a document, and encrypts a picture if it accepts.
    ///
    /// - Parameter pinned: The bundle that the client's policy pins; `nil` for any with everything inside.
    /// - Returns: Whether it accepted.
    @discardableResult
    func ask(
        _ document: EvidenceDocument, nonce: [UInt8], pinned: Deployment?, token: AccessToken, floats: Bool = false
    ) throws -> Bool {
        let appraiser = Appraiser(policy: try cast.policy(pinned), development: .dangerouslyAccept)
        let peer: VerifiedPeer
        do throws(AttestationError) {
            peer = try appraiser.verify(document, nonce: nonce, at: Timestamp(secondsSince1970: 1_750_000_000))
        } catch { return false }
        guard peer.isProvisioned else { return false }
        // Only the keys of an enclave may be accepted, and only with parts that do what the client was promised.
        let slot = enclaves.first { $0.keyConfigurations.contains(peer.keyConfiguration) }
        if slot == nil { violate("a client accepted keys that no enclave has") }
        // While a computation continues after the end of a lease, evidence states that the lease has no time left.
        if let slot, slot.terms == nil || (slot.leaseEnd <= clock.now && slot.begun.isEmpty) {
            violate("a client accepted an enclave that serves nobody")
        }
        let bundle = cast.bundles.first { $0.manifestDigest.bytes == peer.manifestDigest }
        guard let bundle else {
            violate("a client accepted a manifest that the owner did not make")
            return false
        }
        if let pinned, pinned.manifestDigest != bundle.manifestDigest { violate("a client accepted another bundle") }
        if pinned == nil, !bundle.core.service.isEverythingInside { violate("a client accepted a cut") }
        try seal(for: peer.keyConfiguration, bundle: bundle, token: token, floats: floats)
        return true
    }

    /// A request as a client seals it; `bundle` is what the client believes in.
    func seal(for keyConfiguration: [UInt8], bundle: Deployment, token: AccessToken, floats: Bool) throws {
        let tensor =
            floats ? try Tensor(Picture.normalizedPixels.map(Float.init), shape: [1, 2, 2, 2]) : try Picture.bytes()
        let plaintext = try ClassificationRequest(token: token, tensor: tensor).encodeBinaryRequest(authority: "")
        let recipients = try KeyConfiguration.parseList(keyConfiguration.span.bytes)
        // X25519: as much of the protocol, in less time.
        guard let recipient = recipients.first(where: { $0.kem == .x25519 }) else { return }
        let sealed = try ObliviousRequest.seal(plaintext.bytes, to: recipient)
        requests.append(
            Request(
                message: sealed.message, opener: sealed.opener, token: token, isFloats: floats, bundle: bundle,
                sealedAt: clock.now))
    }
}

// The layers outside, which anybody may compute.
extension World {
    /// What an honest BackNet makes of what crosses.
    func backNet(_ boundary: [Float]) throws -> Tensor {
        try Tensor(TinyModel.backNet(boundary.map(Double.init)).map(Float.init), shape: [1, 2, 2, 2])
    }
}
