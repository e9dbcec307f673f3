// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// An estimate of an assessment's duration, from the time of its first cut and of one image in the validator. Trained
/// decoders, bounds, white-box attack and noise are not included, since whether they run depends on the results.
package struct AssessmentForecast: Sendable, Hashable {
    package let cuts: Int
    /// Decoders and learning curves, at all cuts.
    package let decoderSeconds: Double
    /// Channel KL, if no cut is within the gates; 0 if it is not measured.
    package let channelSeconds: Double

    package var seconds: Double { decoderSeconds + channelSeconds }

    /// - Parameter perCut: Seconds of one thread for the decoders of one cut.
    init(_ context: StageContext, secondsPerCut perCut: Double) throws(AssessmentError) {
        cuts = context.cuts.count
        decoderSeconds = perCut * Double(cuts) / Double(min(context.threads, DecoderStage.maximumThreads))
        guard context.configuration.adversary != .informed else {
            channelSeconds = 0
            return
        }
        let clock = ContinuousClock()
        let judge = try ChannelJudge(context.validator)
        let images = try Self.images()
        let layout = MapLayout.planes(channels: images.shape[1], height: images.shape[2], width: images.shape[3])
        _ = try judge.minima(over: [images], layouts: [layout], candidates: []) {}
        let start = clock.now
        _ = try judge.minima(over: [images], layouts: [layout], candidates: []) {}
        let view = (clock.now - start) / .seconds(1) / Double(images.shape[1])
        channelSeconds = view * Double(ChannelStage.leastImages(context)) / Double(context.threads)
    }

    /// Four IR images that are not constant.
    private static func images() throws(AssessmentError) -> Tensor {
        do throws(TensorError) {
            return try Tensor((0..<16).map { Float($0 % 3) }, shape: [1, 4, 2, 2])
        } catch { throw AssessmentError(.shapeMismatch, error.message) }
    }
}
