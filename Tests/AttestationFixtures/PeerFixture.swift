package import Crypto
package import Evidence

/// A service in a TEE: an owner, a bundle and an enclave, whose evidence is bound to them.
package struct PeerFixture<Evidence: EvidenceFixture>: Sendable {
    package var evidence: Evidence
    package let owner: Curve25519.Signing.PrivateKey
    package var nonce = [UInt8](repeating: 7, count: 32)
    package var keyConfiguration = [UInt8](repeating: 2, count: 100)
    package var epoch = [UInt8](repeating: 3, count: 16)
    package var manifest: [UInt8]

    package init(_ evidence: Evidence, owner: Curve25519.Signing.PrivateKey = .init()) {
        self.evidence = evidence
        self.owner = owner
        let key = Array(owner.publicKey.rawRepresentation).hex
        manifest = Array(#"{"formatVersion":1,"ownerPublicKey":"\#(key)","parts":[]}"#.utf8)
    }

    package var policy: [String: String] {
        evidence.policy.merging([
            "ownerPublicKey": "\"\(Array(owner.publicKey.rawRepresentation).hex)\"",
            "manifestDigest": "\"\(Array(SHA256.hash(data: manifest)).hex)\"",
        ]) { $1 }
    }

    /// - Parameter transcriptManifest: The manifest that the enclave binds, if it is not the one that is served.
    package func reportData(over transcriptManifest: [UInt8]? = nil) throws -> [UInt8] {
        let transcript = try ReportTranscript(
            nonce: nonce, keyConfiguration: keyConfiguration,
            manifestDigest: Array(SHA256.hash(data: transcriptManifest ?? manifest)),
            ownerPublicKey: Array(owner.publicKey.rawRepresentation), epoch: epoch)
        return Array(SHA512.hash(data: transcript.encoded()))
    }

    package func document(over transcriptManifest: [UInt8]? = nil) throws -> EvidenceDocument {
        try EvidenceDocument(
            tee: evidence.tee, nonce: nonce, evidence: evidence.evidence(over: reportData(over: transcriptManifest)),
            keyConfiguration: keyConfiguration, manifest: manifest, manifestSignature: signature(of: manifest),
            epoch: epoch)
    }

    package func signature(of manifest: [UInt8]) throws -> [UInt8] {
        Array(try owner.signature(for: Array("infenclave manifest v1".utf8) + [0] + manifest))
    }
}
