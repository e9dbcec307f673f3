// SPDX-License-Identifier: Apache-2.0
package import BundleFormat
package import Crypto
package import Evidence
package import Tensors

/// A service in a TEE: an owner, a bundle and a provisioned enclave, whose evidence is bound to them. Everything is inside.
package struct PeerFixture<Evidence: EvidenceFixture>: Sendable {
    package var evidence: Evidence
    package let owner: Curve25519.Signing.PrivateKey
    package var nonce = [UInt8](repeating: 7, count: 32)
    package var keyConfiguration = [UInt8](repeating: 2, count: 100)
    package var epoch = [UInt8](repeating: 3, count: 16)
    package var manifest: [UInt8]
    /// What the owner signed.
    package var service: ServiceFacts
    package var manifestCore: [UInt8]
    package var facts: [UInt8]

    package static var digest: [UInt8] { [UInt8](repeating: 0xD1, count: 32) }
    package static var lease: EnclaveFacts.Lease { .init(sequence: 5, seconds: 3600, secondsLeft: 1800) }

    package init(_ evidence: Evidence, owner: Curve25519.Signing.PrivateKey = .init()) {
        self.init(evidence, owner: owner, manifest: Self.manifest())
    }

    package init(_ evidence: Evidence, owner: Curve25519.Signing.PrivateKey = .init(), manifest: [UInt8]) {
        self.evidence = evidence
        self.owner = owner
        self.manifest = manifest
        service = Self.service()
        manifestCore = []
        facts = []
        (manifestCore, facts) = (core().encoded(), enclaveFacts().encoded())
    }

    /// As much of `manifest.json` as a policy looks at.
    package static func manifest(
        gates: String = "strict", passes: Bool = true, adversary: String = "both", attackerPictures: Int = 100_000
    ) -> [UInt8] {
        Array(
            #"{"assessment":{"adversary":"\#(adversary)","gates":"\#(gates)","passes":\#(passes),"sha256":"\#(digest.hex)","status":"assessed","protected":["appearance","identity"],"attackerPictures":\#(attackerPictures)}}"#
                .utf8)
    }

    /// - Parameter crossing: Floats that cross to the host, and come back.
    package static func service(
        acceptsFloats: Bool = false, classes: Int = 10, crossing: Int = 0, sigma: NoiseDeviation? = nil
    ) -> ServiceFacts {
        do {
            let types = crossing > 0 ? [TensorType(.float32, try Shape([1, crossing]))] : []
            return try ServiceFacts(
                acceptsFloats: acceptsFloats, precision: .float32, channels: 3, height: 8, width: 8, classes: classes,
                topK: 2, sigma: sigma, toHost: types, fromHost: types)
        } catch { preconditionFailure("the fixture's facts: \(error)") }
    }

    /// The core of this manifest and service; the bundle's unless ``manifestCore`` was set.
    package func core() -> ManifestCore {
        do {
            let kinds: [ManifestCore.PartKind] =
                [.frontNet, .mappingUnit] + (service.isEverythingInside ? [] : [.backNet])
            return try ManifestCore(
                identifier: [UInt8](repeating: 1, count: 16), ownerPublicKey: Array(owner.publicKey.rawRepresentation),
                service: service,
                parts: kinds.map { kind in
                    try .init(kind: kind, byteCount: 9, digest: [UInt8](repeating: kind.rawValue, count: 32))
                }, textDigest: Array(SHA256.hash(data: manifest)))
        } catch { preconditionFailure("the fixture's manifest core: \(error)") }
    }

    package func enclaveFacts(_ state: EnclaveFacts.State? = nil, frontNet: UInt8 = 1) -> EnclaveFacts {
        do {
            return try EnclaveFacts(
                frontNetDigest: [UInt8](repeating: frontNet, count: 32),
                mappingUnitDigest: [UInt8](repeating: 2, count: 32),
                state: state ?? .provisioned(Self.lease, service))
        } catch { preconditionFailure("the fixture's facts: \(error)") }
    }

    /// Serves another network.
    package mutating func serve(_ service: ServiceFacts) {
        self.service = service
        (manifestCore, facts) = (core().encoded(), enclaveFacts().encoded())
    }

    package var policy: [String: String] {
        evidence.policy.merging([
            "ownerPublicKey": "\"\(Array(owner.publicKey.rawRepresentation).hex)\"",
            "manifestDigest": "\"\(Array(SHA256.hash(data: manifestCore)).hex)\"",
            "everythingInside": "true", "maximumBoundaryBytes": "0", "minimumSigma": "0", "maximumSigma": "1",
            "pixelsOnly": "true", "maximumLeaseSeconds": "3600",
            "assessment": #"{"sha256":"\#(Self.digest.hex)","gates":"standard"}"#,
        ]) { $1 }
    }

    /// - Parameter transcriptCore: The manifest core that the enclave binds, if it differs from the served one.
    package func reportData(over transcriptCore: [UInt8]? = nil) throws -> [UInt8] {
        let transcript = try ReportTranscript(
            nonce: nonce, keyConfiguration: keyConfiguration, facts: facts,
            manifestDigest: Array(SHA256.hash(data: transcriptCore ?? manifestCore)),
            ownerPublicKey: Array(owner.publicKey.rawRepresentation), epoch: epoch)
        return Array(SHA512.hash(data: transcript.encoded()))
    }

    package func document(over transcriptCore: [UInt8]? = nil) throws -> EvidenceDocument {
        try EvidenceDocument(
            tee: evidence.tee, nonce: nonce, evidence: evidence.evidence(over: reportData(over: transcriptCore)),
            keyConfiguration: keyConfiguration, manifestCore: manifestCore, manifest: manifest,
            manifestSignature: signature(of: manifestCore), facts: facts, epoch: epoch)
    }

    package func signature(of core: [UInt8]) throws -> [UInt8] {
        Array(try owner.signature(for: Array("infenclave manifest v2".utf8) + [0] + core))
    }
}
