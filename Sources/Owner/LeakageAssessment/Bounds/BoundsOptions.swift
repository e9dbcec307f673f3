/// How many pictures the bounds are estimated from.
package struct BoundsOptions: Sendable, Hashable, Codable {
    /// The decoders' first so many; fewer than 2 leave the bounds out.
    package var pictures = 50
    /// Random directions at each picture.
    package var probes = 4

    package init() {}
}
