// SPDX-License-Identifier: Apache-2.0
/// Bias-corrected squared distance correlation between boundary tensors and images: whether similar images have similar
/// representations. 0 for independence (estimates may be below), 1 for a similarity transform.
///
/// With A the U-centred distances a_ij - r_i/(n-2) - r_j/(n-2) + s/((n-1)(n-2)) (r row sums, s their sum) and B
/// likewise, it is <A,B> / sqrt(<A,A><B,B>), the inner product being the sum over i ≠ j.
///
/// - Source: Székely and Rizzo 2014; used for leakage by NoPeek (Vepakomma et al. 2020).
package enum DistanceCorrelation {
    /// - Parameters:
    ///   - a: Gram matrix of one set of features.
    ///   - b: Gram matrix of the other, for the same images.
    /// - Returns: `nil` for fewer than four images, or when the features of one set do not differ.
    package static func squared(grams a: SymmetricMatrix, _ b: SymmetricMatrix) -> Double? {
        precondition(a.size == b.size)
        guard a.size >= 4 else { return nil }
        let (x, y) = (centered(a), centered(b))
        func product(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }
        let scale = (product(x, x) * product(y, y)).squareRoot()
        return scale > 0 ? product(x, y) / scale : nil
    }

    /// The elements above the diagonal.
    private static func centered(_ gram: SymmetricMatrix) -> [Double] {
        let count = gram.size
        var distances = gram.squaredDistances
        var sums = [Double](repeating: 0, count: count)
        for row in 0..<count {
            for column in row + 1..<max(count, row + 1) {
                let distance = distances[row, column].squareRoot()
                distances[row, column] = distance
                sums[row] += distance
                sums[column] += distance
            }
        }
        let (n, total) = (Double(count), sums.reduce(0, +))
        return (0..<count).flatMap { row in
            (row + 1..<max(count, row + 1)).map { column in
                distances[row, column] - (sums[row] + sums[column]) / (n - 2) + total / ((n - 1) * (n - 2))
            }
        }
    }
}
