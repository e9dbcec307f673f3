// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Mean squared error, and the measures derived from it: PSNR and R² relative to the mean image.
package enum MeanSquaredError {
    /// (1/n) sum (a - b)², over all values of both images.
    ///
    /// - Throws: ``AssessmentError`` `.shapeMismatch`.
    package static func value(_ a: Picture, _ b: Picture) throws(AssessmentError) -> Double {
        guard a.matches(b) else {
            throw AssessmentError(
                .shapeMismatch,
                "pictures of \(a.height)x\(a.width)x\(a.channels) and \(b.height)x\(b.width)x\(b.channels)")
        }
        var sum = 0.0
        for index in a.values.indices {
            let difference = Double(a.values[index]) - Double(b.values[index])
            sum += difference * difference
        }
        return sum / Double(max(1, a.values.count))
    }

    /// Peak signal-to-noise ratio 10 log10(1 / MSE) for values in [0, 1], in decibels; infinite for equal images.
    package static func peakSignalToNoise(meanSquaredError: Double) -> Double {
        meanSquaredError > 0 ? -10 * log10(meanSquaredError) : .infinity
    }

    /// R² = 1 - sum of errors / sum of the errors of the mean image: 1 is exact, 0 no better than the mean image.
    ///
    /// - Parameters:
    ///   - errors: Squared errors of the reconstructions, one per image.
    ///   - meanErrors: Squared errors of the mean training image, one per image.
    /// - Returns: At most 1; 0 where the images do not differ from the mean.
    package static func rSquared(errors: [Double], meanErrors: [Double]) -> Double {
        let reference = meanErrors.reduce(0, +)
        return reference > 0 ? 1 - errors.reduce(0, +) / reference : 0
    }
}
