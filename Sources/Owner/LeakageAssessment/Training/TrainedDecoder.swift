// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import OneDNN

/// A neural decoder: an up-convolutional network gets the cut's channels and the reconstruction of the best closed-form
/// local decoder, and learns to correct the latter. The loss is the mean squared error over that of the mean image,
/// plus a share of 1 - SSIM. Adam, with a learning rate that falls to 0 along a cosine; the parameters of the best
/// epoch on validation images are kept.
///
/// It runs on one thread, so that the same seed gives the same decoder on a machine under any load.
package struct TrainedDecoder: Sendable {
    /// Duration and rate of the training.
    package struct Options: Sendable, Hashable {
        /// Multiply-adds of the whole training, which determine the number of epochs.
        package var multiplyAdds = 5_000_000_000_000
        package var epochs = 6...60
        package var batch = 4
        package var rate: Float = 2e-3
        /// Weight of 1 - SSIM in the loss.
        package var similarityShare: Float = 0.02
        /// Training ends after so many epochs without an improvement on the validation images.
        package var patience = 8

        package init() {}
    }

    /// Reconstructions of all images, clipped to [0, 1].
    package let reconstructions: [Picture]
    /// Number of epochs, and the epoch whose parameters were kept; 0 for the closed-form reconstruction alone.
    package let epochs: Int
    package let bestEpoch: Int

    /// - Parameters:
    ///   - maps: Standardised features of all images.
    ///   - shortcut: The other decoder's reconstructions, learned from the fitting images alone.
    ///   - targets: Their sides are multiples of the grid's.
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
