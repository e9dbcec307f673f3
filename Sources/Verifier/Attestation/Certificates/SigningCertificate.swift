// SPDX-License-Identifier: Apache-2.0
import Crypto

/// The certificate of a signer of enclave images: the key and the validity period. AWS accepts any certificate,
/// including version 1 and self-signed ones, and the platform measures the whole certificate. So the issuer's signature
/// is not verified, and extensions are not read.
package struct SigningCertificate: Sendable, Hashable {
    package static let maximumBytes = 8 << 10

    package let der: [UInt8]
    package let notBefore: Timestamp
    package let notAfter: Timestamp
    /// X and Y of a point on P-384, 96 bytes, big-endian.
    package let publicKey: [UInt8]

    /// - Parameter text: PEM text of one certificate and nothing else, or its DER.
    /// - Throws: ``AttestationError`` (invalidInput) for anything else, and for a key that is not on P-384.
    package init(_ text: [UInt8]) throws(AttestationError) {
        do throws(CertificateFault) {
            guard text.count <= Self.maximumBytes else {
                throw CertificateFault("it has \(text.count) bytes; expected at most \(Self.maximumBytes)")
            }
            let certificates = try PEM.encodedCertificates(text)
            guard certificates.count == 1 else {
                throw CertificateFault("there are \(certificates.count) certificates; expected 1")
            }
            try self.init(der: certificates[0])
        } catch {
            throw AttestationError(.invalidInput, "the signing certificate cannot be used: \(error.description)")
        }
    }

    private init(der: [UInt8]) throws(CertificateFault) {
        // The image has it as PEM text.
        guard PEM.text(der: der).count <= Self.maximumBytes else {
            throw CertificateFault("its PEM text would have more than \(Self.maximumBytes) bytes")
        }
        self.der = der
        var outer = DERReader(der[...])
        var certificate = try outer.sequence("the certificate")
        try outer.finish("the certificate")
        var content = try certificate.sequence("the certificate's content")
        _ = try certificate.sequence("the signature algorithm")
        _ = try certificate.bits("the signature")
        try certificate.finish("the certificate")

        _ = try content.optional(DERTag.context(0))
        _ = try content.integer("the serial number")
        _ = try content.sequence("the inner algorithm")
        _ = try content.sequence("the issuer")
        var validity = try content.sequence("the validity")
        notBefore = try validity.time("notBefore")
        notAfter = try validity.time("notAfter")
        try validity.finish("the validity")
        _ = try content.sequence("the subject")
        guard case .p384(let key) = try PublicKey(content.element(DERTag.sequence, "the key")) else {
            throw CertificateFault("the key is not on P-384, which ES384 needs")
        }
        publicKey = Array(key.rawRepresentation)
    }

    /// PEM text, the same for the same certificate.
    package var pem: [UInt8] { PEM.text(der: der) }

    /// Whether this certificate's key gave an ECDSA signature over the SHA-384 of the bytes.
    ///
    /// - Parameter signature: R and S, 96 bytes, big-endian.
    package func hasSigned(_ bytes: [UInt8], _ signature: [UInt8]) -> Bool {
        guard let key = try? PublicKey(p384: publicKey) else { return false }
        return RawECDSA.isValid(signature, over: bytes, key: key)
    }

    /// Whether the time lies in the certificate's validity.
    package func isValid(at time: Timestamp) -> Bool { notBefore <= time && time <= notAfter }
}
