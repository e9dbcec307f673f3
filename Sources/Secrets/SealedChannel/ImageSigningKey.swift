// SPDX-License-Identifier: Apache-2.0
import Crypto
import FoundationEssentials
import SecretMemory

/// The owner's key for enclave images: for identity blocks of SEV-SNP guests, for which AMD's firmware requires P-384,
/// and for images of Nitro. It signs nothing else.
package struct ImageSigningKey: Sendable {
    /// The size of the private scalar.
    static let byteCount = 48

    private let key: P384.Signing.PrivateKey

    private init(_ key: P384.Signing.PrivateKey) { self.key = key }

    /// A fresh key.
    package static func random() -> ImageSigningKey { ImageSigningKey(P384.Signing.PrivateKey()) }

    /// Reads a file that ``write(to:overwriting:)`` wrote, or an unencrypted key in OpenSSL's PEM format.
    ///
    /// - Throws: ``SealedChannelError`` `.invalidKeyFile`, also when others may read the file.
    package init(contentsOf path: String) throws(SealedChannelError) {
        let secret = try KeyFileFormat.read(path) { (file) throws(SealedChannelError) in
            if PEMPrivateKey.isPEM(file) { return try PEMPrivateKey.scalar(file) }
            return try KeyFileFormat.imageKey.parse(file)
        }
        do {
            key = try secret.bytes.withUnsafeBytes { try P384.Signing.PrivateKey(rawRepresentation: $0) }
        } catch {
            throw SealedChannelError(.invalidKeyFile, "'\(path)': the bytes are no key on P-384")
        }
    }

    /// Writes the key to a file with mode 0600.
    package func write(to path: String, overwriting: Bool = false) throws(SealedChannelError) {
        // The copy shares the key's memory, and the key wipes it; so it must not be wiped here.
        let secret = key.rawRepresentation
        try KeyFileFormat.imageKey.write(secret.bytes, to: path, overwriting: overwriting)
    }

    /// X and Y, 96 bytes, big-endian.
    package var publicKey: [UInt8] { Array(key.publicKey.rawRepresentation) }

    /// R and S, 96 bytes, big-endian, over the SHA-384 of the bytes.
    package func signature(over bytes: [UInt8]) throws(SealedChannelError) -> [UInt8] {
        do {
            return Array(try key.signature(for: SHA384.hash(data: bytes)).rawRepresentation)
        } catch {
            throw SealedChannelError(.cryptography, "signing failed")
        }
    }
}
