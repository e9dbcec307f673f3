// SPDX-License-Identifier: Apache-2.0
public import Attestation
public import BundleFormat
import Evidence
import Foundation
public import SealedChannel
import SecretMemory
import StrictJSON
public import Tensors

/// One class of an answer.
public struct Classification: Sendable, Hashable {
    /// Position in the model's output.
    public let index: Int
    /// The class's name, from the sealed answer.
    public let name: String
    /// 0 to 1.
    public let probability: Float

    package init(index: Int, name: String, probability: Float) {
        self.index = index
        self.name = name
        self.probability = probability
    }
}

/// A verified enclave: requests through this session are sealed to keys that only that enclave has.
public struct EnclaveSession: Sendable {
    /// How the enclave was judged.
    public let peer: VerifiedPeer
    /// The owner's description of the model; its signature was verified.
    public let manifest: BundleManifest
    /// The time at which its certificates and collateral were found valid.
    public let attested: Timestamp

    /// The number of enclaves that the server reports.
    package let replicas: ReplicaCount

    private let server: ServerConnection
    private let recipient: KeyConfiguration
    private static let maximumAnswerBytes = 4 << 20

    init(
        peer: VerifiedPeer, at time: Timestamp, replicas: ReplicaCount, server: ServerConnection
    ) throws(ClientError) {
        do {
            manifest = try BundleManifest(decoding: peer.manifest)
            try manifest.check(against: peer.manifestCore)
            recipient = try KeyConfiguration.preferred(
                in: try KeyConfiguration.parseList(peer.keyConfiguration.span.bytes))
        } catch {
            throw ClientError(
                .invalidResponse, "the attested manifest or key configuration is not usable: \(error)",
                remedy: "use the version of infenclave that the server runs")
        }
        self.peer = peer
        self.attested = time
        self.replicas = replicas
        self.server = server
    }

    /// Whether the enclave was restarted or has made new keys since the other session was attested.
    package func hasOtherKeys(than other: EnclaveSession) -> Bool {
        peer.epoch != other.peer.epoch || peer.keyConfiguration != other.peer.keyConfiguration
    }

    /// The keys that requests are sealed to; no two runs of an enclave have the same.
    var keyConfiguration: [UInt8] { peer.keyConfiguration }

    /// Classifies a tensor: u8 pixels `[1, height, width, channels]`, or, if the owner allows it, the normalised f32 `[1,
    /// channels, height, width]`.
    ///
    /// It is tried once, or twice if a persistent connection breaks: the tensor is then sealed again, because the
    /// enclave refuses a message that it has seen.
    ///
    /// - Returns: The model's most probable classes, as many as the owner allows, the most probable first.
    /// - Throws: ``ClientError``; `CancellationError` when the task is cancelled.
    public func classify(_ tensor: Tensor, token: AccessToken) async throws -> [Classification] {
        try requireService()
        do {
            return try await answer(to: try sealed(tensor, token), isOnce: false)
        } catch let error as ClientError where error.isStale {
            return try await answer(to: try sealed(tensor, token), isOnce: true)
        }
    }

    /// A request that is ready to be sent.
    func sealed(_ tensor: Tensor, _ token: AccessToken) throws(ClientError) -> ObliviousRequest {
        do throws(SealedChannelError) { return try sealed(tensor, token: token) } catch { throw Self.failure(error) }
    }

    /// Sends a request. If the server does not know the key, the same bytes are sent again: behind a balancer
    /// without affinity, another server may know the key. This is safe, because no enclave serves the same bytes twice.
    ///
    /// - Parameter isOnce: Whether to use a new connection, because the request must not be sent twice.
    func answer(to request: ObliviousRequest, isOnce: Bool) async throws -> [Classification] {
        do {
            return try results(of: try await exchange(request, isOnce: isOnce))
        } catch let error as ClientError where error.isOfUnknownKey {
            do { return try results(of: try await exchange(request, isOnce: isOnce)) } catch let error
                as SealedChannelError
            { throw Self.failure(error) }
        } catch let error as SealedChannelError { throw Self.failure(error) }
    }

    private static func failure(_ error: SealedChannelError) -> ClientError {
        ClientError(error.code == .invalidValue ? .invalidInput : .invalidResponse, error.message)
    }

