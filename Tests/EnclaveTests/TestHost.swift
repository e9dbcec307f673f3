// SPDX-License-Identifier: Apache-2.0
import EnclaveCore
import EnclaveFixtures
import Evidence
import Inference
import SealedChannel
import SecretMemory
import Synchronization
import Tensors
import Testing
import Wire

/// Evidence that says just its report data, so that tests can look at it.
struct EchoEvidence: EvidenceSource {
    var kind: TEEKind { .development }
    var isBroken = false

    func evidence(reportData: [UInt8]) throws(EvidenceSourceError) -> PlatformEvidence {
        if isBroken { throw EvidenceSourceError(.failed, "broken") }
        return PlatformEvidence(evidence: reportData, collateral: [.vcek: [1]])
    }
}

/// A host around an enclave in this process.
final class TestHost {
    let deployment: Deployment
    private var enclave: Enclave
    private var lastID: UInt64 = 0
    /// How often the FrontNet's results came out.
    private(set) var intermediates = 0
    /// The enclave's.
    let clock = TestClock()

    init(
        _ deployment: Deployment, evidence: any EvidenceSource = EchoEvidence(),
        limits: EnclaveLimits = EnclaveLimits(),
        workers: InferenceWorkers = InferenceWorkers()
    ) throws {
        self.deployment = deployment
        enclave = try Enclave(evidenceSource: evidence, limits: limits, clock: clock.clock, workers: workers)
    }

    /// An enclave that the owner has provisioned.
    static func provisioned(
        _ model: TinyModel = TinyModel(isAllInside: false), limits: EnclaveLimits = EnclaveLimits(),
        terms: ServiceTerms = Deployment.terms, requests: UInt64 = 1000, modelKey: ModelKey = .random(),
        workers: InferenceWorkers = InferenceWorkers()
    ) throws -> TestHost {
        let host = try TestHost(try Deployment(model, modelKey: modelKey), limits: limits, workers: workers)
        try host.load()
        let client = ClientGrant(token: host.deployment.token.digest, requests: requests)
        guard try host.provision(clients: [client], terms: terms) == nil else {
            throw Unexpected("provisioning was refused")
        }
        return host
    }

    /// Another run of an enclave with the same bundle.
    static func provisioned(_ deployment: Deployment) throws -> TestHost {
        let host = try TestHost(deployment)
        try host.load()
        guard try host.provision() == nil else { throw Unexpected("provisioning was refused") }
        return host
    }

    /// - Returns: The code that the owner's message is refused with, or `nil`.
    func provision(clients: [ClientGrant]? = nil, terms: ServiceTerms = Deployment.terms) throws -> EnclaveErrorCode? {
        let message = try deployment.provisioning(for: evidence(), clients: clients, terms: terms)
        return try refusal(of: .provision(ciphertext: message))
    }

    /// The frames that timers cause.
    func advance(by time: Duration) -> [Frame<EnclaveMessage>] {
        clock.advance(by: time)
        return enclave.advance()
    }

    var timeToNextChange: Duration { enclave.timeToNextChange }

    func load() throws {
        for message in try deployment.load() {
            guard case .accepted = try send(message) else { throw Unexpected("the bundle was refused") }
        }
    }

    /// All frames that a message is answered with.
    func frames(for message: HostMessage, requestID: UInt64) -> [Frame<EnclaveMessage>] {
        let frames = enclave.handle(message, requestID: requestID)
        for frame in frames { if case .intermediate = frame.message { intermediates += 1 } }
        return frames
    }

    /// The immediate outcome of a message.
    func take(_ message: HostMessage, requestID: UInt64) -> Enclave.Step { enclave.take(message, requestID: requestID) }

    func finish(_ computed: Computed) -> [Frame<EnclaveMessage>] { enclave.finish(computed) }

    func framesForMalformed(requestID: UInt64) -> [Frame<EnclaveMessage>] {
        enclave.refuseMalformed(requestID: requestID)
    }

    /// The one reply to a message.
    func send(_ message: HostMessage, requestID: UInt64? = nil) throws -> EnclaveMessage {
        lastID += 1
        let requestID = requestID ?? lastID
        let frames = frames(for: message, requestID: requestID)
        guard frames.count == 1, frames[0].requestID == requestID else { throw Unexpected("\(frames.count) frames") }
        return frames[0].message
    }

    /// The code that a message is refused with, or `nil`.
    func refusal(of message: HostMessage, requestID: UInt64? = nil) throws -> EnclaveErrorCode? {
        guard case .refused(let code) = try send(message, requestID: requestID) else { return nil }
        return code
    }

    func evidence() throws -> EnclaveEvidence {
        guard case .evidence(let evidence) = try send(.evidence(nonce: [UInt8](repeating: 1, count: 32))) else {
            throw Unexpected("no evidence")
        }
        return evidence
    }

    func status() throws -> EnclaveStatus {
        guard case .status(let status) = try send(.status) else { throw Unexpected("no status") }
        return status
    }

    var frameLimits: FrameLimits { enclave.frameLimits }

    /// Sends a request and, if its tensors come out, what an honest BackNet makes of them.
    func classify(_ request: ObliviousRequest) throws -> [UInt8] {
        lastID += 1
        let requestID = lastID
        switch try send(.infer(message: request.message), requestID: requestID) {
        case .answer(let bytes): return bytes
        case .intermediate(let tensors):
            let result = try Self.backNet(tensors)
            guard case .answer(let bytes) = try send(.backNetResult([result]), requestID: requestID) else {
                throw Unexpected("no answer")
            }
            return bytes
        default: throw Unexpected("no answer")
        }
    }

    static func backNet(_ tensors: [Tensor]) throws -> Tensor {
        let values = TinyModel.backNet(try tensors[0].floats().map(Double.init))
        return try Tensor(values.map(Float.init), shape: [1, 2, 2, 2])
    }

    /// Whether the service continues: a good request gets its answer.
    func answersGoodRequest() throws -> Bool {
        let request = try deployment.request(try Picture.floats(), for: evidence())
        return try request.answer(try classify(request)).status == .answered
    }
}

/// A clock that a test advances.
final class TestClock: Sendable {
    private let time = Mutex(Duration.seconds(1_000_000))

    var clock: EnclaveClock { EnclaveClock { self.time.withLock { $0 } } }
    func advance(by duration: Duration) { time.withLock { $0 += duration } }
}

extension ObliviousRequest {
    func answer(_ bytes: [UInt8]) throws -> ClassificationAnswer {
        let response = try opener.open(bytes.span.bytes)
        return try ClassificationAnswer(binaryResponse: response.bytes)
    }
}

struct Unexpected: Error {
    let what: String
    init(_ what: String) { self.what = what }
}
