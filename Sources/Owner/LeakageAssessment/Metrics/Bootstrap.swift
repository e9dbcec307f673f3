// SPDX-License-Identifier: Apache-2.0
/// The standard error of a statistic, by resampling the images with replacement.
///
/// - Source: Efron 1979.
package enum Bootstrap {
    package static let draws = 1000

    /// The bootstrap standard error of ``MeanSquaredError/rSquared(errors:meanErrors:)``.
    ///
    /// - Parameter seed: The same seed gives the same number.
    package static func standardErrorOfRSquared(
        errors: [Double], meanErrors: [Double], seed: UInt64
    ) throws(AssessmentError) -> Double {
        guard errors.count == meanErrors.count, !errors.isEmpty else {
            throw AssessmentError(.shapeMismatch, "\(errors.count) errors, \(meanErrors.count) of the mean")
        }
        var generator = SeededGenerator(seed: seed)
        let values = (0..<draws).map { _ in
            var (error, reference) = (0.0, 0.0)
            for _ in errors.indices {
                let index = generator.index(below: errors.count)
                error += errors[index]
                reference += meanErrors[index]
            }
            return reference > 0 ? 1 - error / reference : 0
        }
        return Statistics.deviation(values)
    }
}
