// SPDX-License-Identifier: Apache-2.0
internal import SecretMemory

/// The owner's signature over the exact bytes of a bundle's manifest core: Ed25519 over "infenclave manifest v2", a zero
/// byte, and the bytes.
package enum ManifestSignature {
    /// Bytes of a signature, and of `manifest.sig`.
    package static let byteCount = OwnerPublicKey.signatureByteCount

    /// The signature, ``byteCount`` bytes, of a manifest core by its owner.
    ///
    /// - Throws: ``SealedChannelError`` `.cryptography`.
    package static func sign(_ core: [UInt8], by key: OwnerSigningKey) throws(SealedChannelError) -> [UInt8] {
        let transcript = Labels.prefix(Labels.manifestSignature) + core
        return try transcript.span.bytes.withUnsafeBytes { (bytes) throws(SealedChannelError) in
            try key.signature(over: bytes)
        }
    }

    /// - Throws: ``SealedChannelError`` `.wrongSignature`.
    package static func verify(
        _ signature: [UInt8], of core: [UInt8], by key: OwnerPublicKey
    ) throws(SealedChannelError) {
        let transcript = Labels.prefix(Labels.manifestSignature) + core
        let valid = transcript.span.bytes.withUnsafeBytes { key.isValid(signature, over: $0) }
        guard valid else {
            throw SealedChannelError(
                .wrongSignature, "the manifest is not signed by the owner's key \(key); it was altered, or is another's"
            )
        }
    }
}
