// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// 1 - SSIM of one image and its gradient, with which a decoder learns structure as well as colours.
///
/// With the moments mx, my, sxx, sxy under the window, S = A1 A2 / (B1 B2), A1 = 2 mx my + c1, A2 = 2 (sxy - mx my) +
/// c2, B1 = mx² + my² + c1, B2 = sxx - mx² + vy + c2, the gradient is W'(∂S/∂mx) + 2x W'(∂S/∂sxx) + y W'(∂S/∂sxy), W'
/// being the adjoint of the window.
///
/// - Source: ``StructuralSimilarity``; Zhao et al. 2017 for the loss.
package struct SimilarityLoss {
    private let height: Int
    private let width: Int
    private let channels: Int
    private let taps: [Float]

    package init(height: Int, width: Int, channels: Int) {
        (self.height, self.width, self.channels) = (height, width, channels)
        let side = min(height, width)
        let count = min(StructuralSimilarity.taps, side.isMultiple(of: 2) ? side - 1 : side)
        let weights = (0..<count).map { index in
            let distance = Double(index - count / 2)
            return exp(-distance * distance / (2 * StructuralSimilarity.deviation * StructuralSimilarity.deviation))
        }
        let sum = weights.reduce(0, +)
        taps = weights.map { Float($0 / sum) }
    }

    /// - Parameters:
    ///   - x: The reconstruction, interleaved.
    ///   - y: The original.
    ///   - weight: Factor of value and gradient.
    ///   - gradient: The gradient is added to it.
    /// - Returns: weight * (1 - SSIM).
    package func add(
        of x: UnsafeBufferPointer<Float>, to y: UnsafeBufferPointer<Float>, weight: Float,
        gradient: UnsafeMutableBufferPointer<Float>
    ) -> Float {
        let (c1, c2): (Float, Float) = (0.01 * 0.01, 0.03 * 0.03)
        var total: Float = 0
        for channel in 0..<channels {
            let first = stride(from: channel, to: x.count, by: channels).map { x[$0] }
            let second = stride(from: channel, to: y.count, by: channels).map { y[$0] }
            let (mx, my) = (smoothed(first), smoothed(second))
            let sxx = smoothed(zip(first, first).map(*))
            let syy = smoothed(zip(second, second).map(*))
            let sxy = smoothed(zip(first, second).map(*))
            var (byMean, bySquare, byProduct) = (mx, mx, mx)
            let scale = -weight / Float(mx.count * channels)
            for index in mx.indices {
                let (a, b) = (mx[index], my[index])
                let (a1, a2) = (2 * a * b + c1, 2 * (sxy[index] - a * b) + c2)
                let (b1, b2) = (a * a + b * b + c1, sxx[index] - a * a + syy[index] - b * b + c2)
                let (inverse, value) = (1 / (b1 * b2), a1 * a2 / (b1 * b2))
                total += value / Float(mx.count * channels)
                byProduct[index] = scale * 2 * a1 * inverse
                bySquare[index] = scale * -value / b2
                byMean[index] = scale * (2 * b * (a2 - a1) * inverse + 2 * a * value * (1 / b2 - 1 / b1))
            }
            let (mean, square, product) = (spread(byMean), spread(bySquare), spread(byProduct))
            for index in mean.indices {
                gradient[index * channels + channel] +=
                    mean[index] + 2 * first[index] * square[index] + second[index] * product[index]
            }
        }
        return weight * (1 - total)
    }

    private var inner: (height: Int, width: Int) { (height - taps.count + 1, width - taps.count + 1) }

    /// The window filter, where the window lies inside.
    private func smoothed(_ plane: [Float]) -> [Float] {
        let inner = inner
        var (line, result) = (
            [Float](repeating: 0, count: height * inner.width),
            [Float](repeating: 0, count: inner.height * inner.width)
        )
        for y in 0..<height {
            for tap in taps.indices {
                let weight = taps[tap]
                for x in 0..<inner.width { line[y * inner.width + x] += weight * plane[y * width + x + tap] }
            }
        }
        for y in 0..<inner.height {
            for tap in taps.indices {
                let weight = taps[tap]
                for x in 0..<inner.width {
                    result[y * inner.width + x] += weight * line[(y + tap) * inner.width + x]
                }
            }
        }
        return result
    }

    /// The adjoint of ``smoothed(_:)``.
    private func spread(_ values: [Float]) -> [Float] {
        let inner = inner
        var (line, result) = (
            [Float](repeating: 0, count: height * inner.width), [Float](repeating: 0, count: height * width)
        )
        for y in 0..<inner.height {
            for tap in taps.indices {
                let weight = taps[tap]
                for x in 0..<inner.width {
                    line[(y + tap) * inner.width + x] += weight * values[y * inner.width + x]
                }
            }
        }
        for y in 0..<height {
            for tap in taps.indices {
                let weight = taps[tap]
                for x in 0..<inner.width { result[y * width + x + tap] += weight * line[y * inner.width + x] }
            }
        }
        return result
    }
}
