// SPDX-License-Identifier: Apache-2.0
internal import Crypto
internal import SecretMemory

/// The key that opens the sealed parts of one bundle: 32 random bytes. Copies share the bytes, which are wiped with
/// the last of them.
public struct ModelKey: Sendable {
    package static let byteCount = KeyFileFormat.secretByteCount
    let secret: SharedSecretBytes

    init(_ secret: consuming SecretBytes) { self.secret = SharedSecretBytes(secret) }

    /// A fresh key.
    public static func random() -> ModelKey { ModelKey(.random(byteCount)) }

    /// A key with these 32 bytes; `nil` for another number of bytes.
    public init?(bytes: RawSpan) {
        guard bytes.byteCount == Self.byteCount else { return nil }
        self.init(SecretBytes(copying: bytes))
    }

    /// Reads a file that ``write(to:overwriting:)`` wrote.
    ///
    /// - Throws: ``SealedChannelError`` `.invalidKeyFile`, also when others may read the file.
    public init(contentsOf path: String) throws(SealedChannelError) {
        self.init(try KeyFileFormat.modelKey.read(path))
    }

    /// Reads the content of such a file, for example from a secret store. The caller has to wipe its own copy.
    ///
    /// - Throws: ``SealedChannelError`` `.invalidKeyFile`.
    public init(parsing file: RawSpan) throws(SealedChannelError) { self.init(try KeyFileFormat.modelKey.parse(file)) }

    /// Writes the key to a file with mode 0600.
    public func write(to path: String, overwriting: Bool = false) throws(SealedChannelError) {
        try secret.withSpan { (bytes) throws(SealedChannelError) in
            try KeyFileFormat.modelKey.write(bytes, to: path, overwriting: overwriting)
        }
    }

    /// Compares without an early exit.
    package func constantTimeEquals(_ other: ModelKey) -> Bool { secret.constantTimeEquals(other.secret) }

    /// A key for one purpose (RFC 5869 with SHA-256).
    func derive(salt: [UInt8], info: [UInt8]) -> SymmetricKey {
        let input = secret.withBytes { SymmetricKey(data: $0) }
        return HKDF<SHA256>.deriveKey(inputKeyMaterial: input, salt: salt, info: info, outputByteCount: 32)
    }
}
