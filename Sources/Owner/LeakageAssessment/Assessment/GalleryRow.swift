// SPDX-License-Identifier: Apache-2.0
package import Imaging

/// One test image and what each cut reveals of it.
package struct GalleryRow: Sendable {
    /// What one cut reveals.
    package struct Entry: Sendable {
        /// The IR image whose class distribution is nearest to the image's, with the divergence in nats; `nil` where
        /// the cut has no feature maps or the image was not among those of the channel KL.
        package let channelImage: (image: Image, channel: Int, divergence: Double)?
        /// The best decoder's reconstruction.
        package let reconstruction: Image
        /// The white-box attack's reconstruction; `nil` where it did not run.
        package let whiteBox: Image?

        package init(
            channelImage: (image: Image, channel: Int, divergence: Double)?, reconstruction: Image,
            whiteBox: Image? = nil
        ) {
            self.channelImage = channelImage
            self.reconstruction = reconstruction
            self.whiteBox = whiteBox
        }
    }

    /// The file's name.
    package let name: String
    /// The original, as the network sees it.
    package let original: Image
    /// One per cut.
    package let entries: [Entry]

    package init(name: String, original: Image, entries: [Entry]) {
        self.name = name
        self.original = original
        self.entries = entries
    }
}
