// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
package import Tensors

/// Records one cut's features, image by image, in any order and from any thread.
package final class FeatureRecorder: Sendable {
    private let layout: FeatureLayout
    private let scratch: ScratchSpace
    /// `nil` if no boundary tensor is a feature map.
    private let maps: RecordStore<Float>?
    private let vectors: RecordStore<Float>

    /// - Parameter types: Types of the boundary tensors.
    package init(
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

    /// - Parameter tensors: The boundary tensors as the attacker sees them, with any noise already added.
    package func record(_ tensors: [Tensor], of picture: Int) throws(AssessmentError) {
        let features = try layout.features(of: tensors)
        try maps?.write(features.map, at: picture)
        try vectors.write(features.vector, at: picture)
    }

    /// The recorded features. Called after all images were recorded.
    ///
    /// - Parameter withRoots: Whether ``CutFeatures/roots`` are computed.
    package func features(withRoots: Bool) throws(AssessmentError) -> CutFeatures {
        var (gram, roots) = GramMatrix.of(vectors, withRoots: withRoots)
        try vectors.check()
        guard let maps, let grid = layout.grid else { return CutFeatures(maps: nil, gram: gram, roots: roots) }
        let features = FeatureMaps(
            height: grid.height, width: grid.width, channels: layout.channels, records: maps, scratch: scratch)
        let ofMaps = features.gram(withRoots: withRoots)
        gram.add(ofMaps.gram)
        if let more = ofMaps.roots { roots?.add(more) }
        try features.check()
        return CutFeatures(maps: features, gram: gram, roots: roots)
    }
}
