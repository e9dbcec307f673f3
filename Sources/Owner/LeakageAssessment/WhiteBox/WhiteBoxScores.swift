// SPDX-License-Identifier: Apache-2.0
/// The results of the white-box attack at one cut, at the size of the decoders' reconstructions.
package struct WhiteBoxScores: Sendable, Hashable, Codable {
    package let pictures: Int
    /// R²: 1 - squared error / squared error of the mean image, both summed over the images.
    package let rSquared: Double
    /// Bootstrap standard error over the images.
    package let rSquaredError: Double
    /// Mean SSIM, and that of the mean image.
    package let similarity: Double
    package let similarityOfMean: Double
    /// Mean over the images of the remaining relative squared distance of the boundary tensors; 1 for the mean image.
    package let residual: Double

    package init(
        pictures: Int, rSquared: Double, rSquaredError: Double, similarity: Double, similarityOfMean: Double,
        residual: Double
    ) {
        self.pictures = pictures
        self.rSquared = rSquared
        self.rSquaredError = rSquaredError
        self.similarity = similarity
        self.similarityOfMean = similarityOfMean
        self.residual = residual
    }
}
