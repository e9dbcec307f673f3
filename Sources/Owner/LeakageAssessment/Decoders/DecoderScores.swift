/// How well a decoder recovered pictures that it had not seen.
package struct DecoderScores: Sendable, Hashable, Codable {
    package enum Kind: String, Sendable, Hashable, Codable {
        /// ``LocalRidge``, linear.
        case local
        /// ``LocalRidge`` with ``RandomFeatures``: an extreme learning machine.
        case elm
        /// ``DualRidge``.
        case global
        /// ``TrainedDecoder``.
        case trained
        /// None did better than the mean picture.
        case mean
    }

    /// One decoder that was tried.
    package struct Trial: Sendable, Hashable, Codable {
        package let kind: Kind
        /// R² on the validation pictures, by which the best was chosen.
        package let validation: Double
        /// R² on the test pictures.
        package let rSquared: Double

        package init(kind: Kind, validation: Double, rSquared: Double) {
            self.kind = kind
            self.validation = validation
            self.rSquared = rSquared
        }
    }

    package let kind: Kind
    /// The penalty, relative to the mean diagonal of the decoder's matrix; 0 where there is none.
    package let penalty: Double
    package let trials: [Trial]
    /// 1 - MSE / MSE of the mean picture.
    package let rSquared: Double
    /// Bootstrap over the test pictures.
    package let rSquaredError: Double
    /// Mean over pictures, in decibels.
    package let peakSignalToNoise: Double
    /// Mean over pictures.
    package let similarity: Double
    /// SSIM of the mean picture: what a decoder that sees nothing scores.
    package let similarityOfMean: Double
    /// Standard error of ``similarityGain`` over the test pictures.
    package let similarityGainError: Double
    /// Mean over pictures of ``MultiScaleSimilarity``, and that of the mean picture.
    package let multiScaleSimilarity: Double
    package let multiScaleSimilarityOfMean: Double
    /// The share of pictures that are the most similar, or among the five most similar, of ``candidates``:
    /// ``Retrieval/share(of:within:)``.
    package let retrievalTopOne: Double
    package let retrievalTopFive: Double
    package let candidates: Int
    /// Pixels of the reconstructions.
    package let height: Int
    package let width: Int

    /// What the decoder adds to the structure of the mean picture.
    package var similarityGain: Double { similarity - similarityOfMean }

    /// - Throws: ``AssessmentError`` `.shapeMismatch`.
    package init(
        kind: Kind, penalty: Double, reconstructions: [Picture], pictures: [Picture], meanPicture: Picture,
        trials: [Trial], seed: UInt64
    ) throws(AssessmentError) {
        var (errors, meanErrors): ([Double], [Double]) = ([], [])
        var (similarities, similaritiesOfMean): ([Double], [Double]) = ([], [])
        var (scales, scalesOfMean): ([Double], [Double]) = ([], [])
        for (reconstruction, picture) in zip(reconstructions, pictures) {
            errors.append(try MeanSquaredError.value(reconstruction, picture))
            meanErrors.append(try MeanSquaredError.value(meanPicture, picture))
            similarities.append(try StructuralSimilarity.value(reconstruction, picture))
            similaritiesOfMean.append(try StructuralSimilarity.value(meanPicture, picture))
            scales.append(try MultiScaleSimilarity.value(reconstruction, picture))
            scalesOfMean.append(try MultiScaleSimilarity.value(meanPicture, picture))
        }
        self.kind = kind
        self.penalty = penalty
        self.trials = trials
        rSquared = MeanSquaredError.rSquared(errors: errors, meanErrors: meanErrors)
        rSquaredError = try Bootstrap.standardErrorOfRSquared(
            errors: errors, meanErrors: meanErrors, seed: seed)
        // 120 dB stands for equality: it is below the resolution of the pictures.
        peakSignalToNoise = Statistics.mean(
            errors.map { min(120, MeanSquaredError.peakSignalToNoise(meanSquaredError: $0)) })
        similarity = Statistics.mean(similarities)
        similarityOfMean = Statistics.mean(similaritiesOfMean)
        similarityGainError = Statistics.standardError(ofMean: zip(similarities, similaritiesOfMean).map(-))
        multiScaleSimilarity = Statistics.mean(scales)
        multiScaleSimilarityOfMean = Statistics.mean(scalesOfMean)
        let ranks = try Retrieval.ranks(reconstructions: reconstructions, candidates: pictures, mean: meanPicture)
        retrievalTopOne = Retrieval.share(of: ranks, within: 1)
        retrievalTopFive = Retrieval.share(of: ranks, within: 5)
        candidates = pictures.count
        height = meanPicture.height
        width = meanPicture.width
    }
}
