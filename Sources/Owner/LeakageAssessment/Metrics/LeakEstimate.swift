// SPDX-License-Identifier: Apache-2.0
/// A metric at one cut, with a one-sided 95 % confidence bound to either side.
package struct LeakEstimate: Sendable, Hashable, Codable {
    /// What an attack's result says about the attacker that a gate is judged for.
    package enum Standing: String, Sendable, Hashable, Codable {
        /// The attack learned something: value and both bounds count.
        case evidence
        /// It was not significantly better than guessing, which is no evidence of any value.
        case failed
        /// With more images an attacker finds at least this; by itself it is no upper bound.
        case floor
    }

    /// Shown with the images at hand.
    package let lower: Double
    /// The expected value.
    package let value: Double
    /// The upper end: larger values are excluded.
    package let upper: Double
    package let standing: Standing

    package init(lower: Double, value: Double, upper: Double, standing: Standing = .evidence) {
        self.lower = lower
        self.value = value
        self.upper = upper
        self.standing = standing
    }

    /// Symmetric: ``Gates/deviations`` standard errors to either side.
    init(_ value: Double, standardError: Double) {
        let margin = Gates.deviations * standardError
        self.init(lower: value - margin, value: value, upper: value + margin)
    }

    /// A share of pictures, with Wilson's bounds.
    init(share: Double, count: Int) {
        self.init(
            lower: WilsonBound.lower(of: share, count: count, deviations: Gates.deviations), value: share,
            upper: WilsonBound.upper(of: share, count: count, deviations: Gates.deviations))
    }

    /// A share of images, rescaled so that guessing, which is right for the share `guess`, is 0 and always right is 1;
    /// `nil` where guessing is always right.
    init?(share: Double, aboveGuessing guess: Double, count: Int) {
        guard guess < 1 else { return nil }
        func scaled(_ value: Double) -> Double { max(0, (value - guess) / (1 - guess)) }
        let found = LeakEstimate.floor(share: share, count: count, guess: guess)
        self.init(
            lower: scaled(found.lower), value: scaled(found.value), upper: scaled(found.upper), standing: .floor)
    }

    /// A share of images as a floor. Where guessing, which is right for the share `guess`, can give it, more is not
    /// expected of an attacker than guessing shows: nothing.
    package static func floor(share: Double, count: Int, guess: Double) -> LeakEstimate {
        let found = LeakEstimate(share: share, count: count)
        let significant = WilsonBound.lower(of: share, count: count, deviations: LearningCurve.evidenceDeviations)
        return significant > guess
            ? found.asFloor : LeakEstimate(lower: 0, value: 0, upper: found.upper, standing: .floor)
    }

    /// The extrapolation of a learning curve to an attacker with so many images. A curve with ``LearningCurve/isFloor``
    /// excludes nothing, whatever other attacks show: the same attack is known to find more with another penalty.
    ///
    /// - Parameter guess: The value of an attack that learned nothing.
    init(_ curve: LearningCurve, pictures: Int, guess: Double = 0) {
        let found = curve.extrapolated(to: pictures, guess: guess)
        self.init(
            lower: found.lower, value: found.estimate, upper: curve.isFloor ? 1 : found.upper,
            standing: !curve.isEvidence(above: guess) ? .failed : curve.isFloor ? .floor : .evidence)
    }

    /// The same with the standing of a floor.
    var asFloor: LeakEstimate { LeakEstimate(lower: lower, value: value, upper: upper, standing: .floor) }

    /// The combined estimate of several attacks. An attack that failed does not cancel one that succeeded, and a floor
    /// alone is no evidence. The value that a failed attack measured is not expected of an attacker, since guessing gives
    /// such values too, and it is not excluded either.
    ///
    /// - Parameter estimates: Of one metric, from different attacks at one cut.
    /// - Returns: With the standing of a failed attack where all failed.
    static func together(_ estimates: [LeakEstimate], of metric: Metric) -> LeakEstimate? {
        guard !estimates.isEmpty else { return nil }
        let evidence = estimates.filter { $0.standing == .evidence }
        let floors = estimates.filter { $0.standing == .floor }
        let failed = estimates.filter { $0.standing == .failed }
        let others =
            evidence.isEmpty
            ? floors.isEmpty ? failed + [metric.unknown] : [metric.unknown]
            : evidence + failed.map { metric.notExcluded($0.value) }
        let worst = (others + floors).reduce(others[0]) { metric.worse($0, $1) }
        // Of attacks of which none is evidence, a floor stays one, also beside other attacks' evidence.
        return evidence.isEmpty && !floors.isEmpty ? worst.asFloor : worst
    }
}
