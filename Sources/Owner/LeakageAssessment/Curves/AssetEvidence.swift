// SPDX-License-Identifier: Apache-2.0
/// Learning curves of the three assets at one cut, for extrapolation to an attacker with more images.
package struct AssetEvidence: Sendable, Hashable, Codable {
    /// R² of reconstructions: ``GramAttacks/appearance(pictures:)``. Empty where nothing could be learned.
    package let appearance: [LearningCurve]
    /// The share identified by a second network's features, and by its features of cropped, mirrored and recoloured
    /// versions.
    package let identity: [LearningCurve]
    /// The share identified by the reconstruction: ``GramAttacks/reconstruction(pictures:)``.
    package let identityByReconstruction: LearningCurve?
    /// Number of candidates in ``identity``.
    package let candidates: Int
    /// Accuracy beyond guessing of the class: ``GramAttacks/classes(_:)``.
    package let classes: LearningCurve?
    /// R² of the reconstructions averaged over the whole image (tint) and over 4x4 areas (layout).
    package let tint: Double?
    package let layout: Double?

    package init(
        appearance: [LearningCurve], identity: [LearningCurve], identityByReconstruction: LearningCurve? = nil,
        candidates: Int, classes: LearningCurve?, tint: Double?, layout: Double?
    ) {
        self.appearance = appearance
        self.identity = identity
        self.identityByReconstruction = identityByReconstruction
        self.candidates = candidates
        self.classes = classes
        self.tint = tint
        self.layout = layout
    }

    /// The curves of ``identity`` and ``identityByReconstruction``.
    package var identificationCurves: [LearningCurve] { identity + (identityByReconstruction.map { [$0] } ?? []) }
}
