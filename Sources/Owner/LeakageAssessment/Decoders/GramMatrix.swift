// SPDX-License-Identifier: Apache-2.0
/// Inner products of several images' features, for each pair, and of their signed square roots sign(x)·√|x|.
package enum GramMatrix {
    private static let blockFeatures = 4096

    /// - Parameter features: One list per image, all of one length.
    /// - Returns: `[pictures, pictures]`, accumulated in `Double`.
    package static func of(_ features: [[Float]]) -> SymmetricMatrix {
        of(count: features.count, length: features.first?.count ?? 0, withRoots: false) { features[$0][$1] }.gram
    }

    /// - Parameter features: One record per image.
    package static func of(_ features: RecordStore<Float>) -> SymmetricMatrix {
        of(features, withRoots: false).gram
    }

    /// - Parameter withRoots: Whether the inner products of the signed square roots are computed too, in the same pass.
    package static func of(
        _ features: RecordStore<Float>, withRoots: Bool
    ) -> (gram: SymmetricMatrix, roots: SymmetricMatrix?) {
        of(count: features.count, length: features.length, withRoots: withRoots) { features.part(of: $0, $1)[...] }
    }

    private static func of(
        count: Int, length: Int, withRoots: Bool, part: (_ picture: Int, _ range: Range<Int>) -> ArraySlice<Float>
    ) -> (gram: SymmetricMatrix, roots: SymmetricMatrix?) {
        var gram = SymmetricMatrix(size: count)
        var roots = withRoots ? SymmetricMatrix(size: count) : nil
        var block = [Double](repeating: 0, count: blockFeatures * count)
        for start in stride(from: 0, to: length, by: blockFeatures) {
            let rows = min(blockFeatures, length - start)
            for column in 0..<count {
                for (row, value) in part(column, start..<start + rows).enumerated() {
                    block[row * count + column] = Double(value)
                }
            }
            gram.addGram(of: block.span.extracting(0..<rows * count))
            guard withRoots else { continue }
            for index in 0..<rows * count {
                let value = block[index]
                let root = abs(value).squareRoot()
                block[index] = value < 0 ? -root : root
            }
            roots?.addGram(of: block.span.extracting(0..<rows * count))
        }
        return (gram, roots)
    }
}
