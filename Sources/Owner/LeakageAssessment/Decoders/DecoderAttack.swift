/// The closed-form attacks on one cut: an adversary who knows pairs of pictures and intermediate representations trains a
/// local and a global linear decoder, keeps the one that does better on validation pictures, and decodes pictures that it
/// has not seen.
package enum DecoderAttack {
    package struct Outcome: Sendable {
        package let scores: DecoderScores
        /// One per test picture, in the order of the split.
        package let reconstructions: [Picture]
    }

    /// - Parameters:
    ///   - features: Of all pictures.
    ///   - targets: The pictures at the size that the features' grid divides.
    ///   - seed: For the projection, the sampled positions and the bootstrap.
    /// - Throws: ``AssessmentError``.
    package static func run(
        on features: CutFeatures, targets: [Picture], split: PictureSplit, seed: UInt64
    ) throws(AssessmentError) -> Outcome {
        let meanPicture = mean(of: split.training.map { targets[$0] })
        let fittingMean = mean(of: split.fitting.map { targets[$0] })
        var candidates: [Candidate] = []

        func validated(
            _ kind: DecoderScores.Kind, _ penalty: Double, _ decode: (Int) -> Picture,
            _ final: @escaping (Int) -> Picture
        ) throws(AssessmentError) {
            var (errors, meanErrors): ([Double], [Double]) = ([], [])
            for picture in split.validation {
                errors.append(try MeanSquaredError.value(decode(picture), targets[picture]))
                meanErrors.append(try MeanSquaredError.value(fittingMean, targets[picture]))
            }
            let quality = MeanSquaredError.determination(errors: errors, meanErrors: meanErrors)
            candidates.append(Candidate(kind: kind, penalty: penalty, validation: quality, decode: final))
        }

        if let maps = features.maps {
            let reduced =
                maps.channels <= LocalRidge.maximumChannels
                ? maps
                : maps.projected(
                    by: ChannelProjection(from: maps.channels, to: LocalRidge.maximumChannels, seed: seed))
            if let local = LocalRidge(maps: reduced, targets: targets, split: split, seed: seed) {
                try validated(.local, local.penalty) {
                    local.reconstruction(of: $0, fromFittingOnly: true)
                } _: {
                    local.reconstruction(of: $0)
                }
            }
        }
        let gram = features.gram
        if let fitting = DualRidge(gram: gram, targets: targets, training: split.fitting),
            let final = DualRidge(gram: gram, targets: targets, training: split.training)
        {
            try validated(.global, final.penalty, fitting.reconstruction(of:), final.reconstruction(of:))
        }
        candidates.append(Candidate(kind: .mean, penalty: 0, validation: 0) { _ in meanPicture })

        // The list is never empty; of equals the first.
        let best = candidates.reduce(candidates[0]) { $1.validation > $0.validation ? $1 : $0 }
        let reconstructions = split.testing.map(best.decode)
        let scores = try DecoderScores(
            kind: best.kind, penalty: best.penalty, reconstructions: reconstructions,
            pictures: split.testing.map { targets[$0] }, meanPicture: meanPicture,
            validation: .init(
                local: candidates.first { $0.kind == .local }?.validation,
                global: candidates.first { $0.kind == .global }?.validation),
            seed: seed)
        return Outcome(scores: scores, reconstructions: reconstructions)
    }

    private struct Candidate {
        let kind: DecoderScores.Kind
        let penalty: Double
        /// R² on the validation pictures.
        let validation: Double
        let decode: (Int) -> Picture
    }

    private static func mean(of pictures: [Picture]) -> Picture {
        var sum = [Double](repeating: 0, count: pictures[0].values.count)
        for picture in pictures { for index in sum.indices { sum[index] += Double(picture.values[index]) } }
        var result = pictures[0]
        result.values = sum.map { Float($0 / Double(pictures.count)) }
        return result
    }
}
