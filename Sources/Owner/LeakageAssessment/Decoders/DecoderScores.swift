// SPDX-License-Identifier: Apache-2.0
/// How well a decoder reconstructs held-out images.
package struct DecoderScores: Sendable, Hashable, Codable {
    package enum Kind: String, Sendable, Hashable, Codable {
        /// ``LocalRidge``, linear.
        case local
        /// ``LocalRidge`` with ``RandomFeatures``: an extreme learning machine.
        case elm
        /// ``DualRidge``.
        case global
        /// ``Perceptron``, where no feature map crosses.
        case perceptron
        /// ``TrainedDecoder``.
        case trained
        /// The mean image: no decoder did better.
        case mean
    }

    /// One decoder that was tried.
    package struct Trial: Sendable, Hashable, Codable {
        package let kind: Kind
        /// R² on the validation images, which selects the best decoder.
        package let validation: Double
        /// R² on the test images.
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
    package private(set) var trials: [Trial]
    /// R²: 1 - MSE / MSE of the mean image.
    package let rSquared: Double
    /// Bootstrap standard error over the test images.
    package let rSquaredError: Double
    /// Mean over images, in decibels.
    package let peakSignalToNoise: Double
    /// SSIM, mean over images.
    package private(set) var similarity: Double
    /// SSIM of the mean image: the score of a decoder without information.
    package private(set) var similarityOfMean: Double
    /// Standard error of ``similarityGain`` over the test images.
    package private(set) var similarityGainError: Double
    /// Mean over images of ``MultiScaleSimilarity``, and that of the mean image.
    package let multiScaleSimilarity: Double
    package let multiScaleSimilarityOfMean: Double
    /// Top-1 and top-5 retrieval rates among ``candidates``: ``Retrieval/share(of:within:)``.
    package private(set) var retrievalTopOne: Double
    package private(set) var retrievalTopFive: Double
    package private(set) var candidates: Int
    /// Height of the reconstructions in pixels.
    package let height: Int
    package let width: Int

    /// Whether ``penalty`` is the smallest of its grid: a smaller one might do better.
    package var isAtEdge: Bool {
        switch kind {
        case .local, .elm: penalty == LocalRidge.penalties[0]
        case .global: penalty == DualRidge.penalties[0]
        case .perceptron, .trained, .mean: false
        }
    }

    /// SSIM gain over the mean image.
    package var similarityGain: Double { similarity - similarityOfMean }

    /// The scores after a later run with more decoders: those of the run whose best decoder has the higher R², with the
    /// decoders that the later run tried. The similarity and the retrieval are those of the run that has more of them, so
    /// that another attack never makes a verdict better. These are the scores that are shown: in verdicts the errors of
    /// both runs count (``CutFindings/counting(_:)``).
    package func joined(with later: DecoderScores) -> DecoderScores {
        let (better, other) = later.rSquared >= rSquared ? (later, self) : (self, later)
        var joined = better
        joined.trials = later.trials
        if other.similarityGain > better.similarityGain {
            joined.similarity = other.similarity
            joined.similarityOfMean = other.similarityOfMean
            joined.similarityGainError = other.similarityGainError
        }
        if other.retrievalTopOne > better.retrievalTopOne {
            joined.retrievalTopOne = other.retrievalTopOne
            joined.retrievalTopFive = other.retrievalTopFive
            joined.candidates = other.candidates
        }
        return joined
    }

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
        // 120 dB stands for equality: the difference is below the resolution of the images.
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
