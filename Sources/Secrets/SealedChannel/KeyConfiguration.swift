// SPDX-License-Identifier: Apache-2.0
/// A public key of an enclave and the algorithms to use with it (RFC 9458 section 3.1).
package struct KeyConfiguration: Sendable, Hashable {
    /// A key derivation and a cipher, by their numbers in IANA's HPKE registry.
    package struct SymmetricAlgorithms: Sendable, Hashable {
        package let keyDerivation: UInt16
        package let cipher: UInt16

        package init(keyDerivation: UInt16, cipher: UInt16) {
            self.keyDerivation = keyDerivation
            self.cipher = cipher
        }

        /// HKDF-SHA256 and AES-256-GCM.
        package static let standard = SymmetricAlgorithms(
            keyDerivation: EncapsulationHeader.keyDerivation, cipher: ChannelCipher.aes256GCM.rawValue)
    }

    package let keyIdentifier: UInt8
    package let kem: KeyEncapsulation
    /// As the KEM serialises it.
    package let publicKey: [UInt8]
    /// In the recipient's order; may include unsupported algorithms.
    package let algorithms: [SymmetricAlgorithms]

    package init(
        keyIdentifier: UInt8, kem: KeyEncapsulation, publicKey: [UInt8], algorithms: [SymmetricAlgorithms]
    ) {
        precondition(publicKey.count == kem.publicKeyByteCount, "a public key of another KEM")
        self.keyIdentifier = keyIdentifier
        self.kem = kem
        self.publicKey = publicKey
        self.algorithms = algorithms
    }

    /// The first supported algorithms, or `nil`.
    var header: EncapsulationHeader? {
        for pair in algorithms where pair.keyDerivation == EncapsulationHeader.keyDerivation {
            guard let cipher = ChannelCipher(rawValue: pair.cipher) else { continue }
            return EncapsulationHeader(keyIdentifier: keyIdentifier, kem: kem, cipher: cipher)
        }
        return nil
    }

    /// One key configuration, without a length before it.
    package var encoded: [UInt8] {
        SpanWriter.array(1 + 2 + publicKey.count + 2 + 4 * algorithms.count) { writer in
            writer.bigEndian(keyIdentifier)
            writer.bigEndian(kem.rawValue)
            writer.bytes(publicKey)
            writer.bigEndian(UInt16(4 * algorithms.count))
            for pair in algorithms {
                writer.bigEndian(pair.keyDerivation)
                writer.bigEndian(pair.cipher)
            }
        }
    }

    /// Parses one key configuration without a length before it; `nil` for an unsupported KEM, because the length of its
    /// key is unknown.
    ///
    /// - Throws: ``SealedChannelError`` `.malformed`.
    package static func parse(_ bytes: RawSpan) throws(SealedChannelError) -> KeyConfiguration? {
        var reader = SpanReader(bytes, of: "key configuration")
        let keyIdentifier = try reader.bigEndian(UInt8.self, "key identifier")
        guard let kem = KeyEncapsulation(rawValue: try reader.bigEndian(UInt16.self, "KEM")) else { return nil }
        let publicKey = try reader.array(kem.publicKeyByteCount, "public key")
        let length = Int(try reader.bigEndian(UInt16.self, "length of the symmetric algorithms"))
        guard length >= 4, length % 4 == 0, length == reader.remaining else {
            throw reader.malformed("\(length) bytes of symmetric algorithms, found \(reader.remaining)")
        }
        var algorithms: [SymmetricAlgorithms] = []
        while reader.remaining > 0 {
            let keyDerivation = try reader.bigEndian(UInt16.self, "KDF")
            let cipher = try reader.bigEndian(UInt16.self, "AEAD")
            algorithms.append(SymmetricAlgorithms(keyDerivation: keyDerivation, cipher: cipher))
        }
        return KeyConfiguration(
            keyIdentifier: keyIdentifier, kem: kem, publicKey: publicKey, algorithms: algorithms)
    }
}

extension KeyConfiguration {
    /// The media type of a list.
    package static let listMediaType = "application/ohttp-keys"
    /// The largest list that is parsed.
    package static let maximumListBytes = 16_384

    /// An `application/ohttp-keys` list (RFC 9458 section 3.2): every configuration with a 16-bit length prefix.
    package static func encodeList(_ configurations: [KeyConfiguration]) -> [UInt8] {
        configurations.flatMap { configuration in
            let encoded = configuration.encoded
            return [UInt8(truncatingIfNeeded: encoded.count >> 8), UInt8(truncatingIfNeeded: encoded.count)] + encoded
        }
    }

    /// Parses a list completely or fails, as RFC 9458 requires. Configurations with an unknown KEM are skipped.
    ///
    /// - Throws: ``SealedChannelError``: `.malformed`, also when two keys have one identifier; `.tooLarge`.
    package static func parseList(_ bytes: RawSpan) throws(SealedChannelError) -> [KeyConfiguration] {
        guard bytes.byteCount <= maximumListBytes else {
            throw SealedChannelError(
                .tooLarge, "key configurations: \(bytes.byteCount) bytes, the limit is \(maximumListBytes)")
        }
        var reader = SpanReader(bytes, of: "key configurations")
        var configurations: [KeyConfiguration] = []
        // Identifiers of unknown KEMs count too, because a request identifies one key of the list.
        var identifiers: Set<UInt8> = []
        while reader.remaining > 0 {
            let length = Int(try reader.bigEndian(UInt16.self, "length of a key configuration"))
            let range = try reader.skip(length, "key configuration")
            if let identifier = bytes.extracting(range).withUnsafeBytes({ $0.first }),
                !identifiers.insert(identifier).inserted
            {
                throw reader.malformed("two keys have the identifier \(identifier)")
            }
            guard let configuration = try parse(bytes.extracting(range)) else { continue }
            configurations.append(configuration)
        }
        return configurations
    }

    /// The configuration of an attested list to use: X-Wing if it is offered, else X25519.
    ///
    /// - Throws: ``SealedChannelError`` `.unsupportedSuite` when none has supported algorithms.
    package static func preferred(in list: [KeyConfiguration]) throws(SealedChannelError) -> KeyConfiguration {
        for kem in KeyEncapsulation.allCases {
            if let match = list.first(where: { $0.kem == kem && $0.header != nil }) { return match }
        }
        throw SealedChannelError(
            .unsupportedSuite, "the server offers no key for X-Wing or X25519 with HKDF-SHA256 and AES-GCM")
    }
}
