/// How often magnitudes occur, in bins that widen as larger ones come.
struct ValueHistogram {
    private static let binCount = 2048

    private(set) var low: Float = .infinity
    private(set) var high: Float = -.infinity
    private var bins = [Int](repeating: 0, count: binCount)
    /// The upper end of the last bin; 0 before the first magnitude above 0.
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

    /// The smallest magnitude that at most this fraction of the elements exceeds.
    private func magnitude(exceededBy fraction: Double) -> Float {
        var remaining = Int(Double(count) * fraction)
        for index in bins.indices.reversed() {
            remaining -= bins[index]
            if remaining < 0 { return limit * Float(index + 1) / Float(Self.binCount) }
        }
        return 0
    }

    /// The range without outliers.
    ///
    /// - Parameter fraction: How many elements may lie outside.
    func range(leavingOut fraction: Double) -> Calibration.Range? {
        let bound = magnitude(exceededBy: fraction)
        guard low <= high, bound > 0 else { return nil }
        return Calibration.Range(low: max(low, -bound), high: min(high, bound))
    }
}
