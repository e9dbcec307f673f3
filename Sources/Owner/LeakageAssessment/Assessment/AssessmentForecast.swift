// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

/// An estimate of an assessment's duration. Trained decoders, bounds, white-box attack and noise are not included, since
/// whether they run depends on the results, nor is it known which results the work folder has.
package struct AssessmentForecast: Sendable, Hashable {
    package enum Basis: Sendable, Hashable {
        /// The planned arithmetic, at the speed of one matrix product and of one image in each network. Known before any
        /// attack; right to a factor of about three.
        case plannedWork
        /// The time of the first cut, and of one image in the validator.
        case firstCut
    }

    package let basis: Basis
    package let cuts: Int
    /// The images in model and validator, before the first cut; 0 once that is done.
    package let networkSeconds: Double
    /// Decoders and learning curves, at all cuts.
    package let decoderSeconds: Double
    /// Channel KL, if no cut is within the gates; 0 if it is not measured.
    package let channelSeconds: Double

    package var seconds: Double { networkSeconds + decoderSeconds + channelSeconds }

    /// A forecast before the first attack.
    init(_ context: StageContext) throws(AssessmentError) {
        basis = .plannedWork
        cuts = context.cuts.count
        let probe = try CutProbe(everythingIn: context.model)
        let input = try context.pictures.tensor(of: 0)
        let pass = try Self.fastest { () throws(AssessmentError) in _ = try probe.crossing(of: input) }
        let view = try Self.viewSeconds(context)
        // The model runs three times for the mapping unit and once for each group of cuts; the validator for the second
        // view and for the truths.
        let passes = Double(5 * context.decoded) * pass
        let views = Double(2 * context.decoded + context.channelPictures.count) * view
        networkSeconds = (passes + views) / Double(context.threads)
        let work = context.cuts.reduce(0) { $0 + Self.multiplyAdds(of: $1, context) }
        decoderSeconds =
            work * (try Self.secondsPerMultiplyAdd())
            / Double(min(context.threads, DecoderStage.maximumThreads, cuts))
        channelSeconds = Self.channelSeconds(context, view: view)
    }

    /// - Parameter perCut: Seconds of one thread for the decoders of one cut.
    init(_ context: StageContext, secondsPerCut perCut: Double) throws(AssessmentError) {
        basis = .firstCut
        cuts = context.cuts.count
        networkSeconds = 0
        decoderSeconds = perCut * Double(cuts) / Double(min(context.threads, DecoderStage.maximumThreads, cuts))
        channelSeconds = Self.channelSeconds(
            context, view: context.configuration.adversary == .informed ? 0 : try Self.viewSeconds(context))
    }

    private static func channelSeconds(_ context: StageContext, view: Double) -> Double {
        guard context.configuration.adversary != .informed else { return 0 }
        return view * Double(ChannelStage.leastImages(context)) / Double(context.threads)
    }

    /// Multiply-adds of the decoders and learning curves of one cut, in the units of ``secondsPerMultiplyAdd()``. The
    /// constants were fitted to the times of the demo's cuts with 24 to 120 images.
    private static func multiplyAdds(of cut: Cut, _ context: StageContext) -> Double {
        let form = context.model.preprocessing
        let layout = FeatureLayout(
            crossing: cut.crossing, of: context.model.graph, picture: (height: form.height, width: form.width),
            seed: context.seed)
        let images = Double(context.decoded)
        let elements = Double(layout.elements(crossing: cut.crossing.map(context.model.graph.type(of:))))
        // Inner products of features and of their roots; eigenvectors for each kernel, fold and part of the images.
        let kernels = images * images * elements + 1200 * images * images * images
        guard let grid = layout.grid else {
            // A perceptron's weights, each of which learns from each image in many epochs.
            return kernels + 20_000 * images * Double(PerceptronNetwork.width) * (2 * images + 128)
        }
        let features = Double(9 * min(layout.channels, LocalRidge.maximumChannels) + RandomFeatures.units + 1)
        let positions = min(
            images * Double(grid.height * grid.width),
            Double(LocalRidge.fittingPositions + LocalRidge.validationPositions))
        // The normal equations, and their solution for each penalty.
        return kernels + positions * features * features + 12 * features * features * features
    }

    private static func secondsPerMultiplyAdd() throws(AssessmentError) -> Double {
        let side = 384
        let matrix = [Double](repeating: 0.5, count: side * side)
        MatrixProduct.setThreads(1)
        return try fastest { () throws(AssessmentError) in
            _ = MatrixProduct.multiply(matrix, matrix, rows: side, inner: side, columns: side)
        } / Double(side * side * side)
    }

    /// Seconds of one thread for one IR image in the validator.
    private static func viewSeconds(_ context: StageContext) throws(AssessmentError) -> Double {
        let judge = try ChannelJudge(context.validator)
        let images = try images()
        let layout = MapLayout.planes(channels: images.shape[1], height: images.shape[2], width: images.shape[3])
        return try fastest { () throws(AssessmentError) in
            _ = try judge.minima(over: [images], layouts: [layout], candidates: []) {}
        } / Double(images.shape[1])
    }

    /// Seconds of the faster of two runs: the first one warms up.
    private static func fastest(_ body: () throws(AssessmentError) -> Void) throws(AssessmentError) -> Double {
        var least = Double.infinity
        for _ in 0..<2 {
            let start = ContinuousClock.now
            try body()
            least = min(least, (ContinuousClock.now - start) / .seconds(1))
        }
        return least
    }

    /// Four IR images that are not constant.
    private static func images() throws(AssessmentError) -> Tensor {
        do throws(TensorError) {
            return try Tensor((0..<16).map { Float($0 % 3) }, shape: [1, 4, 2, 2])
        } catch { throw AssessmentError(.shapeMismatch, error.message) }
    }
}
