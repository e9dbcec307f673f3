// SPDX-License-Identifier: Apache-2.0
/// The amount of data for the bounds.
package struct BoundsOptions: Sendable, Hashable, Codable {
    /// Number of images, the decoders' first ones; fewer than 2 leave the bounds out.
    package var pictures = 50
    /// Limit of ``pictures``. The time for identification grows with the third power, and large maps of this many
    /// images need 4 GB.
    package static let mostPictures = 300
    /// Random directions per image.
    package var probes = 4
    /// Estimate them even where no cut is within the gates, where they affect nothing.
    package var isAlways = false

    package init() {}
}
