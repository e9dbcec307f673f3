package import Imaging

/// One test picture and what each cut gave away of it.
package struct GalleryRow: Sendable {
    /// What one cut gave away.
    package struct Entry: Sendable {
        /// The IR image whose class distribution is nearest to the picture's, with its divergence in nats; `nil` where the
        /// cut has none or the picture was not among those of the channel KL.
        package let channelImage: (image: Image, channel: Int, divergence: Double)?
        /// By the best decoder.
        package let reconstruction: Image
        /// By the white-box attack; `nil` where it did not run.
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
    /// As the network sees it.
    package let original: Image
    /// One per cut.
    package let entries: [Entry]

    package init(name: String, original: Image, entries: [Entry]) {
        self.name = name
        self.original = original
        self.entries = entries
    }
}
