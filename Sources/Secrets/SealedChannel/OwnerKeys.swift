// SPDX-License-Identifier: Apache-2.0
internal import Crypto
internal import FoundationEssentials
internal import Hexadecimal
internal import SecretMemory

/// The model owner's Ed25519 key. Signs manifests and provisioning messages, nothing else.
///
/// swift-crypto holds the key in memory that it wipes but does not lock.
public struct OwnerSigningKey: Sendable {
    private let key: Curve25519.Signing.PrivateKey

    private init(_ key: Curve25519.Signing.PrivateKey) { self.key = key }

    /// A fresh key.
    public static func random() -> OwnerSigningKey { OwnerSigningKey(Curve25519.Signing.PrivateKey()) }

    /// A key of a given 32-byte seed (RFC 8032), for test vectors.
    package init(seed: RawSpan) throws(SealedChannelError) {
        do {
            key = try seed.withUnsafeBytes { try Curve25519.Signing.PrivateKey(rawRepresentation: $0) }
        } catch {
            throw SealedChannelError(.invalidKeyFile, "an Ed25519 seed has 32 bytes, found \(seed.byteCount)")
        }
    }

    /// Reads a file that ``write(to:overwriting:)`` wrote.
    ///
    /// - Throws: ``SealedChannelError`` `.invalidKeyFile`, also when others may read the file.
    public init(contentsOf path: String) throws(SealedChannelError) {
        let secret = try KeyFileFormat.ownerKey.read(path)
        try self.init(seed: secret.bytes)
    }

    /// Reads the content of such a file, for example from a secret store. The caller has to wipe its own copy.
    ///
    /// - Throws: ``SealedChannelError`` `.invalidKeyFile`.
    public init(parsing file: RawSpan) throws(SealedChannelError) {
        let secret = try KeyFileFormat.ownerKey.parse(file)
        try self.init(seed: secret.bytes)
    }

    /// Writes the key to a file with mode 0600.
    public func write(to path: String, overwriting: Bool = false) throws(SealedChannelError) {
        // The copy shares the key's memory, and the key wipes it; so it must not be wiped here.
        let seed = key.rawRepresentation
        try KeyFileFormat.ownerKey.write(seed.bytes, to: path, overwriting: overwriting)
    }

    /// The public half, for manifests and policies.
    public var publicKey: OwnerPublicKey { OwnerPublicKey(key.publicKey) }

    /// Signs bytes that start with one of ``Labels``.
    func signature(over transcript: UnsafeRawBufferPointer) throws(SealedChannelError) -> [UInt8] {
        do {
            return Array(try key.signature(for: transcript))
        } catch {
            throw SealedChannelError(.cryptography, "signing failed")
        }
    }
}

/// The public half of ``OwnerSigningKey``, which manifests contain and policies pin.
public struct OwnerPublicKey: Sendable, Hashable, CustomStringConvertible {
    /// Bytes of an Ed25519 public key (RFC 8032, section 5.1.5).
    public static let byteCount = 32
    static let signatureByteCount = 64

    /// Exactly ``byteCount`` bytes (RFC 8032).
    public let bytes: [UInt8]

    /// `nil` unless there are ``byteCount`` bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    /// The key that 64 lower-case hex digits spell, or `nil`.
    public init?(hexadecimal: String) {
        guard let bytes = [UInt8](lowercaseHex: hexadecimal, count: Self.byteCount) else { return nil }
        self.init(bytes: bytes)
    }

    fileprivate init(_ key: Curve25519.Signing.PublicKey) { bytes = Array(key.rawRepresentation) }

    /// 64 lower-case hex digits.
    public var description: String { bytes.hex }

    /// Whether `signature` is a signature by this key over `transcript`.
    func isValid(_ signature: [UInt8], over transcript: UnsafeRawBufferPointer) -> Bool {
        guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes) else { return false }
        return key.isValidSignature(signature, for: transcript)
    }
}
