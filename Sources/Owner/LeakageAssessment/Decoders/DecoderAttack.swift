// SPDX-License-Identifier: Apache-2.0
/// The closed-form attacks on one cut: an adversary with pairs of images and intermediate representations trains local
/// and global decoders, keeps the best on validation images, and decodes held-out images.
package enum DecoderAttack {
    package struct Outcome: Sendable {
        package let scores: DecoderScores
        /// One per test image, in the order of the split.
        package let reconstructions: [Picture]
        /// The mean training image.
        package let meanPicture: Picture
        /// The reconstructions of the other decoders, as ``reconstructions``.
        let others: [(kind: DecoderScores.Kind, reconstructions: [Picture])]
    }

    /// - Parameters:
    ///   - features: Features of all images.
    ///   - targets: The images at a size that is a multiple of the features' grid.
    ///   - seed: For the projection, the random features, the sampled positions, the training and the bootstrap.
    ///   - training: Options of a ``TrainedDecoder`` for feature maps; `nil` for the closed-form decoders alone.
    /// - Throws: ``AssessmentError``.
    package static func run(
        on features: CutFeatures, targets: [Picture], split: PictureSplit, seed: UInt64,
        training: TrainedDecoder.Options? = nil, cancellation: CancellationFlag = CancellationFlag()
    ) throws(AssessmentError) -> Outcome {
        let meanPicture = Picture.mean(of: split.training.map { targets[$0] })
        let fittingMean = Picture.mean(of: split.fitting.map { targets[$0] })
        func rSquared(
            _ reconstructions: [Picture], of pictures: [Int], _ mean: Picture
        ) throws(AssessmentError) -> Double {
            var (errors, meanErrors): ([Double], [Double]) = ([], [])
            for (reconstruction, picture) in zip(reconstructions, pictures) {
                errors.append(try MeanSquaredError.value(reconstruction, targets[picture]))
                meanErrors.append(try MeanSquaredError.value(mean, targets[picture]))
            }
            return MeanSquaredError.rSquared(errors: errors, meanErrors: meanErrors)
        }
        func rSquared(
            of pictures: [Int], _ mean: Picture, _ decode: (Int) -> Picture
        ) throws(AssessmentError) -> Double {
            try rSquared(pictures.map(decode), of: pictures, mean)
        }

        var candidates: [Candidate] = []
        if let maps = features.maps {
            let reduced =
                maps.channels <= LocalRidge.maximumChannels
                ? maps
                : try maps.projected(
                    by: ChannelProjection(from: maps.channels, to: LocalRidge.maximumChannels, seed: seed))
            if let local = try LocalRidge(maps: reduced, targets: targets, split: split, seed: seed) {
                for (form, kind) in [(LocalRidge.Form.linear, DecoderScores.Kind.local), (.randomFeatures, .elm)] {
                    guard let penalty = local.penalty(form) else { continue }
                    let validation = try rSquared(of: split.validation, fittingMean) {
                        local.reconstruction(of: $0, form, fromFittingOnly: true) ?? fittingMean
                    }
                    candidates.append(
                        Candidate(kind: kind, penalty: penalty, validation: validation) {
                            local.reconstruction(of: $0, form) ?? meanPicture
                        })
                }
                let finite = candidates.filter(\.validation.isFinite)
                if let training, let best = finite.max(by: { $0.validation < $1.validation }) {
                    let form: LocalRidge.Form = best.kind == .elm ? .randomFeatures : .linear
                    let shortcut = targets.indices.map {
                        local.reconstruction(of: $0, form, fromFittingOnly: true) ?? fittingMean
                    }
                    let decoder = try TrainedDecoder(
                        maps: local.maps, shortcut: shortcut, targets: targets, split: split, seed: seed,
                        options: training, cancellation: cancellation)
                    let decode = { (picture: Int) in decoder.reconstructions[picture] }
                    candidates.append(
                        Candidate(
                            kind: .trained, penalty: 0,
                            validation: try rSquared(of: split.validation, fittingMean, decode), decode: decode))
                }
            }
        }
        try features.maps?.check()
        let gram = features.gram
        if let fitting = DualRidge(gram: gram, targets: targets, training: split.fitting),
            let final = DualRidge(gram: gram, targets: targets, training: split.training)
        {
            let validation = try rSquared(of: split.validation, fittingMean, fitting.reconstruction(of:))
            candidates.append(
                Candidate(
                    kind: .global, penalty: final.penalty, validation: validation,
                    decode: final.reconstruction(of:)))
        }
        if features.maps == nil {
            let pictures = GramMatrix.of(targets.map(\.values))
            func perceptron(_ training: [Int], _ attacked: [Int]) throws(AssessmentError) -> ((Int) -> Picture)? {
                let trained = try Perceptron(
                    features: gram, targets: pictures, training: training, attacked: attacked, seed: seed,
                    cancellation: cancellation)
                return trained.map { trained in
                    { Picture.combined(training.map { targets[$0] }, weights: trained.weights(of: $0)) }
                }
            }
            if let fitting = try perceptron(split.fitting, split.validation),
                let final = try perceptron(split.training, split.testing)
            {
                candidates.append(
                    Candidate(
                        kind: .perceptron, penalty: 0,
                        validation: try rSquared(of: split.validation, fittingMean, fitting), decode: final))
            }
        }
        candidates.append(Candidate(kind: .mean, penalty: 0, validation: 0) { _ in meanPicture })
        var trials: [DecoderScores.Trial] = []
        var decoded: [[Picture]] = []
        for candidate in candidates {
            let reconstructions = split.testing.map(candidate.decode)
            decoded.append(reconstructions)
            guard candidate.kind != .mean else { continue }
            trials.append(
                .init(
                    kind: candidate.kind, validation: candidate.validation,
                    rSquared: try rSquared(reconstructions, of: split.testing, meanPicture)))
        }

        // Ties go to the first. A decoder whose arithmetic overflowed is none; the mean image is always left.
        let usable = candidates.indices.filter { candidates[$0].validation.isFinite }
        let best = usable.reduce(usable[0]) { candidates[$1].validation > candidates[$0].validation ? $1 : $0 }
        let scores = try DecoderScores(
            kind: candidates[best].kind, penalty: candidates[best].penalty, reconstructions: decoded[best],
            pictures: split.testing.map { targets[$0] }, meanPicture: meanPicture, trials: trials, seed: seed)
        return Outcome(
            scores: scores, reconstructions: decoded[best], meanPicture: meanPicture,
            others: usable.filter { $0 != best && candidates[$0].kind != .mean }
                .map { (candidates[$0].kind, decoded[$0]) })
    }

    private struct Candidate {
        let kind: DecoderScores.Kind
        let penalty: Double
        /// R² on the validation images.
        let validation: Double
        let decode: (Int) -> Picture
    }
}
