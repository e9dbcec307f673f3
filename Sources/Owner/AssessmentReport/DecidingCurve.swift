// SPDX-License-Identifier: Apache-2.0
internal import LeakageAssessment

/// Of an asset's curves of R², identification and class probe at a cut (``Finding/curves(of:)``), the one whose
/// extrapolation reaches furthest. Other metrics of the asset, attacks without a curve and deeper cuts can decide
/// instead.
struct DecidingCurve {
    let curve: LearningCurve
    let extrapolation: LearningCurve.Extrapolation

    /// `nil` where there is no curve.
    init?(of asset: Asset, _ cut: CutMeasurement, for attacker: Attacker) {
        let guess = asset == .identity ? 1 / Double(max(1, cut.evidence?.candidates ?? 1)) : 0
        let found = Self.curves(of: asset, cut).map { ($0, $0.extrapolated(to: attacker.pictures, guess: guess)) }
        func reach(_ found: (LearningCurve, LearningCurve.Extrapolation)) -> [Double] {
            [found.1.estimate, found.1.upper]
        }
        // A curve without evidence excludes nothing, and decides only where there is no other.
        let evidence = found.filter { $0.0.isEvidence(above: guess) }
        guard
            let most = (evidence.isEmpty ? found : evidence).max(by: {
                reach($0).lexicographicallyPrecedes(reach($1))
            })
        else { return nil }
        (curve, extrapolation) = most
    }

    /// All curves of what an attacker finds of the asset; measures of reconstructions have others.
    static func curves(of asset: Asset, _ cut: CutMeasurement) -> [LearningCurve] {
        cut.findings.all.flatMap { $0.curves(of: asset) }
    }

    /// The points, as "50: 0.02, 100: 0.04".
    var points: String {
        curve.points.map { "\($0.pictures): \(Format.number($0.value))" }.joined(separator: ", ")
    }

    /// The extrapolation with its interval.
    var expected: String {
        let upper = curve.isFloor ? 1 : extrapolation.upper
        return "at \(extrapolation.pictures): \(Format.number(extrapolation.estimate)) "
            + "[\(Format.number(extrapolation.lower)), \(Format.number(upper))]"
    }
}
