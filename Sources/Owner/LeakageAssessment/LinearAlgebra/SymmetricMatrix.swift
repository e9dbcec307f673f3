// SPDX-License-Identifier: Apache-2.0
internal import COpenBLAS

/// A dense symmetric matrix of doubles; only the upper triangle is stored.
package struct SymmetricMatrix: Sendable {
    package let size: Int
    /// Row-major; below the diagonal undefined.
    package private(set) var values: [Double]

    package init(size: Int) {
        self.size = size
        values = [Double](repeating: 0, count: size * size)
    }

    /// The mean of the diagonal.
    package var meanDiagonal: Double {
        size == 0 ? 0 : (0..<size).reduce(0) { $0 + values[$1 * size + $1] } / Double(size)
    }

    package subscript(row: Int, column: Int) -> Double {
        get { row <= column ? values[row * size + column] : values[column * size + row] }
        set { values[min(row, column) * size + max(row, column)] = newValue }
    }

    /// Adds the Gram matrix RᵀR of rows R.
    ///
    /// - Parameter rows: Row-major, ``size`` columns.
    package mutating func addGram(of rows: Span<Double>) {
        precondition(rows.count % max(1, size) == 0)
        guard rows.count > 0 else { return }
        rows.withUnsafeBufferPointer { rows in
            infenclave_blas_add_gram(Int32(rows.count / size), Int32(size), rows.baseAddress, &values)
        }
    }

    package mutating func add(_ other: SymmetricMatrix) {
        precondition(size == other.size)
        for index in values.indices { values[index] += other.values[index] }
    }

    /// Its first `count` rows and columns.
    package func leading(_ count: Int) -> SymmetricMatrix {
        precondition(count <= size)
        var result = SymmetricMatrix(size: count)
        for row in 0..<count {
            result.values.replaceSubrange(
                row * count..<(row + 1) * count, with: values[row * size..<row * size + count])
        }
        return result
    }

    /// Its last `count` rows and columns.
    package func trailing(_ count: Int) -> SymmetricMatrix {
        precondition(count <= size)
        var result = SymmetricMatrix(size: count)
        let first = size - count
        for row in 0..<count {
            let start = (first + row) * size + first
            result.values.replaceSubrange(row * count..<(row + 1) * count, with: values[start..<start + count])
        }
        return result
    }

    /// Applies a function to each element.
    package func mapped(_ function: (Double) -> Double) -> SymmetricMatrix {
        var result = self
        for row in 0..<size { for column in row..<size { result[row, column] = function(self[row, column]) } }
        return result
    }

    /// Eigenvalues in ascending order and orthonormal eigenvectors, one per row; `nil` if LAPACK did not
    /// converge, or from 32,766 rows, where its lengths of 32 bits do not suffice.
    package var eigenvectors: (values: [Double], vectors: [Double])? {
        guard size > 0 else { return ([], []) }
        var (vectors, found) = (values, [Double](repeating: 0, count: size))
        // LAPACK's lengths are 32 bits.
        guard let length = Int32(exactly: 1 + (6 + 2 * size) * size) else { return nil }
        let count = 3 + 5 * Int32(size)
        var (work, indices) = ([Double](repeating: 0, count: Int(length)), [Int32](repeating: 0, count: Int(count)))
        guard
            infenclave_blas_eigenvectors(Int32(size), &vectors, &found, &work, length, &indices, count) == 0
        else { return nil }
        return found.allSatisfy(\.isFinite) ? (found, vectors) : nil
    }

    /// Both triangles, row-major.
    package var full: [Double] {
        var full = values
        for row in 0..<size {
            for column in 0..<row { full[row * size + column] = values[column * size + row] }
        }
        return full
    }

    /// Solves (self + ridge I) x = b for several b.
    ///
    /// - Parameters:
    ///   - ridge: Added to the diagonal, except in the last `unpenalized` rows.
    ///   - sides: `[count, size]`, one right-hand side after the other.
    /// - Returns: `[count, size]`, or `nil` when the matrix is not positive definite.
    package func solve(ridge: Double, unpenalized: Int = 0, sides: [Double]) -> [Double]? {
        precondition(sides.count % max(1, size) == 0)
        guard !sides.isEmpty else { return [] }
        var (factor, solution) = (values, sides)
        for index in 0..<size - unpenalized { factor[index * size + index] += ridge }
        let status = infenclave_blas_solve_positive(
            Int32(size), Int32(sides.count / size), &factor, &solution)
        return status == 0 && solution.allSatisfy(\.isFinite) ? solution : nil
    }
}
