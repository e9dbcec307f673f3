// SPDX-License-Identifier: Apache-2.0
/// The properties of an image file that are needed before memory is allocated for its pixels.
struct PictureHeader {
    var width: Int
    var height: Int
    /// Channels that the decoder writes, before alpha is composed or CMYK is converted.
    var channels: Int
    var orientation = Orientation.upright
    /// Whether the decoder can scale the picture down without holding all of it.
    var isScalable = false
}

/// The supported image formats.
enum PictureFormat: String {
    case jpeg = "JPEG"
    case png = "PNG"
    case webp = "WebP"

    /// The format that the first bytes show; the file name does not count.
    init?(of file: BigEndianBytes) {
        if file.starts(with: [0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if file.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = .png
        } else if file.starts(with: Array("RIFF".utf8)), file.starts(with: Array("WEBP".utf8), at: 8) {
            self = .webp
        } else {
            return nil
        }
    }

    /// - Throws: ``ImagingError`` when the header is damaged or of an unsupported kind.
    func header(of file: BigEndianBytes) throws(ImagingError) -> PictureHeader {
        switch self {
        case .jpeg: try JPEGHeader(file).picture
        case .png: try PNGHeader.read(file)
        case .webp: try WebPHeader.read(file)
        }
    }
}
