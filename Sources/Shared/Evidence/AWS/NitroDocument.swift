// SPDX-License-Identifier: Apache-2.0
/// An attestation document of an AWS Nitro Enclave, parsed but not verified: a COSE_Sign1 message (RFC 9052), with or
/// without CBOR tag 18, whose payload is a CBOR map.
///
/// - Source: aws/aws-nitro-enclaves-nsm-api, `docs/attestation_process.md`.
package struct NitroDocument: Sendable, Hashable {
    /// Real documents have about 5 KB.
    private static let maximumBytes = 64 << 10
    /// `{1: -35}`: ECDSA with SHA-384, on P-384.
    private static let es384 = CBOR.map([.unsigned(1): .negative(34)])

    package let moduleID: String
    package let timestampMilliseconds: UInt64
    /// Platform configuration registers by number.
    package let pcrs: [Int: [UInt8]]
    /// The leaf certificate, DER.
    package let certificate: [UInt8]
    /// The certificates above it, DER, the root first.
    package let certificateBundle: [[UInt8]]
    /// Optional, like the next two; `nil` where the enclave gave none.
    package let publicKey: [UInt8]?
    package let userData: [UInt8]?
    package let nonce: [UInt8]?
    /// The COSE `Sig_structure`: what the leaf's key signed.
    package let signedBytes: [UInt8]
    /// R and S, big-endian, 96 bytes.
    package let signature: [UInt8]

    /// - Throws: ``EvidenceError`` when the bytes are not exactly one document.
    package init(parsing bytes: [UInt8]) throws(EvidenceError) {
        guard bytes.count <= Self.maximumBytes else {
            throw EvidenceError(
                .malformed, "the document has \(bytes.count) bytes; expected at most \(Self.maximumBytes)")
        }
        var message = try CBOR(parsing: bytes)
        if case .tagged(18, let content) = message { message = content }
        guard case .array(let parts) = message, parts.count == 4, case .bytes(let protected) = parts[0],
            case .bytes(let payload) = parts[2], case .bytes(let signature) = parts[3]
        else { throw EvidenceError(.malformed, "the document is not a COSE_Sign1 message of four parts") }
        // The unprotected header is not signed. The NSM writes an empty map; one known producer writes null.
        guard parts[1] == .map([:]) || parts[1] == .null else {
            throw EvidenceError(.malformed, "the document's unprotected header is not empty")
        }
        guard try CBOR(parsing: protected) == Self.es384 else {
            throw EvidenceError(.unsupported, "the document's protected header is not {1: -35}, ES384")
        }
        guard signature.count == 96 else {
            throw EvidenceError(.malformed, "the document's signature has \(signature.count) bytes; expected 96")
        }
        self.signature = signature
        self.signedBytes = COSESign1.signedBytes(protected: protected, payload: payload)

        guard case .map(let members) = try CBOR(parsing: payload) else {
            throw EvidenceError(.malformed, "the document's payload is not a map")
        }
        let fields = Fields(members: members)
        self.moduleID = try fields.text("module_id")
        guard !moduleID.isEmpty else { throw EvidenceError(.malformed, "module_id of the document is empty") }
        let digest = try fields.text("digest")
        guard digest == "SHA384" else {
            throw EvidenceError(.unsupported, "digest of the document is \(digest.prefix(16)); expected SHA384")
        }
        guard case .unsigned(let timestamp) = try fields["timestamp"] else {
            throw EvidenceError(.malformed, "timestamp of the document is not a number")
        }
        self.timestampMilliseconds = timestamp
        self.pcrs = try fields.pcrs()
        self.certificate = try fields.certificate(fields["certificate"])
        guard case .array(let bundle) = try fields["cabundle"], !bundle.isEmpty else {
            throw EvidenceError(.malformed, "cabundle of the document is not a list of certificates")
        }
        var certificates: [[UInt8]] = []
        for certificate in bundle { certificates.append(try fields.certificate(certificate)) }
        self.certificateBundle = certificates
        self.publicKey = try fields.optionalBytes("public_key")
        self.userData = try fields.optionalBytes("user_data")
        self.nonce = try fields.optionalBytes("nonce")
    }

    /// Whether the enclave runs in debug mode: then its measurements are all zero.
    package var isDebug: Bool {
        [0, 1, 2].allSatisfy { pcrs[$0]?.allSatisfy { $0 == 0 } ?? true }
    }

    private struct Fields {
        let members: [CBOR: CBOR]

        subscript(_ key: String) -> CBOR {
            get throws(EvidenceError) {
                guard let member = members[.text(key)] else {
                    throw EvidenceError(.malformed, "the document has no \(key)")
                }
                return member
            }
        }

        func text(_ key: String) throws(EvidenceError) -> String {
            guard case .text(let text) = try self[key] else {
                throw EvidenceError(.malformed, "\(key) of the document is not text")
            }
            return text
        }

        /// The AWS text bounds some at 512 bytes, but the NSM allows 1024.
        func optionalBytes(_ key: String) throws(EvidenceError) -> [UInt8]? {
            switch members[.text(key)] {
            case nil, .null: return nil
            case .bytes(let bytes) where bytes.count <= 1024: return bytes
            default: throw EvidenceError(.malformed, "\(key) of the document is not at most 1024 bytes")
            }
        }

        func certificate(_ item: CBOR) throws(EvidenceError) -> [UInt8] {
            guard case .bytes(let bytes) = item, (1...1024).contains(bytes.count) else {
                throw EvidenceError(.malformed, "a certificate of the document is not 1 to 1024 bytes")
            }
            return bytes
        }

        func pcrs() throws(EvidenceError) -> [Int: [UInt8]] {
            guard case .map(let members) = try self["pcrs"], (1...32).contains(members.count) else {
                throw EvidenceError(.malformed, "pcrs of the document is not a map of 1 to 32 registers")
            }
            var pcrs: [Int: [UInt8]] = [:]
            for (key, value) in members {
                guard case .unsigned(let index) = key, index < 32, case .bytes(let bytes) = value,
                    [32, 48, 64].contains(bytes.count)
                else {
                    throw EvidenceError(.malformed, "pcrs of the document has a register of another form")
                }
                pcrs[Int(index)] = bytes
            }
            return pcrs
        }
    }
}
