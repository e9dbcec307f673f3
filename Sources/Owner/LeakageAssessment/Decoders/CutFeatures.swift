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
}
