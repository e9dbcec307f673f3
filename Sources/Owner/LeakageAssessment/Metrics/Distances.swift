// SPDX-License-Identifier: Apache-2.0
extension SymmetricMatrix {
    /// Squared Euclidean distances between the vectors whose Gram matrix this is: d_ij = g_ii + g_jj - 2 g_ij, at least
    /// 0.
    package var squaredDistances: SymmetricMatrix {
        var result = SymmetricMatrix(size: size)
        for row in 0..<size {
            for column in row + 1..<max(size, row + 1) {
                result[row, column] = max(0, self[row, row] + self[column, column] - 2 * self[row, column])
            }
        }
        return result
    }
}
