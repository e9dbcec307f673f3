// SPDX-License-Identifier: Apache-2.0
internal import FoundationEssentials
internal import Imaging

/// An image in a stored result.
struct StoredImage: Codable, Sendable {
    private let width: Int
    private let height: Int
    private let channels: Int
    private let pixels: Data

    init(_ image: Image) {
        (width, height, channels) = (image.width, image.height, image.channels)
        pixels = Data(image.pixels)
    }

    /// - Throws: ``AssessmentError`` `.shapeMismatch` for extents that no image has.
    func image() throws(AssessmentError) -> Image {
        do throws(ImagingError) {
            return try Image(width: width, height: height, channels: channels, pixels: Array(pixels))
        } catch { throw AssessmentError(.shapeMismatch, error.message) }
    }
}
