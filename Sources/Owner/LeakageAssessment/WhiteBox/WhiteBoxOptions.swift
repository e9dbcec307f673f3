/// How long and how smoothly a ``WhiteBoxAttack`` searches.
package struct WhiteBoxOptions: Sendable, Hashable, Codable {
    /// Attacked at each cut near the decision, those of the gallery; 0 leaves the attack out.
    package var pictures = 4
    package var steps = 300
    /// Of a pixel in [0, 1], at the start; it falls to 0 along half a cosine.
    package var rate = 0.04
    /// Weight of the mean total variation against the relative squared distance of what crosses.
    package var smoothness = 0.02
    /// Attack also where no cut is within the gates, so that it changes nothing.
    package var isAlways = false

    package init() {}
}
