// SPDX-License-Identifier: Apache-2.0
internal import Tensors

/// Numbers of pixels of the image and of its thumbnail in the bounds.
struct Extents: Sendable {
    /// Pixels along a side of the thumbnail.
    static let thumbnailSide = 14

    let channels: Int
    let height: Int
    let width: Int

    init(_ network: AssessmentConfiguration.Network) {
        let form = network.preprocessing
        (channels, height, width) = (form.channels.count, form.height, form.width)
    }

    /// Elements of the image: the d of the bounds.
    var pixels: Int { channels * height * width }

    /// Side length of the blocks that become one pixel of the thumbnail.
    var blockSide: Int { max(1, max(height, width) / Self.thumbnailSide) }

    /// Elements of the thumbnail, over all channels.
    var thumbnailPixels: Int {
        let side = blockSide
        return channels * ((height + side - 1) / side) * ((width + side - 1) / side)
    }
}
