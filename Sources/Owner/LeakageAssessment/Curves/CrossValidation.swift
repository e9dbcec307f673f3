// SPDX-License-Identifier: Apache-2.0
/// Learning curves by cross-validation: every image is attacked once, by attacks that learned from an eighth, a
/// quarter, half and all of the images of the other folds. The fractions are disjoint parts, whose outcomes are
/// averaged.
package enum CrossValidation {
    package static let folds = 5
    /// Numbers of parts that the training images are divided into.
    package static let parts = [8, 4, 2, 1]
    /// The smallest size of a part.
    package static let minimumPictures = 8

    /// The gain of an attack on one image, and the possible gain: a curve's value is the sum of gains over the sum of
    /// scales.
    package struct Outcome: Sendable {
        package let gain: Double
        package let scale: Double
        /// ``KernelRidge/isAtEdge`` of the attack.
        package let isAtEdge: Bool

        package init(gain: Double, scale: Double, isAtEdge: Bool = false) {
            self.gain = gain
            self.scale = scale
            self.isAtEdge = isAtEdge
        }
    }

    /// - Parameters:
    ///   - pictures: Number of images.
    ///   - attack: Learns from the images of the first list and attacks those of the second, which are also the
    ///     candidates for identification; one outcome per image of the second. `nil` where it cannot learn from so few.
    /// - Returns: `nil` where fewer than two sizes could be learned from.
    package static func curve<Failure: Error>(
        pictures: Int, seed: UInt64, attack: (_ training: [Int], _ testing: [Int]) throws(Failure) -> [Outcome]?
    ) throws(Failure) -> LearningCurve? {
        try curves(pictures: pictures, measures: 1, parts: parts, seed: seed) {
            (training, testing) throws(Failure) in try attack(training, testing).map { [$0] }
        }[0]
    }

    /// The curves of several measures of one attack, whose outcomes are one list for each measure.
    package static func curves<Failure: Error>(
        pictures: Int, measures: Int, parts: [Int], seed: UInt64,
        attack: (_ training: [Int], _ testing: [Int]) throws(Failure) -> [[Outcome]]?
    ) throws(Failure) -> [LearningCurve?] {
        var generator = SeededGenerator(seed: seed, purpose: "cross-validation")
        let order = generator.permutation(of: pictures)
        let smallest = pictures - (pictures + folds - 1) / folds
        let sizes = parts.filter { smallest / $0 >= minimumPictures }
        var outcomes: [[[Outcome]]] = []
        var learned: [Int] = []
        for parts in sizes {
            guard let all = try self.outcomes(order, parts: parts, measures: measures, attack) else { continue }
            outcomes.append(all)
            learned.append(smallest / parts)
        }
        return (0..<measures).map { measure in curve(sizes: learned, outcomes.map { $0[measure] }) }
    }

    private static func outcomes<Failure: Error>(
        _ order: [Int], parts: Int, measures: Int, _ attack: ([Int], [Int]) throws(Failure) -> [[Outcome]]?
    ) throws(Failure) -> [[Outcome]]? {
        var all = [[Outcome]](repeating: [], count: measures)
        for fold in 0..<folds {
            let testing = order.indices.filter { $0 % folds == fold }.map { order[$0] }
            let rest = order.indices.filter { $0 % folds != fold }.map { order[$0] }
            let size = rest.count / parts
            var sums = [[(gain: Double, scale: Double, isAtEdge: Bool)]](
                repeating: testing.map { _ in (gain: 0, scale: 0, isAtEdge: false) }, count: measures)
            for part in 0..<parts {
                guard let found = try attack(Array(rest[part * size..<(part + 1) * size]), testing) else { return nil }
                precondition(found.count == measures && found.allSatisfy { $0.count == testing.count })
                for measure in found.indices {
                    for index in testing.indices {
                        sums[measure][index].gain += found[measure][index].gain / Double(parts)
                        sums[measure][index].scale += found[measure][index].scale / Double(parts)
                        if found[measure][index].isAtEdge { sums[measure][index].isAtEdge = true }
                    }
                }
            }
            for measure in all.indices {
                all[measure] += sums[measure].map { Outcome(gain: $0.gain, scale: $0.scale, isAtEdge: $0.isAtEdge) }
            }
        }
        return all
    }

    /// - Parameters:
    ///   - sizes: Numbers of training images, ascending.
    ///   - outcomes: For each size, of the same images in the same order.
    /// - Returns: `nil` for fewer than two sizes, or where the possible gain is 0.
    package static func curve(sizes: [Int], _ outcomes: [[Outcome]]) -> LearningCurve? {
        guard sizes.count >= 2, outcomes.allSatisfy({ $0.reduce(0) { $0 + $1.scale } > 0 }) else { return nil }
        let values = outcomes.map { all in all.reduce(0) { $0 + $1.gain } / all.reduce(0) { $0 + $1.scale } }
        // Each image's influence on a ratio of sums, to first order (Cochran 1977, section 2.11).
        func influences(_ index: Int) -> [Double] {
            let scale = Statistics.mean(outcomes[index].map(\.scale))
            return outcomes[index].map { ($0.gain - values[index] * $0.scale) / scale }
        }
        let last = influences(sizes.count - 1)
        let previous = influences(sizes.count - 2)
        return LearningCurve(
            points: zip(sizes, values).map { LearningCurve.Point(pictures: $0, value: $1) },
            error: Statistics.standardError(ofMean: last),
            gainError: Statistics.standardError(ofMean: zip(last, previous).map(-)),
            isFloor: outcomes[sizes.count - 1].contains(where: \.isAtEdge))
    }
}
