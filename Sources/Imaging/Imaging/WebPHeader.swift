// SPDX-License-Identifier: Apache-2.0
import CImageCodecs

/// Reads the header of a WebP file.
///
/// - Source: RFC 9649, section 2 (container).
enum WebPHeader {
    /// - Throws: ``ImagingError``: `.corrupt`, or `.unsupportedFormat` for an animation.
    static func read(_ file: BigEndianBytes) throws(ImagingError) -> PictureHeader {
        var found = icc_webp_header()
        try CodecMessage.check("WebP") { message in
            file.withBytes { icc_read_webp_header($0.baseAddress, $0.count, &found, message) }
        }
        guard found.has_animation == 0 else {
            throw ImagingError(.unsupportedFormat, "WebP: the file is an animation; save one frame of it as a picture")
        }
        return PictureHeader(
            width: Int(found.width), height: Int(found.height), channels: found.has_alpha == 0 ? 3 : 4,
            orientation: orientation(in: file))
    }

    private static func orientation(in file: BigEndianBytes) -> Orientation {
        var offset = 12
        while let size = file.u32(at: offset + 4)?.byteSwapped,
            let content = file.part(at: offset + 8, count: Int(size))
        {
            if file.starts(with: Array("EXIF".utf8), at: offset) { return Orientation(exif: content) }
            // Chunks are padded to an even length.
            offset += 8 + Int(size) + Int(size & 1)
        }
        return .upright
    }
}
