/// What one attack found at one cut.
package protocol Finding: Sendable, Codable {
    /// In `assessment.json` and in the work folder; no two findings share one.
    static var name: String { get }

    /// The metrics that the attack measures.
    func estimates(for attacker: Attacker) -> [Metric: LeakEstimate]
}

/// Against whom the gates are judged.
package struct Attacker: Sendable, Hashable {
    /// That the attacker learns from: ``AssessmentConfiguration/attackerPictures``.
    package let pictures: Int
    /// That shares of pictures and of classes were counted over here.
    package let counted: Int

    package init(pictures: Int, counted: Int) {
        self.pictures = pictures
        self.counted = counted
    }
}
