// SPDX-License-Identifier: Apache-2.0
/// Reads the segments of a JPEG file.
///
/// The whole file is read, because a file without its end marker has lost part of the image, which the decoder would
/// fill with grey.
///
/// - Source: ITU-T T.81, annex B; Exif 2.32, section 4.7.2 for the application segment.
enum JPEGHeader {
    /// - Throws: ``ImagingError``: `.corrupt` without a frame, a scan or an end marker, `.unsupportedFormat` for
    ///   samples that do not have 8 bits and for channel counts other than 1, 3 or 4.
    static func read(_ file: BigEndianBytes) throws(ImagingError) -> PictureHeader {
        var header: PictureHeader?
        var orientation: Orientation?
        var sawScan = false
        var offset = 2
        while let (marker, next) = marker(in: file, from: offset) {
            offset = next
            if marker == 0xD9 {
                guard var header, sawScan else { break }
                header.orientation = orientation ?? .upright
                return header
            }
            guard let length = file.u16(at: offset), length >= 2,
                let segment = file.part(at: offset + 2, count: Int(length) - 2)
            else { break }
            offset += Int(length)
            switch marker {
            case 0xC0...0xCF where marker != 0xC4 && marker != 0xC8 && marker != 0xCC:
                guard header == nil else { throw ImagingError(.corrupt, "JPEG: a second frame header") }
                header = try frame(segment)
            case 0xE1 where orientation == nil && segment.starts(with: Array("Exif\0\0".utf8)):
                orientation = Orientation(exif: segment)
            case 0xDA:
                sawScan = true
            default:
                break
            }
        }
        throw ImagingError(.corrupt, "JPEG: the file is truncated or damaged (no end marker after \(offset) bytes)")
    }

    /// The next marker that starts a segment or ends the image, and the offset of its content. Compressed data, which
    /// contains `FF 00` and restart markers, is skipped.
    private static func marker(in file: BigEndianBytes, from start: Int) -> (UInt8, Int)? {
        var offset = start
        while let byte = file.u8(at: offset), let code = file.u8(at: offset + 1) {
            if byte != 0xFF || code == 0xFF {
                offset += 1
            } else if code <= 0x01 || (0xD0...0xD8).contains(code) {
                offset += 2
            } else {
                return (code, offset + 2)
            }
        }
        return nil
    }

    private static func frame(_ segment: BigEndianBytes) throws(ImagingError) -> PictureHeader {
        guard let precision = segment.u8(at: 0), let height = segment.u16(at: 1), let width = segment.u16(at: 3),
            let channels = segment.u8(at: 5)
        else { throw ImagingError(.corrupt, "JPEG: the frame header is truncated") }
        guard precision == 8 else {
            throw ImagingError(.unsupportedFormat, "JPEG: samples have \(precision) bits, only 8 are supported")
        }
        guard channels == 1 || channels == 3 || channels == 4 else {
            throw ImagingError(.unsupportedFormat, "JPEG: \(channels) channels, expected 1, 3 or 4")
        }
        return PictureHeader(width: Int(width), height: Int(height), channels: Int(channels))
    }
}
