// SPDX-License-Identifier: Apache-2.0
package import Attestation
package import Evidence

/// The owner's signature of an enclave image: the signature section of AWS's format. It is over PCR0. nitro-cli
/// verifies it before it starts the image; the hypervisor measures the certificate into PCR8.
///
/// - Source: aws/aws-nitro-enclaves-image-format, README (EifSectionSignature, PCR8) and `src/utils/eif_signer.rs`.
package struct ImageSignature: Sendable, Hashable {
    private static let certificateKey = "signing_certificate"
    private static let signatureKey = "signature"

    /// PEM text.
    package let certificate: [UInt8]
    package let message: COSESign1

    /// - Parameters:
    ///   - register0: The image's PCR0, 48 bytes.
    ///   - sign: Gives the ECDSA signature over the SHA-384 of bytes by the certificate's key: R and S, 96 bytes,
    ///     big-endian.
    /// - Throws: ``ImageError`` (invalidArgument) when the signature is not by the certificate's key, and what `sign`
    ///   throws.
    package init(
        of register0: [UInt8], certificate: SigningCertificate, by sign: ([UInt8]) throws -> [UInt8]
    ) throws {
        let payload = Self.payload(register0)
        let signature = try sign(COSESign1.signedBytes(payload: payload))
        guard certificate.hasSigned(COSESign1.signedBytes(payload: payload), signature) else {
            throw ImageError(.invalidArgument, "the signing key is not that of the signing certificate")
        }
        self.certificate = certificate.pem
        message = COSESign1(payload: payload, signature: signature)
    }

    /// Reads a signature section. Accepts only what AWS's tools write for one signature by ES384.
    ///
    /// - Throws: ``ImageError`` (malformed).
    package init(parsing section: [UInt8]) throws(ImageError) {
        guard section.count <= EnclaveImageFormat.maximumSignatureBytes else {
            throw ImageError(
                .malformed,
                "the image's signature has \(section.count) bytes; expected at most \(EnclaveImageFormat.maximumSignatureBytes)"
            )
        }
        do throws(EvidenceError) {
            guard case .array(let signatures) = try CBOR(parsing: section), signatures.count == 1,
                case .map(let members) = signatures[0], members.count == 2,
                let certificate = Self.bytes(members[.text(Self.certificateKey)]),
                let message = Self.bytes(members[.text(Self.signatureKey)])
            else { throw EvidenceError(.malformed, "it is not one certificate with one signature") }
            self.certificate = certificate
            self.message = try COSESign1(parsing: message)
        } catch {
            throw ImageError(.malformed, "the image's signature cannot be read: \(error.message)")
        }
        guard encoded() == section else {
            throw ImageError(.malformed, "the image's signature is not in the one form that AWS's tools write")
        }
    }

    package func encoded() -> [UInt8] {
        CBOR.head(4, 1) + CBOR.head(5, 2) + CBOR.encoded(Self.certificateKey) + Self.numbers(certificate)
            + CBOR.encoded(Self.signatureKey) + Self.numbers(message.encoded())
    }

    /// The certificate whose key signed the image.
    ///
    /// - Parameter register0: The image's PCR0, computed from its sections.
    /// - Throws: ``ImageError`` (signature) for a certificate that cannot be read, another register's value, and a
    ///   signature that is not by the certificate's key.
    package func verified(_ register0: [UInt8]) throws(ImageError) -> SigningCertificate {
        let signer: SigningCertificate
        do throws(AttestationError) {
            signer = try SigningCertificate(certificate)
        } catch {
            throw ImageError(.signature, error.message)
        }
        guard message.payload == Self.payload(register0) else {
            throw ImageError(
                .signature, "the image's signature is over another PCR0 than that of its sections",
                remedy: "make the image again, or find out who changed it")
        }
        guard signer.hasSigned(COSESign1.signedBytes(payload: message.payload), message.signature) else {
            throw ImageError(
                .signature, "the image's signature is not by its certificate's key: nitro-cli would not start it",
                remedy: "make the image again")
        }
        return signer
    }

    /// What is signed: the number of the register, and its value.
    private static func payload(_ register0: [UInt8]) -> [UInt8] {
        CBOR.head(5, 2) + CBOR.encoded("register_index") + CBOR.head(0, 0) + CBOR.encoded("register_value")
            + numbers(register0)
    }

    /// AWS's tools write bytes as an array of numbers.
    private static func numbers(_ bytes: [UInt8]) -> [UInt8] {
        CBOR.head(4, UInt64(bytes.count)) + bytes.flatMap { CBOR.head(0, UInt64($0)) }
    }

    private static func bytes(_ item: CBOR?) -> [UInt8]? {
        guard case .array(let elements)? = item else { return nil }
        var bytes: [UInt8] = []
        for element in elements {
            guard case .unsigned(let value) = element, let byte = UInt8(exactly: value) else { return nil }
            bytes.append(byte)
        }
        return bytes
    }
}
