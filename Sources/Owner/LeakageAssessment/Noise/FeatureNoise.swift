// SPDX-License-Identifier: Apache-2.0
internal import Crypto
internal import SealedChannel
internal import SecretMemory
package import Tensors

/// Gaussian noise on the boundary tensors by the enclave's own code, `KeyedNormals`. Its key comes from a seed, an image
/// and a tensor: equal seeds give equal noise, and an image gets the same noise at every deviation, scaled.
package struct FeatureNoise: NoiseModel {
    package let sigma: Double
    private let seed: UInt64

    package init(sigma: Double, seed: UInt64) {
        self.sigma = sigma
        self.seed = seed
    }

    package var identity: String { "keyed normal, deviation \(sigma), seed \(seed)" }

    /// The mean of k copies with independent noise has 1/k of its variance.
    package func averaged(over copies: Int) -> FeatureNoise {
        FeatureNoise(sigma: sigma / Double(copies).squareRoot(), seed: seed)
    }

    package func added(to tensors: [Tensor], picture: Int) -> [Tensor] {
        guard sigma > 0 else { return tensors }
        return tensors.enumerated().map { index, tensor in
            let normals = normals(picture: picture, tensor: index)
            return Tensor(type: tensor.type) { target in
                tensor.withBytes { target.copyMemory(from: $0) }
                normals.add(sigma, to: target.bindMemory(to: Float.self))
            }
        }
    }

    private func normals(picture: Int, tensor: Int) -> KeyedNormals {
        var digest = SHA256()
        for number in [seed, UInt64(picture), UInt64(tensor)] {
            withUnsafeBytes(of: number.littleEndian) { digest.update(bufferPointer: $0) }
        }
        return KeyedNormals(
            seed: SecretBytes(count: ChaCha20.keyByteCount) { target in
                digest.finalize().withUnsafeBytes { target.copyMemory(from: $0) }
            })
    }
}
