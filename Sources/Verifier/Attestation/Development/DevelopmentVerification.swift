// SPDX-License-Identifier: Apache-2.0
import Crypto
import Evidence

/// Verification of development evidence under the key that the policy pins.
struct DevelopmentVerification {
    let request: VerificationRequest
    let policy: Policy?
    let acceptance: DevelopmentTEE

    func verify(_ claims: inout Claims, _ log: inout CheckLog) throws(Rejection) {
        guard let policy else {
            throw log.reject(
                .developmentAccepted, .developmentNotAccepted, found: "no policy",
                expected: "a policy that names 'development' and its key")
        }
        let accepting = "a policy and a call that both accept the development TEE by name"
        let isNamed = policy.tee.contains(.development)
        let isAccepted = isNamed && acceptance == .dangerouslyAccept
        let refusing = isNamed ? "a call that does not accept it" : "a policy that does not name it"
        try log.require(
            .developmentAccepted, isAccepted, otherwise: .developmentNotAccepted,
            found: isAccepted ? accepting : refusing, expected: accepting)
        log.warnings.append(DevelopmentTEE.warning)

        let report: DevelopmentReport
        do throws(EvidenceError) {
            report = try DevelopmentReport(parsing: request.evidence)
        } catch {
            throw log.reject(.evidenceFormat, ReasonCode(error.code), found: error.message)
        }
        try log.require(.evidenceFormat, true, otherwise: .malformed)
        claims.measurements = [Claims.Measurement(name: "development", value: report.measurement)]
        claims.reportData = report.reportData

        guard case .require(let pinned) = policy.developmentKey else {
            throw log.reject(
                .developmentKey, .signingKeyMismatch, found: report.publicKey.hex,
                expected: "a key in 'developmentKey' of the policy")
        }
        try log.require(
            .developmentKey, report.publicKey == pinned, otherwise: .signingKeyMismatch, found: report.publicKey.hex,
            expected: pinned.hex)
        try log.require(
            .developmentSignature,
            Ed25519.isValid(report.signature, over: report.signedMessage, publicKey: report.publicKey),
            otherwise: .reportSignatureInvalid)
    }
}

extension ReasonCode {
    init(_ code: EvidenceError.Code) {
        self = code == .malformed ? .malformed : .unsupportedFormat
    }
}

enum Ed25519 {
    static func isValid(_ signature: [UInt8], over message: [UInt8], publicKey: [UInt8]) -> Bool {
        guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey) else { return false }
        return key.isValidSignature(signature, for: message)
    }
}
