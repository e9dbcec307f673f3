/// How many pictures the bounds are estimated from.
package struct BoundsOptions: Sendable, Hashable, Codable {
    /// The decoders' first so many; fewer than 2 leave the bounds out.
    package var pictures = 50
    /// Of ``pictures``: the time for identifying them grows with the third power, and large maps of so many are 4 GB.
    package static let mostPictures = 300
    /// Random directions at each picture.
    package var probes = 4
    /// Estimate them also where no cut is within the gates, so that they change nothing.
    package var isAlways = false

    package init() {}
}
