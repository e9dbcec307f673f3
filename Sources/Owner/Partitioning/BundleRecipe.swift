// SPDX-License-Identifier: Apache-2.0
package import BundleFormat
package import ModelGraph
import SealedChannel
package import Tensors

/// The inputs of a bundle, except the keys.
package struct BundleRecipe: Sendable {
    package var modelName: String
    package var graph: Graph
    /// The last layer of the FrontNet.
    package var front: String
    /// The last layer before the mapping unit; equal to `front` for everything inside.
    package var mapping: String
    /// One name per class, in the order of the model's output.
    package var classNames: [String]
    package var preprocessing: Preprocessing
    /// Number of entries in an answer; `nil` for 20, or for all classes if there are fewer.
    package var topK: Int?
    package var assessment: BundleManifest.Assessment
    /// The precision of the whole network.
    package var precision: PrecisionTable
    package var accuracy: BundleManifest.Accuracy?
    /// Standard deviation of the noise on the boundary; `nil` for none.
    package var sigma: NoiseDeviation?
    /// Whether clients may send the normalised f32 tensor beside u8 pixels.
    package var acceptsFloats: Bool
    /// The format to which the graph's weights were rounded; `nil` if they were not.
    package var storedWeights: StoredWeights?
    /// What the model's output is, for the manifest. The graph itself decides whether softmax is applied:
    /// ``Graph/reading(_:)``.
    package var scores: ScoreKind

    package init(
        modelName: String, graph: Graph, front: String, mapping: String, classNames: [String],
        preprocessing: Preprocessing, topK: Int? = nil, assessment: BundleManifest.Assessment = .none,
        precision: PrecisionTable = .float32, accuracy: BundleManifest.Accuracy? = nil,
        sigma: NoiseDeviation? = nil, acceptsFloats: Bool = false, storedWeights: StoredWeights? = nil,
        scores: ScoreKind? = nil
    ) {
        self.scores = scores ?? graph.scoreKind
        self.storedWeights = storedWeights
        self.acceptsFloats = acceptsFloats
        self.modelName = modelName
        self.graph = graph
        self.front = front
        self.mapping = mapping
        self.classNames = classNames
        self.preprocessing = preprocessing
        self.topK = topK
        self.assessment = assessment
        self.precision = precision
        self.accuracy = accuracy
        self.sigma = sigma
    }

    private static let defaultTopK = 20

    /// Cuts the graph in three, with the weights as the parts store them.
    package func partitioned() throws(PartitioningError) -> (
        partition: TernaryPartition, front: FrontNetPart, mapping: MappingUnitPart
    ) {
        do throws(GraphError) {
            let graph = storedWeights == .integer8 ? try graph.storingIntegers() : graph
            let partition = try graph.partitioned(
                front: try graph.cut(named: front), mapping: try graph.cut(named: mapping))
            for (what, name) in [
                ("model", modelName), ("input", graph.inputs[0].name), ("layer", front), ("layer", mapping),
            ] where !BundleManifest.isPlain(name) {
                throw GraphError(
                    .invalidGraph,
                    "the name of the \(what) '\(name.prefix(80))' is over 4096 bytes or has control characters, which "
                        + "manifest.json may not have: rename it")
            }
            let shape = graph.inputs[0].type.shape
            let expected = [1, preprocessing.channels.count, preprocessing.height, preprocessing.width]
            guard shape.dimensions == expected else {
                throw GraphError(
                    .invalidGraph,
                    "the preprocessing makes a tensor \(expected), the model takes \(shape.dimensions): give the right --preprocess"
                )
            }
            let frontPart = try FrontNetPart(
                graph: partition.front, normalization: preprocessing.normalization,
                boundaryCount: partition.backInputs.count, acceptsFloats: acceptsFloats, precision: precision,
                sigma: sigma)
            guard topK.map({ $0 <= AnswerLayout.maximumClassCount }) ?? true else {
                throw GraphError(.invalidGraph, "an answer lists at most \(AnswerLayout.maximumClassCount) classes")
            }
            let mappingPart = try MappingUnitPart(
                graph: partition.mapping, appliesSoftmax: self.graph.scoreKind == .logits, classNames: classNames,
                topK: topK ?? min(Self.defaultTopK, classNames.count), precision: precision)
            return (partition, frontPart, mappingPart)
        } catch { throw PartitioningError(.invalidModel, error.message) }
    }
}
