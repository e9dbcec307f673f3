// SPDX-License-Identifier: Apache-2.0
/// Reads the chunks of a PNG file.
///
/// - Source: W3C Portable Network Graphics, third edition, sections 5 and 11.
enum PNGHeader {
    /// - Throws: ``ImagingError`` `.corrupt` when the first chunk is no valid image header.
    static func read(_ file: BigEndianBytes) throws(ImagingError) -> PictureHeader {
        guard file.u32(at: 8) == 13, type(at: 8, in: file) == "IHDR", let width = file.u32(at: 16),
            let height = file.u32(at: 20), let colour = file.u8(at: 25)
        else { throw ImagingError(.corrupt, "PNG: the file does not start with an image header") }
        guard width <= Int32.max, height <= Int32.max, [0, 2, 3, 4, 6].contains(colour) else {
            throw ImagingError(.corrupt, "PNG: the image header is invalid")
        }
        var header = PictureHeader(
            width: Int(width), height: Int(height), channels: [1, 1, 3, 3, 2, 2, 4][Int(colour)])
        var sawData = false
        var offset = 8
        while let length = file.u32(at: offset).map(Int.init), let content = file.part(at: offset + 8, count: length) {
            switch type(at: offset, in: file) {
            case "IDAT": sawData = true
            // Transparency adds a channel, unless it comes after the image data or there is an alpha channel already.
            case "tRNS" where !sawData && colour < 4: header.channels = colour == 0 ? 2 : 4
            case "eXIf": header.orientation = Orientation(exif: content)
            default: break
            }
            // Length, type and checksum take 12 bytes.
            offset += length + 12
        }
        return header
    }

    private static func type(at offset: Int, in file: BigEndianBytes) -> String? {
        file.u32(at: offset + 4).map { type in
            String(decoding: withUnsafeBytes(of: type.bigEndian, Array.init), as: UTF8.self)
        }
    }
}
