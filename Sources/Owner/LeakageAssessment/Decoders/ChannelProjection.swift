/// A random orthogonal projection of channels onto fewer: the rows are orthonormal, drawn from a seed.
///
/// It keeps most of what a linear decoder can use and bounds the normal equations; a principal component analysis would
/// need a pass of its own.
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
            // Twice, because once leaves rounding errors (Gram-Schmidt with reorthogonalisation).
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
