// SPDX-License-Identifier: Apache-2.0
/// Duration and prior of a ``WhiteBoxAttack``.
package struct WhiteBoxOptions: Sendable, Hashable, Codable {
    /// Number of gallery images to attack at each cut near the decision; 0 leaves the attack out.
    package var pictures = 4
    package var steps = 300
    /// Learning rate at the start, in units of pixels in [0, 1]; it falls to 0 along half a cosine.
    package var rate = 0.04
    /// Weight of the mean total variation relative to the squared relative distance of the boundary tensors.
    package var smoothness = 0.02
    /// Attack even where no cut is within the gates, where it cannot change the recommendation.
    package var isAlways = false

    package init() {}
}
