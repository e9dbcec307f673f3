// SPDX-License-Identifier: Apache-2.0
/// The result of one attack at one cut.
package protocol Finding: Sendable, Codable {
    /// The name in `assessment.json` and in the work folder, unique among findings.
    static var name: String { get }

    /// The metrics that the attack measures.
    func estimates(for attacker: Attacker) -> [Metric: LeakEstimate]

    /// The learning curves of what an attacker finds of an asset, as report and `assessment.json` show them: R² of
    /// reconstructions, the share identified, the class beyond guessing. None unless a finding has its own.
    func curves(of asset: Asset) -> [LearningCurve]
}

extension Finding {
    package func curves(of asset: Asset) -> [LearningCurve] { [] }
}

/// The attacker that the gates are judged for.
package struct Attacker: Sendable, Hashable {
    /// Number of images that the attacker learns from: ``AssessmentConfiguration/attackerPictures``.
    package let pictures: Int
    /// Number of images here over which shares were counted.
    package let counted: Int

    package init(pictures: Int, counted: Int) {
        self.pictures = pictures
        self.counted = counted
    }
}
