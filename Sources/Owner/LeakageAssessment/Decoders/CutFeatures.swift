/// The features of all pictures at one cut.
package struct CutFeatures: Sendable {
    /// `nil` when nothing that crosses is a map.
    package let maps: FeatureMaps?
    /// Inner products of everything that crosses, pictures with pictures.
    package let gram: SymmetricMatrix

    package init(maps: FeatureMaps?, gram: SymmetricMatrix) {
        self.maps = maps
        self.gram = gram
    }

    package init(layout: FeatureLayout, pictures: [FeatureLayout.Features]) {
        var gram = GramMatrix.of(pictures.map(\.vector))
        if let grid = layout.grid {
            let values = pictures.map(\.map)
            maps = FeatureMaps(height: grid.height, width: grid.width, channels: layout.channels, values: values)
            gram.add(GramMatrix.of(values))
        } else {
            maps = nil
        }
        self.gram = gram
    }
}
