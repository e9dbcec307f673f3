// SPDX-License-Identifier: Apache-2.0
/// A message with one signature by ES384 (ECDSA with SHA-384, on P-384), as AWS's enclave images carry it: COSE_Sign1
/// without a tag. It is parsed but not verified.
///
/// - Source: RFC 9052, sections 4.2 and 4.4; RFC 9053, section 2.1.
package struct COSESign1: Sendable, Hashable {
    /// `{1: -35}`: the algorithm ES384.
    private static let protected: [UInt8] = [0xA1, 0x01, 0x38, 0x22]
    package static let signatureBytes = 96

    package let payload: [UInt8]
    /// R and S, big-endian, 96 bytes.
    package let signature: [UInt8]

    package init(payload: [UInt8], signature: [UInt8]) {
        self.payload = payload
        self.signature = signature
    }

    /// Accepts only what ``encoded()`` gives.
    ///
    /// - Throws: ``EvidenceError`` when the bytes are not exactly one such message.
    package init(parsing bytes: [UInt8]) throws(EvidenceError) {
        guard case .array(let parts) = try CBOR(parsing: bytes), parts.count == 4,
            case .bytes(let protected) = parts[0],
            case .bytes(let payload) = parts[2], case .bytes(let signature) = parts[3]
        else { throw EvidenceError(.malformed, "the signature is not a COSE_Sign1 message of four parts") }
        guard protected == Self.protected else {
            throw EvidenceError(.unsupported, "the signature's protected header is not {1: -35}, ES384")
        }
        guard signature.count == Self.signatureBytes else {
            throw EvidenceError(
                .malformed, "the signature has \(signature.count) bytes; expected \(Self.signatureBytes)")
        }
        self.init(payload: payload, signature: signature)
        guard encoded() == bytes else {
            throw EvidenceError(
                .malformed, "the signature's header is not empty, or its CBOR is not in its shortest form")
        }
    }

    package func encoded() -> [UInt8] {
        CBOR.head(4, 4) + CBOR.encoded(Self.protected) + CBOR.head(5, 0) + CBOR.encoded(payload)
            + CBOR.encoded(signature)
    }

    /// The bytes that the signature of such a message covers.
    package static func signedBytes(payload: [UInt8]) -> [UInt8] {
        signedBytes(protected: protected, payload: payload)
    }

    /// `Sig_structure` of a message without external data.
    ///
    /// - Parameter protected: The protected header, in CBOR.
    static func signedBytes(protected: [UInt8], payload: [UInt8]) -> [UInt8] {
        CBOR.head(4, 4) + CBOR.encoded("Signature1") + CBOR.encoded(protected) + CBOR.encoded([])
            + CBOR.encoded(payload)
    }
}
