// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// SSIM: the mean of (2 m1 m2 + c1)(2 s12 + c2) / ((m1² + m2² + c1)(v1 + v2 + c2)) with local moments under a Gaussian
/// window of deviation 1.5 and 11 taps, c1 = 0.01², c2 = 0.03² for values in [0, 1]; only where the whole window lies
/// inside, mean over channels. If a side is shorter than 11, the window is the largest odd one that fits.
///
/// - Source: Wang, Bovik, Sheikh, Simoncelli 2004.
package enum StructuralSimilarity {
    package static let deviation = 1.5
    package static let taps = 11
    private static let c1 = 0.01 * 0.01
    private static let c2 = 0.03 * 0.03

    /// - Returns: At most 1.
    /// - Throws: ``AssessmentError`` `.shapeMismatch`.
    package static func value(_ a: Picture, _ b: Picture) throws(AssessmentError) -> Double {
        Statistics.mean(try components(a, b).map(\.similarity))
    }

    /// Means over one channel: of the whole quotient, and of its second factor (contrast and structure) alone.
    struct Components {
        let similarity: Double
        let structure: Double
    }

    /// One per channel.
    ///
    /// - Throws: ``AssessmentError`` `.shapeMismatch`.
    static func components(_ a: Picture, _ b: Picture) throws(AssessmentError) -> [Components] {
        guard a.matches(b) else {
            throw AssessmentError(
                .shapeMismatch,
                "pictures of \(a.height)x\(a.width)x\(a.channels) and \(b.height)x\(b.width)x\(b.channels)")
        }
        let rows = window(fitting: a.height)
        let columns = window(fitting: a.width)
        return (0..<a.channels).map { channel in
            let (x, y) = (plane(a, channel), plane(b, channel))
            func smooth(_ values: [Double]) -> [Double] {
                filter(values, height: a.height, width: a.width, rows: rows, columns: columns)
            }
            let (meanX, meanY) = (smooth(x), smooth(y))
            let squareX = smooth(zip(x, x).map(*))
            let squareY = smooth(zip(y, y).map(*))
            let product = smooth(zip(x, y).map(*))
            var (similarity, structure) = (0.0, 0.0)
            for index in meanX.indices {
                let (mx, my) = (meanX[index], meanY[index])
                let (vx, vy) = (squareX[index] - mx * mx, squareY[index] - my * my)
                let covariance = product[index] - mx * my
                let factor = (2 * covariance + c2) / (vx + vy + c2)
                structure += factor
                similarity += (2 * mx * my + c1) / (mx * mx + my * my + c1) * factor
            }
            let count = Double(meanX.count)
            return Components(similarity: similarity / count, structure: structure / count)
        }
    }

    private static func plane(_ picture: Picture, _ channel: Int) -> [Double] {
        stride(from: channel, to: picture.values.count, by: picture.channels).map { Double(picture.values[$0]) }
    }

    private static func window(fitting side: Int) -> [Double] {
        let count = min(taps, side.isMultiple(of: 2) ? side - 1 : side)
        let weights = (0..<count).map { index in
            let distance = Double(index - count / 2)
            return exp(-distance * distance / (2 * deviation * deviation))
        }
        let sum = weights.reduce(0, +)
        return weights.map { $0 / sum }
    }

    /// The separable filter, where its window lies inside.
    private static func filter(
        _ values: [Double], height: Int, width: Int, rows: [Double], columns: [Double]
    ) -> [Double] {
        let (outputHeight, outputWidth) = (height - rows.count + 1, width - columns.count + 1)
        var horizontal = [Double](repeating: 0, count: height * outputWidth)
        for y in 0..<height {
            for x in 0..<outputWidth {
                var sum = 0.0
                for tap in columns.indices { sum += columns[tap] * values[y * width + x + tap] }
                horizontal[y * outputWidth + x] = sum
            }
        }
        var result = [Double](repeating: 0, count: outputHeight * outputWidth)
        for y in 0..<outputHeight {
            for tap in rows.indices {
                for x in 0..<outputWidth {
                    result[y * outputWidth + x] += rows[tap] * horizontal[(y + tap) * outputWidth + x]
                }
            }
        }
        return result
    }
}
