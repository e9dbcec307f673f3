// SPDX-License-Identifier: Apache-2.0
package import Evidence
package import ModelGraph
package import SealedChannel
import SecretMemory
package import Tensors
package import Wire

/// A model of which an owner makes a bundle.
package protocol BundledModel {
    /// Whether the BackNet is empty.
    var isAllInside: Bool { get }
    func frontNetPart() throws -> FrontNetPart
    func mappingUnitPart() throws -> MappingUnitPart
    /// The first cut, if there is a boundary tensor.
    func backNetGraph() throws -> Graph
    /// The facts that an honest owner signs.
    func facts() throws -> ServiceFacts
}

/// An owner with a bundle, and its clients.
package struct Deployment {
    package let owner: OwnerSigningKey
    package let modelKey: ModelKey
    package let token = AccessToken.random()
    package let core: ManifestCore
    /// `manifest.json`, which the enclave never sees.
    package let manifest: [UInt8]
    package let frontNet: [UInt8]
    package let mappingUnit: [UInt8]
    /// `backnet.graph`; some bytes if the model has none but the facts claim that tensors cross.
    package let backNetFile: [UInt8]

    /// - Parameters:
    ///   - facts: What the owner signs, if it is not the truth.
    ///   - mapping: The model whose mapping unit is in the bundle, if it is another one.
    package init(
        _ model: some BundledModel = TinyModel(isAllInside: false), claiming facts: ServiceFacts? = nil,
        mapping: (any BundledModel)? = nil, owner: OwnerSigningKey = .random(), modelKey: ModelKey = .random()
    ) throws {
        self.owner = owner
        self.modelKey = modelKey
        manifest = Array("{}".utf8)
        let plaintexts = [
            (ManifestCore.PartKind.frontNet, SealedPart.Name.frontNet, try model.frontNetPart().encoded()),
            (.mappingUnit, .mapping, try (mapping ?? model).mappingUnitPart().encoded()),
        ]
        let identifier = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
        let facts = try facts ?? model.facts()
        backNetFile = model.isAllInside ? [1, 2, 3] : GraphFile.encode(try model.backNetGraph())
        let backNet =
            facts.isEverythingInside
            ? []
            : [
                try ManifestCore.Part(
                    kind: .backNet, byteCount: backNetFile.count, digest: ContentDigest(of: backNetFile).bytes)
            ]
        func core(_ digests: [[UInt8]], _ textDigest: [UInt8]) throws -> ManifestCore {
            let sealed = try zip(plaintexts, digests).map { part, digest in
                try ManifestCore.Part(
                    kind: part.0, byteCount: SealedPart.sealedByteCount(plaintextByteCount: part.2.count),
                    digest: digest)
            }
            return try ManifestCore(
                identifier: identifier, ownerPublicKey: owner.publicKey.bytes, service: facts,
                parts: sealed + backNet, textDigest: textDigest)
        }
        let zeros = [UInt8](repeating: 0, count: 32)
        let context = ContentDigest(of: try core([zeros, zeros], zeros).sealingContext)
        let sealed = try plaintexts.map { _, name, bytes in
            try SealedPart.seal(bytes.span.bytes, as: name, modelKey: modelKey, context: context)
        }
        (frontNet, mappingUnit) = (sealed[0], sealed[1])
        self.core = try core(
            sealed.map { ContentDigest(of: $0).bytes }, ContentDigest(of: manifest).bytes)
    }

    /// The parts of another model, sealed for this bundle: an owner who wants to serve something else under the same
    /// manifest can make these.
    package func parts(of model: TinyModel) throws -> [HostMessage] {
        let context = ContentDigest(of: core.sealingContext)
        let front = try SealedPart.seal(
            try model.frontNetPart().encoded().span.bytes, as: .frontNet, modelKey: modelKey, context: context)
        let mapping = try SealedPart.seal(
            try model.mappingUnitPart().encoded().span.bytes, as: .mapping, modelKey: modelKey, context: context)
        return [(SealedPartName.frontNet, front), (.mappingUnit, mapping)].map { name, bytes in
            .loadPart(name, totalBytes: UInt64(bytes.count), offset: 0, bytes: bytes)
        }
    }

    package var manifestDigest: ContentDigest { ContentDigest(of: core.encoded()) }

    package func loadManifest() throws -> HostMessage {
        .loadManifest(core: core.encoded(), signature: try ManifestSignature.sign(core.encoded(), by: owner))
    }

    /// The messages that load the bundle, its parts in chunks.
    package func load(chunkBytes: Int = 300) throws -> [HostMessage] {
        [try loadManifest()] + loadParts(chunkBytes: chunkBytes)
    }

    package func loadParts(chunkBytes: Int = 300) -> [HostMessage] {
        [(SealedPartName.frontNet, frontNet), (.mappingUnit, mappingUnit)].flatMap { name, bytes in
            stride(from: 0, to: bytes.count, by: chunkBytes).map { offset in
                .loadPart(
                    name, totalBytes: UInt64(bytes.count), offset: UInt64(offset),
                    bytes: Array(bytes[offset..<min(offset + chunkBytes, bytes.count)]))
            }
        }
    }

    /// The message that loads the layers outside, for an audit.
    package func loadBackNet(_ file: [UInt8]? = nil) -> HostMessage {
        let file = file ?? backNetFile
        return .loadPart(.backNet, totalBytes: UInt64(file.count), offset: 0, bytes: file)
    }

    package static let terms = ServiceTerms(sequence: 1, leaseSeconds: 3600, requestsInFlight: 8)

    package func provisioning(
        for evidence: EnclaveEvidence, signedBy signer: OwnerSigningKey? = nil, modelKey: ModelKey? = nil,
        manifestDigest: ContentDigest? = nil, epoch: [UInt8]? = nil, clients: [ClientGrant]? = nil,
        terms: ServiceTerms = Self.terms
    ) throws -> [UInt8] {
        try provisioningWithAnswer(
            for: evidence, signedBy: signer, modelKey: modelKey, manifestDigest: manifestDigest, epoch: epoch,
            clients: clients, terms: terms
        ).message
    }

    /// The same, with what opens the enclave's answer.
    package func provisioningWithAnswer(
        for evidence: EnclaveEvidence, signedBy signer: OwnerSigningKey? = nil, modelKey: ModelKey? = nil,
        manifestDigest: ContentDigest? = nil, epoch: [UInt8]? = nil, clients: [ClientGrant]? = nil,
        terms: ServiceTerms = Self.terms
    ) throws -> (message: [UInt8], opener: ResponseOpener) {
        let message = try ProvisioningMessage(
            modelKey: modelKey ?? self.modelKey, manifestDigest: manifestDigest ?? self.manifestDigest,
            clients: clients ?? [ClientGrant(token: token.digest)], terms: terms,
            epoch: EnclaveEpoch(bytes: epoch ?? evidence.epoch)!, keyConfiguration: evidence.keyConfiguration)
        return try message.encapsulated(
            to: try KeyConfiguration.preferred(in: evidence.configurations()), signedBy: signer ?? owner)
    }

    /// A client's sealed request.
    package func request(
        _ tensor: Tensor, for evidence: EnclaveEvidence, token: AccessToken? = nil, kem: KeyEncapsulation = .xWing
    ) throws -> ObliviousRequest {
        let plaintext = try ClassificationRequest(token: token ?? self.token, tensor: tensor)
            .encodeBinaryRequest(authority: "example.com")
        return try seal(plaintext.bytes, for: evidence, kem: kem)
    }

    package func seal(
        _ plaintext: RawSpan, for evidence: EnclaveEvidence, kem: KeyEncapsulation = .xWing
    ) throws -> ObliviousRequest {
        let configuration = try evidence.configurations().first { $0.kem == kem }
        return try ObliviousRequest.seal(plaintext, to: configuration!)
    }
}

