// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

/// Records one cut's features, image by image, in any order and from any thread.
final class FeatureRecorder: Sendable {
    private let layout: FeatureLayout
    private let scratch: ScratchSpace
    /// `nil` if no boundary tensor is a feature map.
    private let maps: RecordStore<Float>?
    private let vectors: RecordStore<Float>

    /// - Parameter types: Types of the boundary tensors.
    init(
        _ layout: FeatureLayout, crossing types: [TensorType], pictures: Int, scratch: ScratchSpace
    ) throws(AssessmentError) {
        self.layout = layout
        self.scratch = scratch
        let cells = layout.grid.map { $0.height * $0.width } ?? 0
        maps =
            layout.grid == nil
            ? nil : try RecordStore(count: pictures, length: cells * layout.channels, in: scratch)
        vectors = try RecordStore(
            count: pictures, length: layout.elements(crossing: types) - cells * layout.channels, in: scratch)
    }

    func record(_ tensors: [Tensor], of picture: Int) throws(AssessmentError) {
        let features = try layout.features(of: tensors)
        try maps?.write(features.map, at: picture)
        try vectors.write(features.vector, at: picture)
    }

    /// The recorded features. Called after all images were recorded.
    func features() throws(AssessmentError) -> CutFeatures {
        var gram = GramMatrix.of(vectors)
        try vectors.check()
        guard let maps, let grid = layout.grid else { return CutFeatures(maps: nil, gram: gram) }
        let features = FeatureMaps(
            height: grid.height, width: grid.width, channels: layout.channels, records: maps, scratch: scratch)
        gram.add(features.gram)
        try features.check()
        return CutFeatures(maps: features, gram: gram)
    }
}
