// SPDX-License-Identifier: Apache-2.0
/// Principal coordinates of images from their inner products: the coordinates along the eigenvectors of the centred
/// Gram matrix of some of them (classical scaling).
///
/// - Source: Gower 1966; Schölkopf, Smola and Müller 1998 for other images than those.
struct PrincipalCoordinates {
    /// Variance along each coordinate, in descending order, positive.
    let variances: [Double]
    private let gram: SymmetricMatrix
    private let images: [Int]
    private let rowMeans: [Double]
    private let mean: Double
    /// Orthonormal, one per coordinate, over ``images``.
    private let vectors: [[Double]]

    /// Share of the largest variance below which a coordinate is left out, as rounding.
    private static let negligible = 1e-8

    /// - Parameters:
    ///   - images: The images that determine the coordinates.
    ///   - limit: Most coordinates.
    /// - Returns: `nil` when the images do not differ.
    init?(of gram: SymmetricMatrix, among images: [Int], limit: Int = .max) {
        let centring = Centring(of: gram, among: images)
        var centred = SymmetricMatrix(size: images.count)
        for row in images.indices {
            for column in row..<images.count { centred[row, column] = centring.matrix[row * images.count + column] }
        }
        guard centred.meanDiagonal > 1e-12 * max(abs(centring.mean), 1e-30), let found = centred.eigenvectors,
            let largest = found.values.last, largest > 0
        else { return nil }
        // Eigenvalues ascend.
        let kept = images.indices.reversed().filter { found.values[$0] > Self.negligible * largest }.prefix(limit)
        variances = kept.map { found.values[$0] / Double(images.count) }
        vectors = kept.map { Array(found.vectors[$0 * images.count..<($0 + 1) * images.count]) }
        self.gram = gram
        self.images = images
        (rowMeans, mean) = (centring.rowMeans, centring.mean)
    }

    /// The coordinates of an image, one of ``images`` or not.
    func coordinates(of image: Int) -> [Double] {
        let products = images.map { gram[image, $0] }
        let own = Statistics.mean(products)
        let centred = zip(products, rowMeans).map { $0 - own - $1 + mean }
        return zip(vectors, variances).map { vector, variance in
            zip(centred, vector).reduce(0) { $0 + $1.0 * $1.1 } / (variance * Double(images.count)).squareRoot()
        }
    }

    /// The point with these coordinates, as a combination of the images: one weight each, with sum 1.
    func weights(of coordinates: [Double]) -> [Double] {
        var weights = [Double](repeating: 1 / Double(images.count), count: images.count)
        for (index, vector) in vectors.enumerated() {
            let factor = coordinates[index] / (variances[index] * Double(images.count)).squareRoot()
            for image in weights.indices { weights[image] += factor * vector[image] }
        }
        return weights
    }
}
