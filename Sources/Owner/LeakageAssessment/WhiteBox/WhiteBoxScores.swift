/// What the white-box attack recovers at one cut, at the size of the decoders' reconstructions.
package struct WhiteBoxScores: Sendable, Hashable, Codable {
    package let pictures: Int
    /// 1 - squared error / squared error of the mean picture, both summed over the pictures.
    package let rSquared: Double
    /// Mean SSIM, and that of the mean picture.
    package let similarity: Double
    package let similarityOfMean: Double
    /// Mean over the pictures of how far what crosses still is from what crossed; the mean picture is 1 away.
    package let residual: Double

    package init(
        pictures: Int, rSquared: Double, similarity: Double, similarityOfMean: Double, residual: Double
    ) {
        self.pictures = pictures
        self.rSquared = rSquared
        self.similarity = similarity
        self.similarityOfMean = similarityOfMean
        self.residual = residual
    }
}
