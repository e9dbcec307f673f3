/// What was measured at one cut of the three assets, for an attacker with more pictures than there are here.
package struct AssetEvidence: Sendable, Hashable, Codable {
    /// R² of reconstructions: ``GramAttacks/appearance(pictures:)``, and that of the decoders of maps where those are
    /// within the gate. Empty where nothing could be learned.
    package let appearance: [LearningCurve]
    /// The share found by a second network's view, and by its view of cropped, mirrored and recoloured versions.
    package let identity: [LearningCurve]
    /// Among so many candidates.
    package let candidates: Int
    /// How much better than guessing the class is named: ``GramAttacks/classes(_:)``.
    package let classes: LearningCurve?
    /// R² of the reconstructions averaged over the whole picture (tint) and over 4x4 areas (layout).
    package let tint: Double?
    package let layout: Double?

    package init(
        appearance: [LearningCurve], identity: [LearningCurve], candidates: Int, classes: LearningCurve?, tint: Double?,
        layout: Double?
    ) {
        self.appearance = appearance
        self.identity = identity
        self.candidates = candidates
        self.classes = classes
        self.tint = tint
        self.layout = layout
    }
}
