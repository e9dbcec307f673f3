// SPDX-License-Identifier: Apache-2.0
/// The best linear map from all boundary tensors to the whole image, in its dual form, since images are few and
/// features many. x̂ = x̄ + k (K + λI)⁻¹ (X - x̄) with K the Gram matrix of the centred features.
///
/// - Source: design notes, Tier 2; Saunders, Gammerman and Vovk 1998.
package struct DualRidge: Sendable {
    /// Candidates for the penalty, relative to the mean diagonal of K.
    package static let penalties = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10]

    private let gram: SymmetricMatrix
    private let targets: [Picture]
    private let training: [Int]
    /// (K + λI)⁻¹, `[training, training]`.
    private let inverse: [Double]
    private let rowMeans: [Double]
    private let mean: Double
    private let meanPicture: [Double]
    package let penalty: Double

    /// Learns from the `training` images; the penalty minimises the exact leave-one-out error.
    ///
    /// - Parameters:
    ///   - gram: Inner products of all images' features, not centred.
    ///   - targets: One per row of `gram`.
    /// - Returns: `nil` when the features of the training images do not differ.
    package init?(gram: SymmetricMatrix, targets: [Picture], training: [Int]) {
        precondition(gram.size == targets.count && training.count >= 2)
        let count = training.count
        rowMeans = training.map { row in training.reduce(0) { $0 + gram[row, $1] } / Double(count) }
        mean = Statistics.mean(rowMeans)
        var centered = SymmetricMatrix(size: count)
        for row in 0..<count {
            for column in row..<count {
                centered[row, column] =
                    gram[training[row], training[column]] - rowMeans[row] - rowMeans[column] + mean
            }
        }
        guard centered.meanDiagonal > 1e-12 * max(abs(mean), 1e-30) else { return nil }
        let meanPicture = Self.mean(of: training.map { targets[$0] })
        let targetGram = Self.centeredGram(training.map { targets[$0] }, mean: meanPicture)
        var identity = [Double](repeating: 0, count: count * count)
        for index in 0..<count { identity[index * count + index] = 1 }

        var best: (error: Double, penalty: Double, inverse: [Double])?
        for penalty in Self.penalties {
            let ridge = penalty * centered.meanDiagonal
            guard let inverse = centered.solve(ridge: ridge, sides: identity) else { continue }
            let error = Self.leaveOneOutError(inverse: inverse, ridge: ridge, targetGram: targetGram, count: count)
            if error < best?.error ?? .infinity { best = (error, penalty, inverse) }
        }
        guard let best else { return nil }
        self.gram = gram
        self.targets = targets
        self.training = training
        self.meanPicture = meanPicture
        inverse = best.inverse
        penalty = best.penalty
    }

    /// Sum over images of the squared leave-one-out error: residual / (1 - H_ii), with the mean's share 1/n in H.
    private static func leaveOneOutError(
        inverse: [Double], ridge: Double, targetGram: [Double], count: Int
    ) -> Double {
        let half = MatrixProduct.multiply(inverse, targetGram, rows: count, inner: count, columns: count)
        var error = 0.0
        for row in 0..<count {
            var squaredResidual = 0.0
            for column in 0..<count {
                squaredResidual += half[row * count + column] * inverse[column * count + row]
            }
            let leverage = ridge * inverse[row * count + row] - 1 / Double(count)
            error += ridge * ridge * squaredResidual / max(leverage * leverage, 1e-18)
        }
        return error
    }

    private static func mean(of pictures: [Picture]) -> [Double] {
        var sum = [Double](repeating: 0, count: pictures[0].values.count)
        for picture in pictures { for index in sum.indices { sum[index] += Double(picture.values[index]) } }
        return sum.map { $0 / Double(pictures.count) }
    }

    private static func centeredGram(_ pictures: [Picture], mean: [Double]) -> [Double] {
        GramMatrix.of(pictures.map { picture in zip(picture.values, mean).map { $0 - Float($1) } }).full
    }

    /// The reconstruction, clipped to [0, 1].
    package func reconstruction(of picture: Int) -> Picture {
        let shape = targets[picture]
        return Picture(
            height: shape.height, width: shape.width, channels: shape.channels,
            values: prediction(of: picture).map { Float(min(max($0, 0), 1)) })
    }

    /// The regression's prediction for an image, not clipped.
    package func prediction(of picture: Int) -> [Double] {
        let count = training.count
        let products = training.map { gram[picture, $0] }
        let own = Statistics.mean(products)
        let centered = (0..<count).map { products[$0] - own - rowMeans[$0] + mean }
        let weights = MatrixProduct.multiply(centered, inverse, rows: 1, inner: count, columns: count)
        // The weights of the training images; the rest of 1 is the mean image's weight.
        let rest = 1 - weights.reduce(0, +)
        var values = meanPicture.map { $0 * rest }
        for (index, weight) in weights.enumerated() {
            let target = targets[training[index]].values
            for position in values.indices { values[position] += weight * Double(target[position]) }
        }
        return values
    }
}
