// SPDX-License-Identifier: Apache-2.0
internal import Crypto
internal import FoundationEssentials
internal import SecretMemory

/// One message sealed with HPKE in base mode (RFC 9180): header, encapsulated key, ciphertext. The empty string is the
/// associated data; the label and the header are the info.
enum Encapsulation {
    struct Sealed {
        let message: [UInt8]
        let encapsulatedKey: [UInt8]
        let cipher: ChannelCipher
        /// Exported under the context given to ``Encapsulation/seal(_:to:label:exporting:)``; `nil` when none was.
        let exportedSecret: SymmetricKey?
    }

    struct Opened: ~Copyable {
        let plaintext: SecretBytes
        let encapsulatedKey: [UInt8]
        let cipher: ChannelCipher
        /// As in ``Sealed``.
        let exportedSecret: SymmetricKey?
    }

    /// - Parameter exporterContext: The context under which to export a secret of max(Nn, Nk) bytes; `nil` for none.
    /// - Throws: ``SealedChannelError``: `.unsupportedSuite`, or `.cryptography` when the public key is unusable.
    static func seal(
        _ plaintext: RawSpan, to recipient: KeyConfiguration, label: String, exporting exporterContext: String?
    ) throws(SealedChannelError) -> Sealed {
        guard let header = recipient.header else {
            throw SealedChannelError(.unsupportedSuite, "the recipient's key comes with no algorithms known here")
        }
        do {
            var sender = try self.sender(to: recipient, header: header, info: Data(header.info(label: label)))
            let ciphertext = try plaintext.withUnsafeBytes { try sender.seal($0) }
            let key = sender.encapsulatedKey
            let message = SpanWriter.array(EncapsulationHeader.byteCount + key.count + ciphertext.count) { writer in
                writer.bytes(header.bytes)
                writer.bytes(key.bytes)
                writer.bytes(ciphertext.bytes)
            }
            let exported = try exporterContext.map {
                try sender.exportSecret(
                    context: Array($0.utf8), outputByteCount: header.cipher.responseNonceByteCount)
            }
            return Sealed(
                message: message, encapsulatedKey: Array(key), cipher: header.cipher, exportedSecret: exported)
        } catch {
            throw SealedChannelError(.cryptography, "sealing to the recipient's key failed; is the key damaged?")
        }
    }

    /// - Throws: ``SealedChannelError``: `.malformed`, `.unsupportedSuite`, `.undecryptable`.
    static func open(
        _ message: RawSpan, with keys: ChannelKeyPair, label: String, exporting exporterContext: String?
    ) throws(SealedChannelError) -> Opened {
        var reader = SpanReader(message, of: "sealed message")
        let header = try EncapsulationHeader(&reader)
        guard let key = keys.recipients.first(where: { $0.accepts(header) }) else {
            throw SealedChannelError(
                .unsupportedSuite,
                "no key \(header.keyIdentifier) for KEM \(header.kem) with \(header.cipher); fetch the evidence again")
        }
        let encapsulatedKey = try reader.array(header.kem.encapsulatedKeyByteCount, "encapsulated key")
        let range = try reader.skip(reader.remaining, "ciphertext")
        guard range.count >= ChannelCipher.tagByteCount else {
            throw reader.malformed("a ciphertext has at least 16 bytes, found \(range.count)")
        }
        do {
            var recipient = try self.recipient(
                key, header: header, info: Data(header.info(label: label)), encapsulatedKey: Data(encapsulatedKey))
            var plaintext = try message.extracting(range).withUnsafeBytes { bytes in
                try recipient.open(Data(borrowing: bytes))
            }
            let exported = try exporterContext.map {
                try recipient.exportSecret(
                    context: Array($0.utf8), outputByteCount: header.cipher.responseNonceByteCount)
            }
            return Opened(
                plaintext: SecretBytes(taking: &plaintext), encapsulatedKey: encapsulatedKey, cipher: header.cipher,
                exportedSecret: exported)
        } catch {
            throw SealedChannelError(
                .undecryptable, "the message does not open: altered on the way, or sealed to another key")
        }
    }

    private static func sender(
        to recipient: KeyConfiguration, header: EncapsulationHeader, info: Data
    ) throws -> HPKE.Sender {
        switch recipient.kem {
        case .xWing:
            let key = try XWingMLKEM768X25519.PublicKey(rawRepresentation: recipient.publicKey)
            return try HPKE.Sender(recipientKey: key, ciphersuite: header.ciphersuite, info: info)
        case .x25519:
            let key = try usablePublicKey(recipient.publicKey, for: Curve25519.KeyAgreement.PrivateKey())
            return try HPKE.Sender(recipientKey: key, ciphersuite: header.ciphersuite, info: info)
        }
    }

    /// Refuses the points of small order, whose shared secret is zero with every key. RFC 9180 section 7.1.4 requires
    /// this check, and swift-crypto leaves it to its callers.
    private static func usablePublicKey(
        _ bytes: [UInt8], for privateKey: Curve25519.KeyAgreement.PrivateKey
    ) throws -> Curve25519.KeyAgreement.PublicKey {
        let key = try Curve25519.KeyAgreement.PublicKey(rawRepresentation: bytes)
        let secret = try privateKey.sharedSecretFromKeyAgreement(with: key)
        guard secret.withUnsafeBytes({ $0.contains { $0 != 0 } }) else {
            throw SealedChannelError(.malformed, "an X25519 key of small order")
        }
        return key
    }

    private static func recipient(
        _ key: RecipientKey, header: EncapsulationHeader, info: Data, encapsulatedKey: Data
    ) throws -> HPKE.Recipient {
        switch key.privateKey {
        case .xWing(let key):
            return try HPKE.Recipient(
                privateKey: key, ciphersuite: header.ciphersuite, info: info, encapsulatedKey: encapsulatedKey)
        case .x25519(let key):
            _ = try usablePublicKey(Array(encapsulatedKey), for: key)
            return try HPKE.Recipient(
                privateKey: key, ciphersuite: header.ciphersuite, info: info, encapsulatedKey: encapsulatedKey)
        }
    }
}

extension Data {
    /// Refers to bytes without a copy: the value must not outlive them, and must not be written to.
    init(borrowing bytes: UnsafeRawBufferPointer) {
        if let base = bytes.baseAddress, bytes.count > 0 {
            self.init(
                bytesNoCopy: UnsafeMutableRawPointer(mutating: base), count: bytes.count, deallocator: .none)
        } else {
            self.init()
        }
    }
}
