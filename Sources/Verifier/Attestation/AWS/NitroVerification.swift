// SPDX-License-Identifier: Apache-2.0
import Crypto
import Evidence

/// Verification of Nitro attestation documents up to AWS's root. Each step is a named check. AWS says not to use
/// revocation lists: a leaf lives for about three hours.
///
/// - Source: aws/aws-nitro-enclaves-nsm-api, `docs/attestation_process.md`.
struct NitroVerification {
    let request: VerificationRequest

    func verify(_ claims: inout Claims, _ log: inout CheckLog) throws(Rejection) {
        let document: NitroDocument
        do throws(EvidenceError) {
            document = try NitroDocument(parsing: request.evidence)
        } catch {
            throw log.reject(.evidenceFormat, ReasonCode(error.code), found: error.message)
        }
        try log.require(.evidenceFormat, true, otherwise: .malformed, found: document.moduleID)
        claims.read(document)

        let trusted = request.roots.certificates(for: .nitro).map { Array(SHA256.hash(data: $0.der)).hex }
        let root = Array(SHA256.hash(data: document.certificateBundle[0])).hex
        try log.require(
            .documentRoot, trusted.contains(root), otherwise: .untrustedRoot, found: "certificate \(root)",
            expected: trusted.joined(separator: " or "))
        var chain: [Certificate] = []
        do throws(CertificateFault) {
            for der in document.certificateBundle + [document.certificate] {
                chain.append(try Certificate(der: der))
            }
        } catch {
            throw log.reject(.documentChain, .certificateMalformed, found: error.description)
        }
        let fault = CertificateChain.fault(chain)
        try log.require(.documentChain, fault == nil, otherwise: .certificateChainInvalid, found: fault ?? "")

        try requireValidity(.documentValidity, chain, request.time, &log)
        try log.require(
            .documentSignature,
            RawECDSA.isValid(
                document.signature, over: document.signedBytes, key: chain[chain.count - 1].publicKey),
            otherwise: .documentSignatureInvalid)
        // The certificates must also have been valid at the time that the document states.
        let made = Timestamp(secondsSince1970: Int64(clamping: document.timestampMilliseconds / 1000))
        try requireValidity(.documentTime, chain, made, &log)
    }

    private func requireValidity(
        _ check: Check, _ chain: [Certificate], _ time: Timestamp, _ log: inout CheckLog
    ) throws(Rejection) {
        let expiry = CertificateChain.expiry(chain, at: time)
        try log.require(
            check, expiry == nil, otherwise: expiry?.code ?? .certificateExpired, found: expiry?.found ?? "",
            expected: "valid at \(time)")
    }
}

extension Claims {
    mutating func read(_ document: NitroDocument) {
        measurements = document.pcrs.sorted { $0.key < $1.key }.map {
            Measurement(name: "pcr\($0.key)", value: $0.value)
        }
        reportData = document.userData ?? []
        nonce = document.nonce
        isDebug = document.isDebug
        timestamp = Timestamp(secondsSince1970: Int64(clamping: document.timestampMilliseconds / 1000))
    }
}
