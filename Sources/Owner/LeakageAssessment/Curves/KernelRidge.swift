// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Kernel ridge regression onto images, features or classes in the dual form. Kernels: linear, Gaussian and Laplacian,
/// the latter two at the median distance, each on the features x and on their signed square roots sign(x)·√|x|. Kernel
/// and penalty minimise the exact leave-one-out error.
///
/// Everything is computed from inner products, so the cost does not depend on the numbers of features and of targets.
///
/// - Source: Saunders, Gammerman and Vovk 1998; Rifkin and Lippert 2007 for leave-one-out from the eigenvectors.
package struct KernelRidge: Sendable {
    package enum Kernel: String, Sendable, Hashable, Codable, CaseIterable {
        case linear
        /// exp(-d² / 2m), m the median of squared distances.
        case gaussian
        /// exp(-d / √m).
        case laplacian
        /// The same of the signed square roots, with the median of their distances.
        case linearOfRoots, gaussianOfRoots, laplacianOfRoots
    }

    /// The kernel matrices over all images.
    package struct Kernels: Sendable {
        fileprivate let matrices: [(kernel: Kernel, matrix: SymmetricMatrix)]
        package let size: Int

        /// - Parameters:
        ///   - gram: Inner products of the features of all images.
        ///   - roots: Inner products of their signed square roots; `nil` for the kernels of the features alone.
        package init(gram: SymmetricMatrix, roots: SymmetricMatrix? = nil) {
            precondition(roots.map { $0.size == gram.size } ?? true)
            size = gram.size
            matrices =
                Self.matrices(of: gram, .linear, .gaussian, .laplacian)
                + (roots.map { Self.matrices(of: $0, .linearOfRoots, .gaussianOfRoots, .laplacianOfRoots) } ?? [])
        }

        private static func matrices(
            of gram: SymmetricMatrix, _ linear: Kernel, _ gaussian: Kernel, _ laplacian: Kernel
        ) -> [(kernel: Kernel, matrix: SymmetricMatrix)] {
            let distances = gram.squaredDistances
            var above: [Double] = []
            for row in 0..<gram.size {
                for column in row + 1..<max(gram.size, row + 1) { above.append(distances[row, column]) }
            }
            let median = Statistics.median(above)
            guard median > 0 else { return [(linear, gram)] }
            return [
                (linear, gram), (gaussian, distances.mapped { exp(-$0 / (2 * median)) }),
                (laplacian, distances.mapped { exp(-($0 / median).squareRoot()) }),
            ]
        }
    }

    /// Candidates for the penalty, relative to the mean diagonal of the centred kernel.
    package static let penalties = [1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 0.3, 1, 3, 10, 100, 1000]

    package let kernel: Kernel
    package let penalty: Double
    /// Whether the penalty is the smallest candidate: a smaller one might do better, so the result is no more than a
    /// lower bound of what this attack finds.
    package var isAtEdge: Bool { penalty == Self.penalties[0] }
    private let training: [Int]
    private let matrix: SymmetricMatrix
    private let rowMeans: [Double]
    /// V / (w + λ) Vᵀ of the centred kernel, `[training, training]`.
    private let inverse: [Double]

    /// - Parameters:
    ///   - targets: Inner products of the targets of all images.
    /// - Returns: `nil` when the features of the training images do not differ.
    package init?(_ kernels: Kernels, targets: SymmetricMatrix, training: [Int]) {
        precondition(kernels.size == targets.size && training.count >= 2)
        let count = training.count
        let targetGram = Centring(of: targets, among: training).matrix
        var best:
            (
                error: Double, kernel: Kernel, penalty: Double, matrix: SymmetricMatrix, means: [Double],
                values: [Double], vectors: [Double], ridge: Double
            )?
        for (kernel, matrix) in kernels.matrices {
            let centring = Centring(of: matrix, among: training)
            var symmetric = SymmetricMatrix(size: count)
            for row in 0..<count {
                for column in row..<count { symmetric[row, column] = centring.matrix[row * count + column] }
            }
            guard symmetric.meanDiagonal > 1e-12 * max(abs(centring.mean), 1e-30),
                let (values, vectors) = symmetric.eigenvectors
            else { continue }
            // Vᵀ T V with the eigenvectors in the rows of `vectors`.
            let half = MatrixProduct.multiply(vectors, targetGram, rows: count, inner: count, columns: count)
            let rotated = MatrixProduct.multiply(
                half, Self.transposed(vectors, count), rows: count, inner: count, columns: count)
            for penalty in Self.penalties {
                let ridge = penalty * symmetric.meanDiagonal
                let error = Self.leaveOneOutError(values, vectors, rotated, ridge: ridge, count: count)
                if error < best?.error ?? .infinity {
                    best = (error, kernel, penalty, matrix, centring.rowMeans, values, vectors, ridge)
                }
            }
        }
        guard let best else { return nil }
        (kernel, penalty, matrix, rowMeans) = (best.kernel, best.penalty, best.matrix, best.means)
        self.training = training
        var scaled = best.vectors
        for row in 0..<count {
            let factor = 1 / (max(0, best.values[row]) + best.ridge)
            for column in 0..<count { scaled[row * count + column] *= factor }
        }
        inverse = MatrixProduct.multiply(
            Self.transposed(best.vectors, count), scaled, rows: count, inner: count, columns: count)
    }

    /// Sum over images of the squared leave-one-out error: residual / (1 - H_ii), with the mean's share 1/n in H.
    private static func leaveOneOutError(
        _ values: [Double], _ vectors: [Double], _ rotated: [Double], ridge: Double, count: Int
    ) -> Double {
        let factors = values.map { ridge / (max(0, $0) + ridge) }
        // Rows of A = V diag(g); ‖residual_i‖² = a_i M a_iᵀ.
        var weighted = [Double](repeating: 0, count: count * count)
        for row in 0..<count {
            for column in 0..<count { weighted[row * count + column] = vectors[column * count + row] * factors[column] }
        }
        let half = MatrixProduct.multiply(weighted, rotated, rows: count, inner: count, columns: count)
        var error = 0.0
        for row in 0..<count {
            var (residual, leverage) = (0.0, -1 / Double(count))
            for column in 0..<count {
                residual += half[row * count + column] * weighted[row * count + column]
                let entry = vectors[column * count + row]
                leverage += entry * entry * factors[column]
            }
            // Leverages are about the penalty where the regression passes through every image, and so are residuals: a
            // larger limit would make such a regression look exact.
            error += residual / max(leverage * leverage, 1e-24)
        }
        return error
    }

    private static func transposed(_ matrix: [Double], _ count: Int) -> [Double] {
        var result = matrix
        for row in 0..<count { for column in 0..<count { result[column * count + row] = matrix[row * count + column] } }
        return result
    }

    /// The prediction for an image, as a linear combination of the training images' targets: one weight each, with sum
    /// 1.
    package func weights(of picture: Int) -> [Double] {
        let count = training.count
        let products = training.map { matrix[picture, $0] }
        let own = Statistics.mean(products)
        let mean = Statistics.mean(rowMeans)
        let centred = (0..<count).map { products[$0] - own - rowMeans[$0] + mean }
        let weights = MatrixProduct.multiply(centred, inverse, rows: 1, inner: count, columns: count)
        // The targets are centred, so the mean is added as an equal share of every training image.
        let rest = (1 - weights.reduce(0, +)) / Double(count)
        return weights.map { $0 + rest }
    }
}

/// A Gram matrix centred on the mean of some of its rows.
struct Centring {
    /// `[rows, rows]`.
    let matrix: [Double]
    let rowMeans: [Double]
    let mean: Double

    init(of gram: SymmetricMatrix, among rows: [Int]) {
        let count = rows.count
        let means = rows.map { row in rows.reduce(0) { $0 + gram[row, $1] } / Double(count) }
        let mean = Statistics.mean(means)
        var matrix = [Double](repeating: 0, count: count * count)
        for row in 0..<count {
            for column in 0..<count {
                matrix[row * count + column] = gram[rows[row], rows[column]] - means[row] - means[column] + mean
            }
        }
        (self.matrix, rowMeans, self.mean) = (matrix, means, mean)
    }
}
