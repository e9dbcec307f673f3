/// Inner products of several pictures' features, all with all.
package enum GramMatrix {
    private static let blockFeatures = 4096

    /// - Parameter features: One list per picture, all of one length.
    /// - Returns: `[pictures, pictures]`, accumulated in `Double`.
    package static func of(_ features: [[Float]]) -> SymmetricMatrix {
        let count = features.count
        var gram = SymmetricMatrix(size: count)
        let length = features.first?.count ?? 0
        var block = [Double](repeating: 0, count: blockFeatures * count)
        for start in stride(from: 0, to: length, by: blockFeatures) {
            let rows = min(blockFeatures, length - start)
            for (column, values) in features.enumerated() {
                for row in 0..<rows { block[row * count + column] = Double(values[start + row]) }
            }
            gram.addGram(of: block.span.extracting(0..<rows * count))
        }
        return gram
    }
}
