import Crypto
import Evidence

/// The checks that tie verified evidence to this session, this key configuration and this manifest. They can't be
/// left out: a quote that is bound to nothing proves that some machine runs the right code, not that it is this one.
struct DocumentBinding {
    let policy: Policy
    let document: EvidenceDocument
    /// The caller's nonce of this session.
    let nonce: [UInt8]

    static let manifestLabel = "infenclave manifest v1"

    func check(_ claims: Claims, _ log: inout CheckLog) throws(Rejection) {
        try log.require(
            .nonce, document.nonce == nonce, otherwise: .nonceMismatch, found: document.nonce.hex, expected: nonce.hex)

        let owner: [UInt8]
        do throws(JSONFault) {
            owner = try JSONText(document.manifest, name: "manifest").object()["ownerPublicKey"].hex(32)
        } catch {
            throw log.reject(.ownerKey, .malformed, found: error.description, expected: "a manifest")
        }
        guard case .require(let pinnedOwner) = policy.ownerPublicKey else {
            throw log.reject(
                .ownerKey, .ownerKeyMismatch, found: owner.hex, expected: "a key in 'ownerPublicKey' of the policy")
        }
        try log.require(
            .ownerKey, owner == pinnedOwner, otherwise: .ownerKeyMismatch, found: owner.hex,
            expected: pinnedOwner.hex)

        let message = Array(Self.manifestLabel.utf8) + [0] + document.manifest
        try log.require(
            .manifestSignature,
            Ed25519.isValid(document.manifestSignature, over: message, publicKey: pinnedOwner),
            otherwise: .manifestSignatureInvalid)

        let digest = Array(SHA256.hash(data: document.manifest))
        switch policy.manifestDigest {
        case .require(let pinned):
            try log.require(
                .manifestDigest, digest == pinned, otherwise: .manifestMismatch, found: digest.hex,
                expected: pinned.hex)
        case .skip(let reason): log.skip(.manifestDigest, reason)
        case .unstated:
            throw log.reject(
                .manifestDigest, .manifestMismatch, found: digest.hex,
                expected: "a digest in 'manifestDigest' of the policy")
        }

        let transcript: ReportTranscript
        do throws(EvidenceError) {
            transcript = try ReportTranscript(
                nonce: nonce, keyConfiguration: document.keyConfiguration, manifestDigest: digest,
                ownerPublicKey: pinnedOwner, epoch: document.epoch)
        } catch {
            throw log.reject(.reportData, .reportDataMismatch, found: error.message)
        }
        let expected = Array(SHA512.hash(data: transcript.encoded()))
        try log.require(
            .reportData, claims.reportData == expected, otherwise: .reportDataMismatch, found: claims.reportData.hex,
            expected: expected.hex)
    }
}
