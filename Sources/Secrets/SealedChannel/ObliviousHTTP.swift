// SPDX-License-Identifier: Apache-2.0
internal import Crypto
internal import FoundationEssentials
package import SecretMemory

// Oblivious HTTP, RFC 9458 section 4. One ``ObliviousRequest`` or ``ObliviousGateway`` call per message; a secret that
// the two ends export from the request's HPKE context protects the response.

/// The client's side.
package struct ObliviousRequest: Sendable {
    /// The media types of the encapsulated messages.
    package static let mediaType = "message/ohttp-req"
    package static let responseMediaType = "message/ohttp-res"

    /// The encapsulated request. Send it unchanged, and only once.
    package let message: [UInt8]
    /// Opens the answer to this request.
    package let opener: ResponseOpener

    /// Encapsulates a binary HTTP request (RFC 9292) for the holder of an attested key.
    ///
    /// - Throws: ``SealedChannelError``: `.unsupportedSuite`, `.cryptography`.
    package static func seal(
        _ binaryRequest: RawSpan, to recipient: KeyConfiguration
    ) throws(SealedChannelError) -> ObliviousRequest {
        let sealed = try Encapsulation.seal(
            binaryRequest, to: recipient, label: Labels.obliviousRequest, exporting: Labels.obliviousResponse)
        let keys = try ResponseKeys(
            sealed.exportedSecret, encapsulatedKey: sealed.encapsulatedKey, cipher: sealed.cipher)
        return ObliviousRequest(message: sealed.message, opener: ResponseOpener(keys: keys))
    }
}

/// The enclave's side.
package struct ObliviousGateway: Sendable {
    private let keys: ChannelKeyPair
    private let maximumMessageBytes: Int

    /// - Parameter maximumMessageBytes: Longer messages are refused before they are parsed.
    package init(keys: ChannelKeyPair, maximumMessageBytes: Int) {
        self.keys = keys
        self.maximumMessageBytes = maximumMessageBytes
    }

    /// Opens an encapsulated request. It may be a replay of an earlier one: callers must check
    /// ``OpenedRequest/replayIdentifier`` before they act on it.
    ///
    /// - Throws: ``SealedChannelError``: `.malformed`, `.tooLarge`, `.unsupportedSuite`, `.undecryptable`.
    package func open(_ message: RawSpan) throws(SealedChannelError) -> OpenedRequest {
        guard message.byteCount <= maximumMessageBytes else {
            throw SealedChannelError(
                .tooLarge, "a request of \(message.byteCount) bytes, the limit is \(maximumMessageBytes)")
        }
        let opened = try Encapsulation.open(
            message, with: keys, label: Labels.obliviousRequest, exporting: Labels.obliviousResponse)
        let responseKeys = try ResponseKeys(
            opened.exportedSecret, encapsulatedKey: opened.encapsulatedKey, cipher: opened.cipher)
        let identifier = ContentDigest(of: opened.encapsulatedKey)
        return OpenedRequest(
            request: opened.plaintext, sealer: ResponseSealer(keys: responseKeys), replayIdentifier: identifier)
    }
}

/// A decrypted request. Copy ``sealer`` before anything that may throw, so that a refusal can be sealed as well.
package struct OpenedRequest: ~Copyable, Sendable {
    /// The binary HTTP request (RFC 9292): see ``ClassificationRequest/init(binaryRequest:accepting:)``.
    package let request: SecretBytes
    /// Seals the answer.
    package let sealer: ResponseSealer
    /// SHA-256 of the encapsulated key, which a client generates for each request. It is the same in every replay. It
    /// differs in every other request, because the rest of a message is authenticated under that key.
    package let replayIdentifier: ContentDigest
}

