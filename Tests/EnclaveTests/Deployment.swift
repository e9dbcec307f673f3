import EnclaveCore
import Evidence
import ModelGraph
import SealedChannel
import SecretMemory
import Tensors
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

/// An owner with a bundle, and its clients.
struct Deployment {
    let owner = OwnerSigningKey.random()
    let modelKey: ModelKey
    let token = AccessToken.random()
    let manifest: [UInt8]
    let templateDigest = ContentDigest(of: Array("template".utf8))
    let frontNet: [UInt8]
    let mappingUnit: [UInt8]

    /// - Parameter manifest: `OWNER` in it stands for the owner's key.
    init(
        _ model: TinyModel = TinyModel(isAllInside: false), manifest: String = "{}", modelKey: ModelKey = .random()
    ) throws {
        self.modelKey = modelKey
        self.manifest = Array(manifest.replacing("OWNER", with: owner.publicKey.description).utf8)
        frontNet = try SealedPart.seal(
            try model.frontNetPart().encoded().span.bytes, as: .frontNet, modelKey: modelKey,
            templateDigest: templateDigest)
        mappingUnit = try SealedPart.seal(
            try model.mappingUnitPart().encoded().span.bytes, as: .mapping, modelKey: modelKey,
            templateDigest: templateDigest)
    }

    func loadManifest() throws -> HostMessage {
        .loadManifest(
            manifest: manifest, signature: try ManifestSignature.sign(manifest, by: owner),
            ownerPublicKey: owner.publicKey.bytes)
    }

    /// The messages that load the bundle, its parts in chunks.
    func load(chunkBytes: Int = 300) throws -> [HostMessage] {
        var messages = [try loadManifest()]
        for (name, bytes) in [(SealedPartName.frontNet, frontNet), (.mappingUnit, mappingUnit)] {
            for offset in stride(from: 0, to: bytes.count, by: chunkBytes) {
                messages.append(
                    .loadPart(
                        name, totalBytes: UInt64(bytes.count), offset: UInt64(offset),
                        bytes: Array(bytes[offset..<min(offset + chunkBytes, bytes.count)])))
            }
        }
        return messages
    }

    func provisioning(
        for evidence: EnclaveEvidence, signedBy signer: OwnerSigningKey? = nil, modelKey: ModelKey? = nil,
        manifest: [UInt8]? = nil, epoch: [UInt8]? = nil, tokens: [TokenDigest]? = nil,
        limits: ServiceLimits = ServiceLimits(requestsInFlight: 8, requestsInEpoch: 1000)
    ) throws -> [UInt8] {
        let message = try ProvisioningMessage(
            modelKey: modelKey ?? self.modelKey, templateDigest: templateDigest,
            manifestDigest: ContentDigest(of: manifest ?? self.manifest),
            acceptedTokens: tokens ?? [token.digest], limits: limits,
            epoch: EnclaveEpoch(bytes: epoch ?? evidence.epoch)!, keyConfiguration: evidence.keyConfiguration)
        return try message.sealed(
            to: try KeyConfiguration.preferred(in: evidence.configurations()), signedBy: signer ?? owner)
    }

    /// A client's sealed request.
    func request(
        _ tensor: Tensor, for evidence: EnclaveEvidence, token: AccessToken? = nil, kem: KeyEncapsulation = .xWing
    ) throws -> ObliviousRequest {
        let plaintext = try ClassificationRequest(token: token ?? self.token, tensor: tensor)
            .encodeBinaryRequest(authority: "example.com")
        return try seal(plaintext.bytes, for: evidence, kem: kem)
    }

    func seal(
        _ plaintext: RawSpan, for evidence: EnclaveEvidence, kem: KeyEncapsulation = .xWing
    ) throws -> ObliviousRequest {
        let configuration = try evidence.configurations().first { $0.kem == kem }
        return try ObliviousRequest.seal(plaintext, to: configuration!)
    }
}

extension EnclaveEvidence {
    func configurations() throws -> [KeyConfiguration] {
        try KeyConfiguration.parseList(keyConfiguration.span.bytes)
    }
}

/// Pictures for ``TinyModel``.
enum Picture {
    static let values: [Float] = [1, -0.5, 0.25, 2, 0, 0.75, -1, 3]
    static func floats() throws -> Tensor { try Tensor(values, shape: [1, 2, 2, 2]) }

    /// Two channels, interleaved.
    static let pixels: [UInt8] = [0, 255, 128, 64, 10, 200, 100, 90]
    static func bytes() throws -> Tensor { try Tensor(pixels, shape: [1, 2, 2, 2]) }
    /// One channel after the other.
    static var normalizedPixels: [Double] {
        stride(from: 0, to: 8, by: 2).map { (Double(pixels[$0]) - 128) / 64 }
            + stride(from: 1, to: 8, by: 2).map { (Double(pixels[$0]) - 100) / 32 }
    }

    /// A picture whose best class is the given one.
    static func of(class index: Int) throws -> Tensor {
        let planes: [[Float]] = [[3, -5], [-0.5, 3.5], [0.5, 5]]
        return try Tensor(planes[index].flatMap { [Float](repeating: $0, count: 4) }, shape: [1, 2, 2, 2])
    }
}
