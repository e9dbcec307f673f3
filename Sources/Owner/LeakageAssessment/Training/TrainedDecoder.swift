internal import Glibc
internal import OneDNN

/// A decoder that is trained: an up-convolutional network sees the cut's channels and what the best closed-form local
/// decoder makes of them, and learns to correct that picture. The loss is the mean squared error over that of the mean
/// picture, plus a share of 1 - SSIM; Adam, a rate that falls to 0 along a cosine, the parameters of the epoch that is
/// best on validation pictures.
///
/// One thread computes it, so that the same seed gives the same decoder on a machine whatever else it does.
package struct TrainedDecoder: Sendable {
    /// How long and how fast to learn.
    package struct Options: Sendable, Hashable {
        /// Multiply-adds of all training; the number of epochs follows from it.
        package var multiplyAdds = 5_000_000_000_000
        package var epochs = 6...60
        package var batch = 4
        package var rate: Float = 2e-3
        /// Of 1 - SSIM in the loss.
        package var similarityShare: Float = 0.02
        /// Epochs without an improvement on the validation pictures after which training ends.
        package var patience = 8

        package init() {}
    }

    /// Of all pictures, clipped to [0, 1].
    package let reconstructions: [Picture]
    /// Epochs that were trained, and the one whose parameters were kept; 0 for the shortcut alone.
    package let epochs: Int
    package let bestEpoch: Int

    /// - Parameters:
    ///   - maps: Standardised features of all pictures.
    ///   - shortcut: The other decoder's pictures, learned from the fitting pictures alone.
    ///   - targets: Their sides multiples of the grid's.
    /// - Throws: ``AssessmentError`` `.engine`, `.notFinite` when training diverges, `.cancelled`.
    package init(
        maps: FeatureMaps, shortcut: [Picture], targets: [Picture], split: PictureSplit, seed: UInt64,
        options: Options = Options(), cancellation: CancellationFlag = CancellationFlag()
    ) throws(AssessmentError) {
        let outcome: (epochs: Int, best: Int)
        do throws(OneDNNError) {
            (reconstructions, outcome) = try ThreadTeam.using(1) { () throws(OneDNNError) in
                let session = try TrainingSession(
                    maps: maps, shortcut: shortcut, targets: targets, split: split, seed: seed, options: options)
                let outcome = try session.train(isCancelled: { cancellation.isCancelled })
                return (try session.reconstructions(of: Array(targets.indices)), outcome)
            }
        } catch { throw AssessmentError(.engine, "training a decoder: \(error.message)") }
        try cancellation.check()
        try maps.check()
        (epochs, bestEpoch) = outcome
    }
}
