// SPDX-License-Identifier: Apache-2.0
/// A random orthogonal projection onto fewer channels: the rows are orthonormal, drawn with a seed.
///
/// It preserves most of the information for a linear decoder and bounds the size of the normal equations. A principal
/// component analysis would need a separate pass over the data.
package struct ChannelProjection: Sendable {
    package let source: Int
    package let target: Int
    /// `[source, target]`, for products from the right.
    private let matrix: [Float]

    /// - Parameter target: At most `source`.
    package init(from source: Int, to target: Int, seed: UInt64) {
        precondition(target > 0 && target <= source)
        var generator = SeededGenerator(seed: seed, purpose: "channel projection")
        var rows: [[Double]] = []
        while rows.count < target {
            var row = (0..<source).map { _ in generator.normal() }
            // Twice, because one pass leaves rounding errors (Gram-Schmidt with reorthogonalisation).
            for _ in 0..<2 {
                for other in rows {
                    let overlap = zip(row, other).reduce(0) { $0 + $1.0 * $1.1 }
                    for index in row.indices { row[index] -= overlap * other[index] }
                }
            }
            let norm = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
            if norm > 1e-6 { rows.append(row.map { $0 / norm }) }
        }
        var matrix = [Float](repeating: 0, count: source * target)
        for (column, row) in rows.enumerated() {
            for index in row.indices { matrix[index * target + column] = Float(row[index]) }
        }
        self.source = source
        self.target = target
        self.matrix = matrix
    }

    /// - Parameter map: `[cells, source]`.
    /// - Returns: `[cells, target]`.
    package func apply(to map: [Float], cells: Int) -> [Float] {
        MatrixProduct.multiply(map.span, matrix.span, rows: cells, inner: source, columns: target)
    }
}
