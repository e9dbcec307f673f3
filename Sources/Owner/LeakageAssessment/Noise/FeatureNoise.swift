// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// Gaussian noise on the boundary tensors, as the enclave would add it, from the seeded generator: equal seeds give
/// equal noise, and an image gets the same noise at every deviation, scaled.
package struct FeatureNoise: NoiseModel {
    package let sigma: Double
    private let seed: UInt64

    package init(sigma: Double, seed: UInt64) {
        self.sigma = sigma
        self.seed = seed
    }

    package var identity: String { "normal, deviation \(sigma), seed \(seed)" }

    /// The mean of k copies with independent noise has 1/k of its variance.
    package func averaged(over copies: Int) -> FeatureNoise {
        FeatureNoise(sigma: sigma / Double(copies).squareRoot(), seed: seed)
    }

    package func added(to tensors: [Tensor], picture: Int) -> [Tensor] {
        guard sigma > 0 else { return tensors }
        var generator = SeededGenerator(
            seed: seed &+ UInt64(truncatingIfNeeded: picture) &* 0x9e37_79b9_7f4a_7c15, purpose: "boundary noise")
        return tensors.map { tensor in
            Tensor(type: tensor.type) { target in
                tensor.withBytes { target.copyMemory(from: $0) }
                let values = target.bindMemory(to: Float.self)
                for index in stride(from: 0, to: values.count, by: 2) {
                    let first = generator.uniform()
                    let normals = BoxMuller(first, generator.uniform(), deviation: sigma)
                    values[index] = Float(Double(values[index]) + normals.first)
                    if index + 1 < values.count {
                        values[index + 1] = Float(Double(values[index + 1]) + normals.second)
                    }
                }
            }
        }
    }
}
