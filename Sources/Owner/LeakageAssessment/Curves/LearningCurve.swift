// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// What an attacker finds as a function of the number of training images, and its extrapolation to an attacker with
/// more.
package struct LearningCurve: Sendable, Hashable, Codable {
    package struct Point: Sendable, Hashable, Codable {
        /// Number of training images.
        package let pictures: Int
        /// 0 for an attack that learned nothing, 1 for one that recovers everything.
        package let value: Double

        package init(pictures: Int, value: Double) {
            self.pictures = pictures
            self.value = value
        }
    }

    /// The expected value for an attacker with a given number of images, and a 90 % interval.
    package struct Extrapolation: Sendable, Hashable {
        package let pictures: Int
        package let lower: Double
        package let estimate: Double
        package let upper: Double
    }

    /// The points, at least two, in ascending order of the number of images.
    package let points: [Point]
    /// Standard error of the last value.
    package let error: Double
    /// Standard error of the difference between the last two values.
    package let gainError: Double
    /// Whether with all images the smallest penalty was chosen for any of them (``KernelRidge/isAtEdge``,
    /// ``DecoderScores/isAtEdge``): the attack was not tuned to the end, so the curve bounds nothing from above.
    package let isFloor: Bool

    /// - Parameters:
    ///   - points: In ascending order of the number of images, at least two.
    ///   - error: Standard error of the last value.
    ///   - gainError: Standard error of the last value minus the one before it.
    ///   - isFloor: Whether it bounds nothing from above.
    package init(points: [Point], error: Double, gainError: Double, isFloor: Bool = false) {
        precondition(points.count >= 2 && zip(points, points.dropFirst()).allSatisfy { $0.pictures < $1.pictures })
        self.points = points
        self.error = error
        self.gainError = gainError
        self.isFloor = isFloor
    }

    private var last: Point { points[points.count - 1] }
    private var previous: Point { points[points.count - 2] }

    /// The value at the largest number of images.
    package var value: Double { last.value }

    /// Whether the attack with all images is significantly better than one that learned nothing. An attack that failed
    /// says nothing about the next one, so its curve is no evidence.
    ///
    /// - Parameter guess: The value of an attack that learned nothing: 0 for R², one over the number of candidates for
    ///   identification.
    package func isEvidence(above guess: Double = 0) -> Bool {
        value - guess > Self.evidenceDeviations * error && isFinite
    }

    /// Whether all numbers are finite: another curve bounds nothing.
    private var isFinite: Bool {
        error.isFinite && gainError.isFinite && points.allSatisfy(\.value.isFinite)
    }

    /// One-sided 95 % of a normal distribution.
    package static let deviations = 1.65
    /// One-sided 99 %. An attack that has only just begun to learn still grows faster than in proportion to its images:
    /// with 95 % here, nearly all values outside their intervals were of such curves (`Evaluation/draws.py`).
    package static let evidenceDeviations = 2.33

    /// Extrapolates the curve to an attacker with `pictures` images.
    ///
    /// - The lower bound is the measured value minus its error: more images do not reduce what an attacker finds.
    /// - The estimate repeats the last gain for each doubling of the images. R² was found to grow so between 50 and
    ///   12,000 images (design notes, section 6).
    /// - The upper bound starts from the value plus its error and is the smaller of two: a power law with the relative
    ///   gain of a doubling and its error, with an exponent of at most 1, which is the growth of an attack that has
    ///   learned almost nothing so far; and twice that gain for each doubling. The gain is that of the last doubling, or
    ///   the mean of the last two where it is larger, since a single one can be small by chance. Where the last doubling
    ///   gained more than the one before it, gains still grow, and the power law alone counts.
    ///
    /// - Parameter guess: As in ``isEvidence(above:)``.
    /// - Returns: 0 to 1 where the curve is no evidence: then nothing is excluded.
    package func extrapolated(to pictures: Int, guess: Double = 0) -> Extrapolation {
        guard isEvidence(above: guess) else {
            return Extrapolation(pictures: pictures, lower: 0, estimate: max(0, value), upper: 1)
        }
        return bounded(to: pictures)
    }

    /// The same for a further measure of reconstructions whose R² is evidence by itself: that a reconstruction does not
    /// gain by this measure is then a result, and the interval is that of ``extrapolated(to:)`` even where the value is
    /// not significantly above 0. Values below 0 are possible.
    package func extrapolatedWithoutEvidence(to pictures: Int) -> Extrapolation {
        guard !isEvidence() else { return bounded(to: pictures) }
        guard isFinite else {
            return Extrapolation(pictures: pictures, lower: 0, estimate: max(0, value), upper: 1)
        }
        let (low, high) = (value - Self.deviations * error, value + Self.deviations * error)
        let doublings = max(0, log2(Double(pictures) / Double(last.pictures)))
        // Growth that is not significant is not expected to go on, and not excluded either.
        return Extrapolation(
            pictures: pictures, lower: low, estimate: value, upper: max(value, min(1, high + 2 * steepest * doublings)))
    }

    /// The largest gain of one doubling that is not excluded.
    private var steepest: Double {
        func gain(since point: Point) -> Double {
            (value - point.value) / log2(Double(last.pictures) / Double(point.pictures))
        }
        let recent = points.dropLast().suffix(2).map(gain).max() ?? 0
        return max(0, recent + Self.deviations * gainError / log2(Double(last.pictures) / Double(previous.pictures)))
    }

    /// Whether the last doubling gained more than the one before it; twice a gain that grows bounds nothing.
    private var isAccelerating: Bool {
        guard points.count >= 3 else { return false }
        func gain(_ index: Int) -> Double {
            let (point, before) = (points[index], points[index - 1])
            return (point.value - before.value) / log2(Double(point.pictures) / Double(before.pictures))
        }
        // Equal gains differ by rounding.
        return gain(points.count - 1) > gain(points.count - 2) + 1e-9
    }

    private func bounded(to pictures: Int) -> Extrapolation {
        let low = max(0, value - Self.deviations * error)
        let high = value + Self.deviations * error
        let doublings = log2(Double(pictures) / Double(last.pictures))
        // Fewer images than were measured: the value with all of them is the upper bound.
        guard doublings > 0 else {
            return Extrapolation(pictures: pictures, lower: low, estimate: value, upper: min(1, high))
        }
        let step = log2(Double(last.pictures) / Double(previous.pictures))
        let gain = max(0, value - previous.value) / step
        // The exponent of a power law through the last value with this gain in one doubling.
        let exponent = min(1, -log2(max(0.5, 1 - steepest / value)))
        let estimate = min(1, value + gain * doublings)
        let power = high * pow(2, exponent * doublings)
        let steady = isAccelerating ? power : high + 2 * steepest * doublings
        // Within one doubling, the steepest power law can be below the estimate.
        return Extrapolation(
            pictures: pictures, lower: low, estimate: estimate, upper: max(estimate, min(1, power, steady)))
    }
}
