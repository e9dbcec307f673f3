// SPDX-License-Identifier: Apache-2.0
/// The features of all images at one cut.
package struct CutFeatures: Sendable {
    /// `nil` if no boundary tensor is a feature map.
    package let maps: FeatureMaps?
    /// Inner products of all boundary tensors together, for each pair of images.
    package let gram: SymmetricMatrix
    /// Inner products of their signed square roots sign(x)·√|x|; `nil` where only attacks with
    /// ``Attack/followsDecoders`` run, which do not use them.
    package let roots: SymmetricMatrix?

    package init(maps: FeatureMaps?, gram: SymmetricMatrix, roots: SymmetricMatrix? = nil) {
        self.maps = maps
        self.gram = gram
        self.roots = roots
    }
}
