// SPDX-License-Identifier: Apache-2.0
internal import Imaging
internal import Inference
internal import ModelGraph
internal import Tensors

/// Evaluates reconstructions with the validator. Used by one thread.
package final class ReconstructionJudge {
    /// The validator's measures for one cut's reconstructions.
    package struct Judgement: Sendable, Hashable, Codable {
        package let divergence: DecoderDivergence
        /// Mean over the test images of ``FeatureDistance`` between image and reconstruction; `nil` when the validator
        /// has no layer of feature maps.
        package let featureDistance: Double?
        /// The same between image and mean image: the score of a decoder without information.
        package let featureDistanceOfMean: Double?

        package init(divergence: DecoderDivergence, featureDistance: Double?, featureDistanceOfMean: Double?) {
            self.divergence = divergence
            self.featureDistance = featureDistance
            self.featureDistanceOfMean = featureDistanceOfMean
        }
    }

    /// Number of layers in which distances are computed, spread over the validator's depth.
    static let layers = 4

    private let plan: Plan
    private let scores: ScoreKind
    private let preprocessor: Preprocessor
    /// The layouts of the layers of ``FeatureDistance``.
    private let layouts: [MapLayout]

    package init(_ validator: AssessmentConfiguration.Network) throws(AssessmentError) {
        try validator.check()
        let graph = validator.graph
        let maps = graph.assessableCuts.flatMap(\.crossing).compactMap { name in
            graph.mapLayout(of: name).map { (name: name, layout: $0) }
        }
        let chosen =
            maps.count <= Self.layers
            ? maps : (0..<Self.layers).map { maps[($0 * (maps.count - 1)) / (Self.layers - 1)] }
        layouts = chosen.map(\.layout)
        let observed = try EngineBridge.graph { () throws(GraphError) in
            try Graph(
                name: graph.name, inputs: graph.inputs, outputs: chosen.map(\.name) + graph.outputs, nodes: graph.nodes,
                constants: graph.constants)
        }
        plan = try EngineBridge.compile(observed, name: validator.name)
        scores = graph.scoreKind
        let form = validator.preprocessing
        do throws(TensorError) {
            preprocessor = Preprocessor(
                try Preprocessing(
                    width: form.width, height: form.height, channels: form.channels, resize: .stretch,
                    interpolation: form.interpolation, mean: form.normalization.mean, std: form.normalization.std))
        } catch { throw AssessmentError(.invalidConfiguration, error.message) }
    }

    /// - Parameters:
    ///   - reconstructions: At least two.
    ///   - pictures: The originals at the size of the reconstructions, so that lost resolution does not count.
    ///   - mean: The mean training image.
    package func judge(
        _ reconstructions: [Picture], of pictures: [Picture], mean: Picture
    ) throws(AssessmentError) -> Judgement {
        let ofMean = try view(of: mean).layers
        var (truths, guesses): ([ClassDistribution], [ClassDistribution]) = ([], [])
        var (distances, distancesOfMean): ([Double], [Double]) = ([], [])
        for (reconstruction, picture) in zip(reconstructions, pictures) {
            let (truth, guess) = (try view(of: picture), try view(of: reconstruction))
            truths.append(truth.distribution)
            guesses.append(guess.distribution)
            distances.append(try FeatureDistance.value(truth.layers, guess.layers))
            distancesOfMean.append(try FeatureDistance.value(truth.layers, ofMean))
        }
        return Judgement(
            divergence: try DecoderDivergence(pictures: truths, reconstructions: guesses),
            featureDistance: !layouts.isEmpty ? Statistics.mean(distances) : nil,
            featureDistanceOfMean: !layouts.isEmpty ? Statistics.mean(distancesOfMean) : nil)
    }

    /// The validator's class distribution of a picture.
    func distribution(of picture: Picture) throws(AssessmentError) -> ClassDistribution {
        try view(of: picture).distribution
    }

    private func view(
        of picture: Picture
    ) throws(AssessmentError) -> (distribution: ClassDistribution, layers: [FeatureDistance.Layer]) {
        let image = try picture.image()
        let input: Tensor
        do throws(ImagingError) { input = try preprocessor.tensor(of: image) } catch {
            throw AssessmentError(.shapeMismatch, error.message)
        }
        let outputs = try EngineBridge.run(plan, [input])
        let distribution = try outputs[layouts.count].withElements(as: Float.self) { (values) throws(AssessmentError) in
            try ClassDistribution(values, as: scores)
        }
        let layers = zip(outputs, layouts).map { tensor, layout in
            FeatureDistance.Layer(
                channels: layout.channels, values: tensor.converted.withElements(as: Float.self, layout.planes(of:)))
        }
        return (distribution, layers)
    }
}
