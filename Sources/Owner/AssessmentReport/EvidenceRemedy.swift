// SPDX-License-Identifier: Apache-2.0
package import LeakageAssessment

/// What could turn "not enough evidence" into a result: fewer pictures for the attacker, or more in the folder.
package struct EvidenceRemedy {
    /// The largest number of attacker's pictures for which some cut passes: 1, 2 or 5 times a power of ten, or as many
    /// as were assessed; `nil` where no cut does.
    package let attackerPictures: Int?
    private let result: AssessmentResult

    /// As many times the pictures at hand can still be collected for a second try.
    private static let somewhat = 3.0

    /// `nil` where a cut passes, or would if deeper ones were assessed, and where more evidence would change nothing:
    /// every cut fails.
    package init?(_ result: AssessmentResult) {
        let open = zip(result.cuts, result.verdicts).prefix { $0.0.name != result.mapping }.map(\.1.asAssessed)
        guard result.recommendation.everythingInside, open.contains(where: { $0.outcome == .notEnoughEvidence }),
            !open.contains(where: \.passes), result.adversary != .paper
        else { return nil }
        self.result = result
        let images = result.trainingImages + result.testImages
        attackerPictures = Self.sizes(images..<max(images, result.attackerPictures))
            .first { Self.passes(result, $0) }
    }

    /// Descending; the lower end of the range is the last one.
    private static func sizes(_ range: Range<Int>) -> [Int] {
        let powers = (0...16).reversed().map { (0..<$0).reduce(1) { power, _ in 10 * power } }
        return powers.flatMap { [5 * $0, 2 * $0, $0] }.filter { range.contains($0) && $0 > range.lowerBound }
            + (range.isEmpty ? [] : [range.lowerBound])
    }

    private static func passes(_ result: AssessmentResult, _ pictures: Int) -> Bool {
        let verdicts = GateVerdict.verdicts(
            for: result.cuts, notAssessed: [], gates: result.gates, adversary: result.adversary,
            protecting: result.protected,
            attacker: Attacker(pictures: pictures, counted: result.attacker.counted), attacks: result.attacks,
            mapping: result.mappingLeakage)
        return zip(result.cuts, verdicts).prefix { $0.0.name != result.mapping }.contains { $0.1.passes }
    }

    package var sentence: String {
        let (declared, images) = (result.attackerPictures, result.trainingImages + result.testImages)
        guard let attackerPictures else {
            return "With these \(images) pictures no cut passes, even for an attacker with \(min(images, declared)): "
                + "assess more pictures."
        }
        // The interval depends on the attacker's pictures over those at hand, as long as the curve keeps its form.
        let factor = Double(declared) / Double(attackerPictures)
        let few =
            factor > Self.somewhat
            ? "Somewhat more pictures will not be enough evidence for an attacker with \(declared). " : ""
        return few + "With these \(images) pictures a cut passes for an attacker with \(attackerPictures) "
            + "(--attacker-pictures \(attackerPictures)); for \(declared) about "
            + "\(Format.significant(Double(images) * factor)) would be needed, if the learning curves keep their form."
    }
}
