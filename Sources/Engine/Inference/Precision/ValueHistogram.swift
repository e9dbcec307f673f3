// SPDX-License-Identifier: Apache-2.0
import ModelGraph

/// A histogram of magnitudes. Its bins become wider when larger magnitudes occur.
struct ValueHistogram {
    private static let binCount = 2048

    private(set) var low: Float = .infinity
    private(set) var high: Float = -.infinity
    private var bins = [Int](repeating: 0, count: binCount)
    /// The upper limit of the last bin; 0 before the first magnitude above 0.
    private var limit: Float = 0
    private var count = 0

    mutating func add(_ elements: UnsafeBufferPointer<Float>) {
        var (least, greatest) = (low, high)
        for element in elements where element.isFinite {
            least = min(least, element)
            greatest = max(greatest, element)
        }
        (low, high) = (least, greatest)
        let largest = max(-least, greatest)
        guard largest.isFinite, largest > 0 else {
            bins[0] += elements.count
            count += elements.count
            return
        }
        if limit == 0 { limit = largest }
        while limit < largest { widen() }
        let perUnit = Float(Self.binCount) / limit
        bins.withUnsafeMutableBufferPointer { bins in
            for element in elements where element.isFinite {
                bins[min(Self.binCount - 1, Int(abs(element) * perUnit))] += 1
            }
        }
        count += elements.count
    }

    private mutating func widen() {
        for index in 0..<Self.binCount / 2 { bins[index] = bins[2 * index] + bins[2 * index + 1] }
        for index in Self.binCount / 2..<Self.binCount { bins[index] = 0 }
        limit *= 2
    }

    /// The clipping bound with the smallest squared error of rounding and clipping together.
    private func magnitude(levels: Float) -> Float {
        var best: (error: Double, bound: Float) = (.infinity, limit)
        let width = Double(limit) / Double(Self.binCount)
        // Most elements in the first bin are zeros, which have no rounding error.
        let rounded = Double(count - bins[0])
        for last in stride(from: Self.binCount / 32, through: Self.binCount, by: Self.binCount / 128) {
            let bound = Double(last) * width
            let step = bound / Double(levels)
            var error = rounded * step * step / 12
            for index in last..<Self.binCount where bins[index] > 0 {
                let excess = (Double(index) + 0.5) * width - bound
                error += Double(bins[index]) * excess * excess
                if error >= best.error { break }
            }
            if error < best.error { best = (error, Float(bound)) }
        }
        return best.bound
    }

    /// The range that integers should represent. Outliers are clipped if their inclusion would cost the other values
    /// more precision. `nil` if no value was finite, or if all were 0.
    var range: PrecisionTable.Range? {
        guard low <= high, limit > 0 else { return nil }
        let bound = magnitude(levels: low >= 0 ? 255 : 127)
        return PrecisionTable.Range(low: max(low, -bound), high: min(high, bound))
    }
}
