internal import ModelGraph
internal import Tensors

/// Takes one cut's features down, picture by picture, in any order and from any thread.
final class FeatureRecorder: Sendable {
    private let layout: FeatureLayout
    private let scratch: ScratchSpace
    /// `nil` when nothing that crosses is a map.
    private let maps: RecordStore<Float>?
    private let vectors: RecordStore<Float>

    /// - Parameter types: Of what crosses.
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

    /// Once all pictures were recorded.
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
