// SPDX-License-Identifier: Apache-2.0
internal import Crypto
internal import SecretMemory

/// A client's credential: 32 random bytes. The owner provisions only its ``digest``. Copies share the bytes, which are
/// wiped with the last of them.
public struct AccessToken: Sendable {
    package static let byteCount = KeyFileFormat.secretByteCount
    let secret: SharedSecretBytes

    init(_ secret: consuming SecretBytes) { self.secret = SharedSecretBytes(secret) }

    /// A fresh token.
    public static func random() -> AccessToken { AccessToken(.random(byteCount)) }

    /// A token with these 32 bytes; `nil` for another number of bytes.
    public init?(bytes: RawSpan) {
        guard bytes.byteCount == Self.byteCount else { return nil }
        self.init(SecretBytes(copying: bytes))
    }

    /// Reads a file that ``write(to:overwriting:)`` wrote.
    ///
    /// - Throws: ``SealedChannelError`` `.invalidKeyFile`, also when others may read the file.
    public init(contentsOf path: String) throws(SealedChannelError) {
        self.init(try KeyFileFormat.token.read(path))
    }

    /// Reads the content of such a file, for example from a secret store. The caller has to wipe its own copy.
    ///
    /// - Throws: ``SealedChannelError`` `.invalidKeyFile`.
    public init(parsing file: RawSpan) throws(SealedChannelError) { self.init(try KeyFileFormat.token.parse(file)) }

    /// Writes the token to a file with mode 0600.
    public func write(to path: String, overwriting: Bool = false) throws(SealedChannelError) {
        try secret.withSpan { (bytes) throws(SealedChannelError) in
            try KeyFileFormat.token.write(bytes, to: path, overwriting: overwriting)
        }
    }

    /// SHA-256 of a label, a zero byte and the token. It does not reveal the token, and may be compared and looked up
    /// by ordinary means: without the token an attacker cannot choose its digest.
    public var digest: TokenDigest {
        var hash = SHA256()
        hash.update(data: Labels.prefix(Labels.tokenDigest))
        secret.withBytes { hash.update(bufferPointer: $0) }
        return TokenDigest(hash.finalize())
    }
}

/// Stands for an ``AccessToken`` in the owner's list.
public struct TokenDigest: Sendable, Hashable, Comparable {
    /// Bytes of a digest: SHA-256.
    public static let byteCount = 32

    /// Exactly ``byteCount`` bytes.
    public let bytes: [UInt8]

    /// `nil` unless there are ``byteCount`` bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    init(_ digest: SHA256.Digest) { bytes = Array(digest) }

    /// The order of the bytes, in which an owner's list of digests is written.
    public static func < (left: Self, right: Self) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }
}
