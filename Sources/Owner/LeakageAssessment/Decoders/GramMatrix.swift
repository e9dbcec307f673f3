// SPDX-License-Identifier: Apache-2.0
/// Inner products of several images' features, for each pair.
package enum GramMatrix {
    private static let blockFeatures = 4096

    /// - Parameter features: One list per image, all of one length.
    /// - Returns: `[pictures, pictures]`, accumulated in `Double`.
    package static func of(_ features: [[Float]]) -> SymmetricMatrix {
        of(count: features.count, length: features.first?.count ?? 0) { features[$0][$1] }
    }

    /// - Parameter features: One record per image.
    package static func of(_ features: RecordStore<Float>) -> SymmetricMatrix {
        of(count: features.count, length: features.length) { features.part(of: $0, $1)[...] }
    }

    private static func of(
        count: Int, length: Int, part: (_ picture: Int, _ range: Range<Int>) -> ArraySlice<Float>
    ) -> SymmetricMatrix {
        var gram = SymmetricMatrix(size: count)
        var block = [Double](repeating: 0, count: blockFeatures * count)
        for start in stride(from: 0, to: length, by: blockFeatures) {
            let rows = min(blockFeatures, length - start)
            for column in 0..<count {
                for (row, value) in part(column, start..<start + rows).enumerated() {
                    block[row * count + column] = Double(value)
                }
            }
            gram.addGram(of: block.span.extracting(0..<rows * count))
        }
        return gram
    }
}
