// SPDX-License-Identifier: Apache-2.0
package import SecretMemory
package import Tensors

/// Independent normal numbers with mean 0 and standard deviation 1 that can be computed only with the seed.
///
/// Each 16 bytes of the seed's ChaCha20 stream (nonce 0, counter from 0) give two of them. The upper 53 bits of the two
/// little-endian words give u = (bits + 1) / 2⁵³ in (0, 1] and v = bits / 2⁵³ in [0, 1); the numbers are √(-2 ln u) ·
/// cos 2πv and √(-2 ln u) · sin 2πv. None exceeds 8.6 in magnitude.
package struct KeyedNormals: ~Copyable {
    private let seed: SecretBytes

    /// - Parameter seed: ``ChaCha20/keyByteCount`` bytes.
    package init(seed: consuming SecretBytes) { self.seed = seed }

    private static let pairByteCount = 16
    /// Pairs of one piece of the key stream: 4 KiB.
    private static let piecePairs = 256

    /// Adds the first `values.count` numbers, times the deviation, in double precision and rounded once.
    package func add(_ deviation: NoiseDeviation, to values: UnsafeMutableBufferPointer<Float>) {
        add(deviation.value, to: values)
    }

    /// The same for any finite deviation, as of noise that an attacker has averaged.
    package func add(_ deviation: Double, to values: UnsafeMutableBufferPointer<Float>) {
        let pieceBytes = Self.piecePairs * Self.pairByteCount
        withUnsafeTemporaryAllocation(byteCount: pieceBytes, alignment: 16) { stream in
            defer { SecretBytes.wipe(stream) }
            for start in stride(from: 0, to: values.count, by: 2 * Self.piecePairs) {
                let piece = UnsafeMutableBufferPointer(
                    rebasing: values[start..<min(start + 2 * Self.piecePairs, values.count)])
                let blocks = start / (2 * Self.piecePairs) * (pieceBytes / ChaCha20.blockByteCount)
                ChaCha20.keyStream(seed.bytes, counter: UInt32(blocks), into: stream)
                Self.add(deviation, from: UnsafeRawBufferPointer(stream), to: piece)
            }
        }
    }

    private static func add(
        _ deviation: Double, from stream: UnsafeRawBufferPointer, to values: UnsafeMutableBufferPointer<Float>
    ) {
        for first in stride(from: 0, to: values.count, by: 2) {
            let u = stream.loadUnaligned(fromByteOffset: 8 * first, as: UInt64.self) >> 11
            let v = stream.loadUnaligned(fromByteOffset: 8 * first + 8, as: UInt64.self) >> 11
            let normals = BoxMuller(Double(u + 1) * 0x1p-53, Double(v) * 0x1p-53, deviation: deviation)
            values[first] = Float(Double(values[first]) + normals.first)
            if first + 1 < values.count { values[first + 1] = Float(Double(values[first + 1]) + normals.second) }
        }
    }
}
