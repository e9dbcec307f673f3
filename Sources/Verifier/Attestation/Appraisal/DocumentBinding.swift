// SPDX-License-Identifier: Apache-2.0
import BundleFormat
import Crypto
import Evidence

/// The checks that tie verified evidence to this session, this key configuration, this manifest, and what the enclave
/// states of itself. They cannot be left out: a quote that is bound to nothing proves that some machine runs the right
/// code, but not which one.
struct DocumentBinding {
    let policy: Policy
    let document: EvidenceDocument
    /// The caller's nonce of this session.
    let nonce: [UInt8]

    static let manifestLabel = "infenclave manifest v2"

    /// - Returns: The signed manifest and the enclave's facts, both confirmed by the evidence.
    func check(_ claims: Claims, _ log: inout CheckLog) throws(Rejection) -> (ManifestCore, EnclaveFacts) {
        try log.require(
            .nonce, document.nonce == nonce, otherwise: .nonceMismatch, found: document.nonce.hex, expected: nonce.hex)
        let (core, owner) = try checkManifest(&log)
        try checkReportData(claims, owner, &log)
        let facts: EnclaveFacts
        do throws(EvidenceError) { facts = try EnclaveFacts(decoding: document.facts) } catch {
            throw log.reject(
                .enclaveParts, error.code == .unsupported ? .unsupportedFormat : .malformed, found: error.message)
        }
        return (core, facts)
    }

    private func checkManifest(_ log: inout CheckLog) throws(Rejection) -> (ManifestCore, owner: [UInt8]) {
        let core: ManifestCore
        do throws(EvidenceError) { core = try ManifestCore(decoding: document.manifestCore) } catch {
            throw log.reject(.ownerKey, .malformed, found: error.message, expected: "a manifest core")
        }
        guard case .require(let owner) = policy.ownerPublicKey else {
            throw log.reject(
                .ownerKey, .ownerKeyMismatch, found: core.ownerPublicKey.hex,
                expected: "a key in 'ownerPublicKey' of the policy")
        }
        try log.require(
            .ownerKey, core.ownerPublicKey == owner, otherwise: .ownerKeyMismatch, found: core.ownerPublicKey.hex,
            expected: owner.hex)

        let message = Array(Self.manifestLabel.utf8) + [0] + document.manifestCore
        try log.require(
            .manifestSignature, Ed25519.isValid(document.manifestSignature, over: message, publicKey: owner),
            otherwise: .manifestSignatureInvalid)

        let digest = Array(SHA256.hash(data: document.manifestCore))
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
        let text = Array(SHA256.hash(data: document.manifest))
        try log.require(
            .manifestTwin, text == core.textDigest, otherwise: .manifestMismatch, found: text.hex,
            expected: core.textDigest.hex)
        return (core, owner)
    }

    private func checkReportData(
        _ claims: Claims, _ owner: [UInt8], _ log: inout CheckLog
    ) throws(Rejection) {
        let transcript: ReportTranscript
        do throws(EvidenceError) {
            transcript = try ReportTranscript(
                nonce: nonce, keyConfiguration: document.keyConfiguration, facts: document.facts,
                manifestDigest: Array(SHA256.hash(data: document.manifestCore)), ownerPublicKey: owner,
                epoch: document.epoch)
        } catch {
            throw log.reject(.reportData, .reportDataMismatch, found: error.message)
        }
        var expected = Array(SHA512.hash(data: transcript.encoded()))
        // A TPM signs at most as many extra bytes as its largest digest has, which may be fewer than 64.
        if document.tee.isAzure { expected = Array(SHA256.hash(data: expected)) }
        try log.require(
            .reportData, claims.reportData == expected, otherwise: .reportDataMismatch, found: claims.reportData.hex,
            expected: expected.hex)
    }
}
