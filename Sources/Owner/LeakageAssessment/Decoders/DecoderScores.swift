/// How well a decoder recovered pictures that it had not seen.
package struct DecoderScores: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable {
        /// ``LocalRidge``.
        case local
        /// ``DualRidge``.
        case global
        /// Neither did better than the mean picture.
        case mean
    }

    /// R² on the validation pictures, by which the decoder was chosen; `nil` where it does not apply.
    package struct Validation: Sendable, Hashable {
        package let local: Double?
        package let global: Double?

        package init(local: Double?, global: Double?) {
            self.local = local
            self.global = global
        }
    }

    package let kind: Kind
    /// The penalty, relative to the mean diagonal of the decoder's matrix.
    package let penalty: Double
    package let validation: Validation
    /// 1 - MSE / MSE of the mean picture.
    package let determination: Double
    /// Bootstrap over the test pictures.
    package let determinationDeviation: Double
    /// Mean over pictures, in decibels.
    package let peakSignalToNoise: Double
    /// Mean over pictures.
    package let similarity: Double
    /// SSIM of the mean picture: what a decoder that sees nothing scores.
    package let similarityOfMean: Double
    /// ``Retrieval/topOne(reconstructions:candidates:mean:)`` among ``candidates``.
    package let retrievalTopOne: Double
    package let candidates: Int
    /// Pixels of the reconstructions.
    package let height: Int
    package let width: Int

    /// What the decoder adds to the structure of the mean picture.
    package var similarityGain: Double { similarity - similarityOfMean }

    /// - Throws: ``AssessmentError`` `.shapeMismatch`.
    package init(
        kind: Kind, penalty: Double, reconstructions: [Picture], pictures: [Picture], meanPicture: Picture,
        validation: Validation, seed: UInt64
    ) throws(AssessmentError) {
        var (errors, meanErrors): ([Double], [Double]) = ([], [])
        var (similarities, similaritiesOfMean): ([Double], [Double]) = ([], [])
        for (reconstruction, picture) in zip(reconstructions, pictures) {
            errors.append(try MeanSquaredError.value(reconstruction, picture))
            meanErrors.append(try MeanSquaredError.value(meanPicture, picture))
            similarities.append(try StructuralSimilarity.value(reconstruction, picture))
            similaritiesOfMean.append(try StructuralSimilarity.value(meanPicture, picture))
        }
        self.kind = kind
        self.penalty = penalty
        self.validation = validation
        determination = MeanSquaredError.determination(errors: errors, meanErrors: meanErrors)
        determinationDeviation = try Bootstrap.deviationOfDetermination(
            errors: errors, meanErrors: meanErrors, seed: seed)
        // 120 dB stands for equality: it is below the resolution of the pictures.
        peakSignalToNoise = Statistics.mean(
            errors.map { min(120, MeanSquaredError.peakSignalToNoise(meanSquaredError: $0)) })
        similarity = Statistics.mean(similarities)
        similarityOfMean = Statistics.mean(similaritiesOfMean)
        retrievalTopOne = try Retrieval.topOne(
            reconstructions: reconstructions, candidates: pictures, mean: meanPicture)
        candidates = pictures.count
        height = meanPicture.height
        width = meanPicture.width
    }
}