    /// A request for `/ohttp`. A caller that sends it through another library must send it only once.
    ///
    /// - Throws: ``SealedChannelError``.
    package func sealed(_ tensor: Tensor, token: AccessToken) throws(SealedChannelError) -> ObliviousRequest {
        let request = ClassificationRequest(token: token, tensor: tensor)
        let plaintext = try request.encodeBinaryRequest(authority: server.address.authority)
        return try ObliviousRequest.seal(plaintext.bytes, to: recipient)
    }

    /// Opens an answer to what ``sealed(_:token:)`` gave.
    ///
    /// - Throws: ``SealedChannelError``; ``ClientError`` for a refusal under seal.
    package func opened(_ answer: [UInt8], to request: ObliviousRequest) throws -> [Classification] {
        let plaintext = try request.opener.open(answer.span.bytes)
        return try results(of: try ClassificationAnswer(binaryResponse: plaintext.bytes))
    }

    /// No request is sent to an enclave whose evidence does not state its facts.
    package func requireService() throws(ClientError) {
        switch peer.facts.state {
        case .provisioned: return
        case .unprovisioned:
            throw ClientError(
                .refused, "the owner has not provisioned the enclave",
                remedy: "the owner runs `infenclave provision` after every start of the enclave; then attest again",
                refusal: .notProvisioned)
        case .leaseEnded:
            throw ClientError(
                .refused, "the owner's lease for the enclave has ended",
                remedy: "the owner runs `infenclave provision` again; then attest again", refusal: .leaseEnded)
        }
    }

    private func exchange(_ sealed: ObliviousRequest, isOnce: Bool) async throws -> ClassificationAnswer {
        let response = try await server.post(
            "/ohttp", body: sealed.message, contentType: ObliviousRequest.mediaType,
            maximumBytes: Self.maximumAnswerBytes, isOnce: isOnce)
        try HostRefusal.check(response)
        guard response.contentType == ObliviousRequest.responseMediaType else {
            throw ClientError(.invalidResponse, "the answer has the content type '\(response.contentType.prefix(80))'")
        }
        let plaintext = try sealed.opener.open(response.body.span.bytes)
        return try ClassificationAnswer(binaryResponse: plaintext.bytes)
    }

    private func results(of answer: ClassificationAnswer) throws(ClientError) -> [Classification] {
        switch answer.status {
        case .answered:
            let service = peer.manifestCore.service
            guard answer.entries.count == service.topK,
                answer.entries.allSatisfy({ $0.index < service.classes })
            else { throw ClientError(.invalidResponse, "the answer lists other classes than the attested model has") }
            return answer.entries.map { Classification(index: $0.index, name: $0.name, probability: $0.probability) }
        case .unknownToken:
            throw ClientError(
                .unknownToken, "the owner did not list this access token",
                remedy: "ask the owner to provision again with this token listed", refusal: .unknownToken)
        case .wrongTensorType:
            let preprocessing = manifest.input.preprocessing
            throw ClientError(
                .invalidInput,
                "the model takes u8 1x\(preprocessing.height)x\(preprocessing.width)x\(preprocessing.channels.count)"
                    + (peer.manifestCore.service.acceptsFloats
                        ? " or f32 \(manifest.input.shape.map(String.init).joined(separator: "x")) with finite values"
                        : "; f32 tensors only if the owner partitions with --allow-f32"),
                refusal: .wrongTensorType)
        case .replayedRequest:
            throw ClientError(.refused, "the enclave has received this message before", refusal: .replayedRequest)
        case .overLimit:
            throw ClientError(
                .refused, "this client has used up its requests of the present lease",
                remedy: "ask the owner for more, or wait until the owner provisions again", refusal: .overLimit)
        case .tooManyRequests:
            throw ClientError(
                .refused, "this client sends more requests a minute than the owner allows",
                remedy: "send fewer at a time and try again in a few seconds", refusal: .tooManyRequests,
                isRetryable: true)
        case .leaseEnded:
            throw ClientError(
                .refused, "the owner's lease for the enclave has ended",
                remedy: "the owner runs `infenclave provision` again", refusal: .leaseEnded)
        case .outsideFailed:
            throw ClientError(
                .refused, "the host failed to run its part of the model", remedy: "try again", refusal: .outsideFailed)
        default:
            throw ClientError(
                .refused, "the enclave refused with code \(answer.status.rawValue)",
                refusal: Refusal(rawValue: "status\(answer.status.rawValue)"))
        }
    }

