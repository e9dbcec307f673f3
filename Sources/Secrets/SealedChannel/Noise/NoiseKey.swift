// SPDX-License-Identifier: Apache-2.0
internal import Crypto
internal import SecretMemory

/// The key from which the noise on the boundary is derived. Only its holders can subtract the noise.
///
/// Noise is a function of bundle and input. Repeated runs over a picture therefore show the host the same noisy values,
/// and not different ones whose mean approaches the value without noise.
package struct NoiseKey: Sendable {
    private let key: SymmetricKey
    private let manifestDigest: ContentDigest

    /// HKDF-SHA256 of the model key without salt, "infenclave boundary noise v1" ‖ 0 as info.
    package init(_ modelKey: ModelKey, manifestDigest: ContentDigest) {
        key = modelKey.derive(salt: [], info: Labels.prefix(Labels.boundaryNoise))
        self.manifestDigest = manifestDigest
    }

    /// The noise of one tensor. Its seed is the HMAC-SHA256 of manifest digest ‖ SHA-256 of the input ‖ index u32,
    /// little-endian.
    ///
    /// - Parameters:
    ///   - input: The bytes of the tensor that the FrontNet takes.
    ///   - index: Of the tensor among those that cross.
    package func normals(input: RawSpan, tensor index: Int) -> KeyedNormals {
        var code = HMAC<SHA256>(key: key)
        code.update(data: manifestDigest.bytes)
        input.withUnsafeBytes { bytes in
            SHA256.hash(data: bytes).withUnsafeBytes { code.update(data: $0) }
        }
        withUnsafeBytes(of: UInt32(index).littleEndian) { code.update(data: $0) }
        return KeyedNormals(
            seed: SecretBytes(count: ChaCha20.keyByteCount) { target in
                code.finalize().withUnsafeBytes { target.copyMemory(from: $0) }
            })
    }
}