/// Opens the one answer to a request (RFC 9458 section 4.4).
package struct ResponseOpener: Sendable {
    let keys: ResponseKeys

    /// - Throws: ``SealedChannelError``: `.malformed`, `.undecryptable`.
    package func open(_ message: RawSpan) throws(SealedChannelError) -> SecretBytes {
        var reader = SpanReader(message, of: "sealed response")
        let nonce = try reader.array(keys.cipher.responseNonceByteCount, "response nonce")
        let range = try reader.skip(reader.remaining, "ciphertext")
        guard range.count >= ChannelCipher.tagByteCount else {
            throw reader.malformed("a ciphertext has at least 16 bytes, found \(range.count)")
        }
        let (key, aeadNonce) = keys.derive(responseNonce: nonce)
        do {
            var plaintext = try message.extracting(range).withUnsafeBytes { bytes in
                let sealed = Data(borrowing: bytes)
                let box = try AES.GCM.SealedBox(
                    nonce: AES.GCM.Nonce(data: aeadNonce), ciphertext: sealed.dropLast(ChannelCipher.tagByteCount),
                    tag: sealed.suffix(ChannelCipher.tagByteCount))
                return try AES.GCM.open(box, using: key)
            }
            return SecretBytes(taking: &plaintext)
        } catch {
            throw SealedChannelError(
                .undecryptable, "the answer does not open: altered on the way, or not an answer to this request")
        }
    }
}

/// Seals answers to one request. Sealing twice is secure, because each answer has a fresh nonce, but a client accepts
/// only one.
package struct ResponseSealer: Sendable {
    let keys: ResponseKeys

    /// Encapsulates a binary HTTP response (RFC 9292). The result is longer than it by 48 bytes (AES-256-GCM).
    ///
    /// - Throws: ``SealedChannelError`` `.cryptography`.
    package func seal(
        _ binaryResponse: RawSpan, randomness: Randomness = .system
    ) throws(SealedChannelError) -> [UInt8] {
        try seal(binaryResponse, responseNonce: randomness.nonce(keys.cipher.responseNonceByteCount))
    }

    /// With a given nonce, for published vectors.
    package func seal(_ binaryResponse: RawSpan, responseNonce nonce: [UInt8]) throws(SealedChannelError) -> [UInt8] {
        let (key, aeadNonce) = keys.derive(responseNonce: nonce)
        do {
            let box = try binaryResponse.withUnsafeBytes { bytes in
                try AES.GCM.seal(bytes, using: key, nonce: AES.GCM.Nonce(data: aeadNonce))
            }
            let (ciphertext, tag) = (box.ciphertext, box.tag)
            return SpanWriter.array(nonce.count + ciphertext.count + tag.count) { writer in
                writer.bytes(nonce)
                writer.bytes(ciphertext.bytes)
                writer.bytes(tag.bytes)
            }
        } catch {
            throw SealedChannelError(.cryptography, "sealing an answer failed")
        }
    }
}

/// The secret from which both ends derive an answer's key and nonce (RFC 9458 section 4.4, steps 3 to 5).
struct ResponseKeys: Sendable {
    private let secret: SymmetricKey
    private let encapsulatedKey: [UInt8]
    let cipher: ChannelCipher

    init(_ secret: SymmetricKey?, encapsulatedKey: [UInt8], cipher: ChannelCipher) throws(SealedChannelError) {
        guard let secret else { throw SealedChannelError(.cryptography, "no secret was exported") }
        self.secret = secret
        self.encapsulatedKey = encapsulatedKey
        self.cipher = cipher
    }

    func derive(responseNonce: [UInt8]) -> (key: SymmetricKey, nonce: [UInt8]) {
        let pseudorandom = HKDF<SHA256>.extract(inputKeyMaterial: secret, salt: encapsulatedKey + responseNonce)
        let key = HKDF<SHA256>.expand(
            pseudoRandomKey: pseudorandom, info: Array(Labels.responseKey.utf8), outputByteCount: cipher.keyByteCount)
        let nonce = HKDF<SHA256>.expand(
            pseudoRandomKey: pseudorandom, info: Array(Labels.responseNonce.utf8),
            outputByteCount: ChannelCipher.nonceByteCount)
        return (key, nonce.withUnsafeBytes { Array($0) })
    }
}
