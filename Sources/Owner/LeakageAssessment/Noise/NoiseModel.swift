// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// Noise on the boundary tensors, as the assessment simulates it.
package protocol NoiseModel: Sendable {
    /// Kind and parameters; equal identities give equal noise.
    var identity: String { get }

    /// - Parameters:
    ///   - tensors: f32, the boundary tensors of one image.
    ///   - picture: The index of the image: images have independent noise.
    func added(to tensors: [Tensor], picture: Int) -> [Tensor]

    /// The remaining noise if an attacker sends near-duplicates of an image, which have nearly the same features and
    /// independent noise, and averages the boundary tensors.
    func averaged(over copies: Int) -> Self
}
