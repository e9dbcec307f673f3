// SPDX-License-Identifier: Apache-2.0
import Foundation
import Imaging
import LeakageAssessment
import ModelGraph
import Tensors
import TestSupport
import Testing

/// A real model with its validator and pictures, and the results of attacks on its boundary tensors, unchanged or
/// changed.
enum RealModel: String, Sendable, CaseIterable, CustomTestStringConvertible {
    case demo = "demo model"
    case squeezeNet = "squeezenet-1.1"

    /// The models whose files exist.
    static let available = SharedFiles.isPresent ? allCases : [.demo]

    var testDescription: String { rawValue }

    /// Shallow, with few channels: cheap to judge and to decode.
    var shallowCut: String { self == .demo ? "stem.pool" : "convrelu_1_relu" }
    /// From shallow to deep.
    var cuts: [String] {
        self == .demo
            ? ["stem.pool", "stage1.pool", "stage2.pool", "stage3.pool", "neck.relu", "neck.flatten"]
            : ["convrelu_1_relu", "convrelu_7_relu", "convrelu_13_relu", "convrelu_22_relu"]
    }

    var folder: String { self == .demo ? NetworkFiles.demo + "/pictures" : SharedFiles.path("images/imagenet") }

    func network() throws -> AssessmentConfiguration.Network {
        try self == .demo ? NetworkFiles.demo("classifier") : NetworkFiles.shared("squeezenet-1.1")
    }

    func validator() throws -> AssessmentConfiguration.Network {
        try self == .demo ? NetworkFiles.demo("validator") : NetworkFiles.shared("mobilenet-v2-1.0")
    }
}

/// The first pictures of a real model's folder, by name, with their boundary tensors at one position of the model.
struct CrossedPictures: Sendable {
    static let seed: UInt64 = 1

    let model: AssessmentConfiguration.Network
    let validator: AssessmentConfiguration.Network
    /// As the validator takes them.
    let judged: [Tensor]
    /// One tensor per picture.
    let crossing: [Tensor]
    let layout: FeatureLayout
    /// At the size of reconstructions.
    let targets: [Picture]
    let split: PictureSplit

    /// - Parameter cut: `nil` for the model's input itself.
    init(_ real: RealModel, cut: String?, count: Int) throws {
        let (network, judge) = (try real.network(), try real.validator())
        let (form, graph) = (network.preprocessing, network.graph)
        let position = try cut.map { try graph.cut(named: $0) }
        let probe = try position.map { try CutProbe(network, cuts: [$0]) }
        let layout = FeatureLayout(
            crossing: position?.crossing ?? [graph.inputs[0].name], of: graph,
            picture: (height: form.height, width: form.width), seed: Self.seed)
        let preprocessors = (model: Preprocessor(form), validator: Preprocessor(judge.preprocessing))
        var (judged, crossing, targets): ([Tensor], [Tensor], [Picture]) = ([], [], [])
        for path in try ImageFolder(real.folder).paths.prefix(count) {
            let bytes = try Image.bytes(ofFile: path)
            let image = try Image(decoding: bytes.span.bytes)
            let (fitted, input) = (try preprocessors.model.fitted(image), try preprocessors.model.tensor(of: image))
            judged.append(try preprocessors.validator.tensor(of: image))
            crossing.append(try probe?.crossing(of: input)[0][0] ?? input)
            let picture = Picture(
                height: fitted.height, width: fitted.width, channels: fitted.channels,
                values: fitted.pixels.map { Float($0) / 255 })
            targets.append(
                picture.averaged(
                    over: layout.region, height: layout.reconstruction.height, width: layout.reconstruction.width))
        }
        (model, validator, self.layout) = (network, judge, layout)
        (self.judged, self.crossing, self.targets) = (judged, crossing, targets)
        split = PictureSplit(count: targets.count, seed: Self.seed)
    }

    private init(_ other: CrossedPictures, crossing: [Tensor]) {
        (model, validator, judged, layout) = (other.model, other.validator, other.judged, other.layout)
        (targets, split, self.crossing) = (other.targets, other.split, crossing)
    }

    /// The same pictures with other boundary tensors.
    func replacing(_ body: (_ picture: Int, _ tensor: Tensor) throws -> Tensor) rethrows -> CrossedPictures {
        CrossedPictures(self, crossing: try crossing.enumerated().map { try body($0.offset, $0.element) })
    }

    /// Element `order[i]` of each channel, or channel, moved to place i.
    func moved(channels: [Int]? = nil, pixels: [Int]? = nil) throws -> CrossedPictures {
        try replacing { _, tensor in
            let (values, shape) = (try tensor.floats(), tensor.type.shape.dimensions)
            let area = shape[2] * shape[3]
            return try Tensor(
                values.indices.map { index in
                    let (channel, pixel) = index.quotientAndRemainder(dividingBy: area)
                    return values[(channels?[channel] ?? channel) * area + (pixels?[pixel] ?? pixel)]
                }, shape: shape)
        }
    }

    func features() throws -> CutFeatures {
        guard let grid = layout.grid else { throw NoMap() }
        let maps = try FeatureMaps(
            height: grid.height, width: grid.width, channels: layout.channels,
            values: crossing.map { try layout.features(of: [$0]).map })
        return CutFeatures(maps: maps, gram: maps.gram)
    }

    struct NoMap: Error {}

    struct Attack {
        let decoder: DecoderAttack.Outcome
        let judgement: ReconstructionJudge.Judgement
        let joint: JointLeakage
        let mapping: MappingLeakage

        func rSquared(_ kind: DecoderScores.Kind) -> Double? {
            decoder.scores.trials.first { $0.kind == kind }?.rSquared
        }
    }

    /// The results of an informed adversary.
    func attack() throws -> Attack {
        let features = try features()
        let outcome = try DecoderAttack.run(on: features, targets: targets, split: split, seed: Self.seed)
        let tests = split.testing.map { targets[$0] }
        // Labels that do not follow from the boundary tensors; there are two of them, so that few pictures are enough.
        let luminance = targets.map { Statistics.mean($0.values.map(Double.init)) }
        let middle = Statistics.median(luminance)
        let classes = luminance.map { $0 > middle ? 1 : 0 }
        return Attack(
            decoder: outcome,
            judgement: try ReconstructionJudge(validator).judge(
                outcome.reconstructions, of: tests, mean: outcome.meanPicture),
            joint: JointLeakage(
                gram: features.gram, pictures: GramMatrix.of(targets.map(\.values)), classes: classes, seed: Self.seed),
            mapping: MappingLeakage(gram: features.gram, classes: classes, split: split, seed: Self.seed))
    }

    /// What the paper's adversary gets from the first pictures.
    func channelKL(_ count: Int) throws -> ChannelKL {
        let (judge, classifier) = (try ChannelJudge(validator), try Classifier(validator))
        let truths = try judged.prefix(count).map { try classifier.distribution(of: $0) }
        // Against the picture itself and the others before it.
        let minima = try truths.indices.map { picture in
            let candidates = truths.indices.map { truths[(picture + truths.count - $0) % truths.count] }
            return try judge.minima(
                over: [crossing[picture]], layouts: layout.layouts, candidates: candidates, judged: {})
        }
        let divergences = minima.indices.map { picture in
            minima.indices.map { minima[(picture + $0) % minima.count].divergences[$0] }
        }
        return try ChannelKL(
            divergences: divergences, baseline: truths.map(KullbackLeibler.uniformBaseline),
            closestChannel: minima.map(\.closestChannel))
    }
}
