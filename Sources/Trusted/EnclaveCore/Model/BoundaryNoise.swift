// SPDX-License-Identifier: Apache-2.0
import SealedChannel
import SecretMemory
import Tensors

/// Adds the bundle's noise to the boundary tensors.
struct BoundaryNoise {
    let sigma: NoiseDeviation
    let key: NoiseKey

    /// - Parameters:
    ///   - boundary: float32, as ``FrontNetPart`` demands.
    ///   - input: The FrontNet's input, which is the same for one picture whether it came as pixels or as floats.
    func added(to boundary: [Tensor], input: Tensor) -> [Tensor] {
        boundary.enumerated().map { index, tensor in
            Tensor(type: tensor.type, allocator: .wiping) { target in
                tensor.withBytes { target.copyMemory(from: $0) }
                let values = target.bindMemory(to: Float.self)
                input.withBytes { key.normals(input: RawSpan(_unsafeBytes: $0), tensor: index).add(sigma, to: values) }
            }
        }
    }
}
