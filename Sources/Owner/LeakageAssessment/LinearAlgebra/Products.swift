// SPDX-License-Identifier: Apache-2.0
internal import COpenBLAS

/// Products of dense row-major matrices.
package enum MatrixProduct {
    /// Sets the number of threads of one product, for this process. Several threads may multiply concurrently.
    package static func setThreads(_ threads: Int) { infenclave_blas_set_threads(Int32(clamping: threads)) }

    /// a b with a `[rows, inner]`, b `[inner, columns]`.
    package static func multiply(
        _ a: [Double], _ b: [Double], rows: Int, inner: Int, columns: Int
    ) -> [Double] {
        precondition(a.count == rows * inner && b.count == inner * columns)
        var result = [Double](repeating: 0, count: rows * columns)
        infenclave_blas_multiply(Int32(rows), Int32(columns), Int32(inner), a, b, &result)
        return result
    }

    /// a b with a `[rows, inner]`, b `[inner, columns]`, in single precision.
    package static func multiply(
        _ a: Span<Float>, _ b: Span<Float>, rows: Int, inner: Int, columns: Int
    ) -> [Float] {
        precondition(a.count == rows * inner && b.count == inner * columns)
        return [Float](unsafeUninitializedCapacity: rows * columns) { result, count in
            a.withUnsafeBufferPointer { a in
                b.withUnsafeBufferPointer { b in
                    infenclave_blas_multiply_single(
                        Int32(rows), Int32(columns), Int32(inner), a.baseAddress, b.baseAddress, result.baseAddress)
                }
            }
            count = rows * columns
        }
    }

    /// result += a' b with a `[inner, rows]`, b `[inner, columns]`.
    package static func addTransposed(
        _ a: Span<Double>, _ b: Span<Double>, rows: Int, inner: Int, columns: Int, to result: inout [Double]
    ) {
        precondition(a.count == inner * rows && b.count == inner * columns && result.count == rows * columns)
        guard inner > 0 else { return }
        a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
                infenclave_blas_multiply_transposed(
                    Int32(rows), Int32(columns), Int32(inner), a.baseAddress, b.baseAddress, 1, &result)
            }
        }
    }
}