extension EnclaveEvidence {
    package func decodedFacts() throws -> EnclaveFacts { try EnclaveFacts(decoding: facts) }

    package func configurations() throws -> [KeyConfiguration] {
        try KeyConfiguration.parseList(keyConfiguration.span.bytes)
    }
}

/// Pictures for ``TinyModel``.
package enum Picture {
    package static let values: [Float] = [1, -0.5, 0.25, 2, 0, 0.75, -1, 3]
    package static func floats() throws -> Tensor { try Tensor(values, shape: [1, 2, 2, 2]) }

    /// Two channels, interleaved.
    package static let pixels: [UInt8] = [0, 255, 128, 64, 10, 200, 100, 90]
    package static func bytes() throws -> Tensor { try Tensor(pixels, shape: [1, 2, 2, 2]) }
    /// One channel after the other.
    package static var normalizedPixels: [Double] {
        stride(from: 0, to: 8, by: 2).map { (Double(pixels[$0]) - 128) / 64 }
            + stride(from: 1, to: 8, by: 2).map { (Double(pixels[$0]) - 100) / 32 }
    }

    /// A picture whose best class is the given one.
    package static func of(class index: Int) throws -> Tensor {
        let planes: [[Float]] = [[3, -5], [-0.5, 3.5], [0.5, 5]]
        return try Tensor(planes[index].flatMap { [Float](repeating: $0, count: 4) }, shape: [1, 2, 2, 2])
    }
}