    /// Provisions the enclave with the model key and the list of its clients, or replaces clients, quotas and lease of
    /// an enclave that has the key.
    ///
    /// - Parameters:
    ///   - modelKey: Of the bundle that is served.
    ///   - ownerKey: The key that signed the bundle.
    ///   - clients: All that the enclave may answer from now on.
    ///   - terms: Its sequence number has to be higher than that of every message before it to this run of the enclave.
    /// - Returns: What the enclave's audit has found so far; `nil` where the owner has demanded none in this run of the
    ///   enclave.
    /// - Throws: ``ClientError``; `.refused` with `staleSequence` for a sequence number that is too low. `CancellationError`.
    @discardableResult
    public func provision(
        modelKey: ModelKey, ownerKey: OwnerSigningKey, clients: [ClientGrant], terms: ServiceTerms
    ) async throws -> AuditStatistics? {
        try await deliver(
            try sealedProvisioning(modelKey: modelKey, ownerKey: ownerKey, clients: clients, terms: terms))
    }

    /// The message of ``provision(modelKey:ownerKey:clients:terms:)``, which only this run of the enclave can open.
    package func sealedProvisioning(
        modelKey: ModelKey, ownerKey: OwnerSigningKey, clients: [ClientGrant], terms: ServiceTerms
    ) throws(ClientError) -> ProvisioningCiphertext {
        let (message, opener) = try encapsulated(modelKey, ownerKey, clients, terms)
        let demandsAudit = terms.audit != nil && !peer.manifestCore.service.isEverythingInside
        return ProvisioningCiphertext(bytes: message, opener: opener, demandsAudit: demandsAudit)
    }

    /// Sends a sealed provisioning message. The enclave accepts each message only once.
    ///
    /// - Returns: What the enclave's audit has found so far; `nil` if there was none in this run of the enclave, or the
    ///   message was kept without the key of its answer.
    /// - Throws: ``ClientError``; `.invalidResponse` if the counts of an audit are missing or not the enclave's.
    ///   `CancellationError`.
    package func deliver(_ message: ProvisioningCiphertext) async throws -> AuditStatistics? {
        let response = try await post(message.bytes)
        guard let opener = message.opener else { return nil }
        do {
            let answer = try? JSONText(response.body, name: "the answer").object()
            guard let sealed = answer?.members["statistics"] else {
                guard !message.demandsAudit else { throw JSONFault("the answer lacks the audit's statistics") }
                return nil
            }
            guard let bytes = Data(base64Encoded: try sealed.string()).map({ [UInt8]($0) }) else {
                throw JSONFault("it is no base64")
            }
            let plaintext = try opener.open(bytes.span.bytes)
            return try AuditStatistics(decoding: plaintext.bytes)
        } catch {
            throw ClientError(
                .invalidResponse, "the server answers otherwise than the enclave: \(error)",
                remedy: "take the enclave as provisioned and its audit as unknown; provision again")
        }
    }

    private func encapsulated(
        _ modelKey: ModelKey, _ ownerKey: OwnerSigningKey, _ clients: [ClientGrant], _ terms: ServiceTerms
    ) throws(ClientError) -> (message: [UInt8], opener: ResponseOpener) {
        guard ownerKey.publicKey.description == manifest.ownerPublicKey else {
            throw ClientError(
                .invalidConfiguration, "this owner key is not the one that signed the bundle",
                remedy: "use the key that `infenclave partition` was given")
        }
        do throws(SealedChannelError) {
            guard let epoch = EnclaveEpoch(bytes: peer.epoch), let digest = ContentDigest(bytes: peer.manifestDigest)
            else { throw SealedChannelError(.malformed, "the attested epoch or manifest digest has another length") }
            let provisioning = try ProvisioningMessage(
                modelKey: modelKey, manifestDigest: digest, clients: clients, terms: terms, epoch: epoch,
                keyConfiguration: peer.keyConfiguration)
            return try provisioning.encapsulated(to: recipient, signedBy: ownerKey)
        } catch { throw ClientError(.invalidConfiguration, error.message) }
    }

    private func post(_ message: [UInt8]) async throws -> TransportResponse {
        let response = try await server.post(
            "/provision", body: message, contentType: "application/octet-stream", maximumBytes: 1 << 16, isOnce: true)
        try HostRefusal.check(response)
        return response
    }
}
