// SPDX-License-Identifier: Apache-2.0
internal import Crypto

/// The supported key encapsulation mechanisms, by their number in IANA's HPKE registry.
package enum KeyEncapsulation: UInt16, Sendable, CaseIterable {
    /// X-Wing: ML-KEM-768 with X25519, secure as long as either is.
    case xWing = 0x647A
    /// DHKEM(X25519, HKDF-SHA256).
    case x25519 = 0x0020

    var publicKeyByteCount: Int {
        switch self {
        case .xWing: 1216
        case .x25519: 32
        }
    }

    var encapsulatedKeyByteCount: Int {
        switch self {
        case .xWing: 1120
        case .x25519: 32
        }
    }

    var hpke: HPKE.KEM {
        switch self {
        case .xWing: .XWingMLKEM768X25519
        case .x25519: .Curve25519_HKDF_SHA256
        }
    }
}

/// The supported ciphers, by their number in IANA's HPKE registry. The enclave offers only ``aes256GCM``; ``aes128GCM``
/// is what the example of RFC 9458 uses.
package enum ChannelCipher: UInt16, Sendable, CaseIterable {
    case aes128GCM = 1
    case aes256GCM = 2

    static let nonceByteCount = 12
    static let tagByteCount = 16

    var keyByteCount: Int {
        switch self {
        case .aes128GCM: 16
        case .aes256GCM: 32
        }
    }

    /// max(Nn, Nk) of RFC 9458 section 4.4.
    var responseNonceByteCount: Int { max(Self.nonceByteCount, keyByteCount) }

    var hpke: HPKE.AEAD {
        switch self {
        case .aes128GCM: .AES_GCM_128
        case .aes256GCM: .AES_GCM_256
        }
    }
}

/// The first seven bytes of a sealed message: which key and algorithms it is for (RFC 9458 section 4.1). The key
/// derivation is HKDF-SHA256.
struct EncapsulationHeader {
    static let byteCount = 7
    static let keyDerivation: UInt16 = 0x0001

    let keyIdentifier: UInt8
    let kem: KeyEncapsulation
    let cipher: ChannelCipher

    init(keyIdentifier: UInt8, kem: KeyEncapsulation, cipher: ChannelCipher) {
        self.keyIdentifier = keyIdentifier
        self.kem = kem
        self.cipher = cipher
    }

    /// - Throws: ``SealedChannelError`` `.unsupportedSuite`, or `.malformed` when the header is cut short.
    init(_ reader: inout SpanReader) throws(SealedChannelError) {
        keyIdentifier = try reader.bigEndian(UInt8.self, "key identifier")
        let kemNumber = try reader.bigEndian(UInt16.self, "KEM")
        let derivation = try reader.bigEndian(UInt16.self, "KDF")
        let cipherNumber = try reader.bigEndian(UInt16.self, "AEAD")
        guard let kem = KeyEncapsulation(rawValue: kemNumber), derivation == Self.keyDerivation,
            let cipher = ChannelCipher(rawValue: cipherNumber)
        else {
            throw SealedChannelError(
                .unsupportedSuite, "KEM \(kemNumber), KDF \(derivation), AEAD \(cipherNumber) are not offered")
        }
        self.kem = kem
        self.cipher = cipher
    }

    var bytes: [UInt8] {
        SpanWriter.array(Self.byteCount) { writer in
            writer.bigEndian(keyIdentifier)
            writer.bigEndian(kem.rawValue)
            writer.bigEndian(Self.keyDerivation)
            writer.bigEndian(cipher.rawValue)
        }
    }

    /// The HPKE info: label, zero byte, header.
    func info(label: String) -> [UInt8] { Labels.prefix(label) + bytes }

    var ciphersuite: HPKE.Ciphersuite {
        HPKE.Ciphersuite(kem: kem.hpke, kdf: .HKDF_SHA256, aead: cipher.hpke)
    }
}
