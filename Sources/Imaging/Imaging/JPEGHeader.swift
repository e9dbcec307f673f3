// SPDX-License-Identifier: Apache-2.0
/// Reads the segments of a JPEG file.
///
/// The whole file is read, because a file without its end marker has lost part of the image, which the decoder would
/// fill with grey.
///
/// - Source: ITU-T T.81, annex B; Exif 2.32, section 4.7.2 for the application segment; ITU-T T.872, section 6.5.3 for
///   Adobe's.
struct JPEGHeader {
    /// A byte of the file, and what the decoder is given in its place.
    struct Correction {
        let offset: Int
        let value: UInt8
    }

    private(set) var picture: PictureHeader
    /// Fields of no effect that the decoder would warn of. It keeps the text of its first warning only, so that one of
    /// these would hide a warning of lost data.
    private(set) var corrections: [Correction] = []
    /// Whether no restart interval is missing, as far as this is known: only then bytes before the end marker are
    /// padding. Where one is missing, the decoder looks for its marker, and warns of such bytes first.
    private(set) var hasAllIntervals = false

    /// Units of data between two restart markers, 0 for none.
    private var interval = 0
    private var restartMarkers = 0
    private var scans = 0
    private var unitCount = 0
    private var isSequential = false

    /// - Throws: ``ImagingError``: `.corrupt` without a frame, a scan or an end marker, `.unsupportedFormat` for
    ///   samples that do not have 8 bits and for channel counts other than 1, 3 or 4.
    init(_ file: BigEndianBytes) throws(ImagingError) {
        var picture: PictureHeader?
        var orientation: Orientation?
        // Bytes of Adobe's segments whose meaning depends on the number of channels.
        var transforms: [Int] = []
        var hasAllChannels = false
        var offset = 2
        self.picture = PictureHeader(width: 0, height: 0, channels: 0)
        while let (marker, next) = marker(in: file, from: offset) {
            offset = next
            if marker == 0xD9 {
                guard let picture, scans > 0 else { break }
                self.picture = picture
                self.picture.orientation = orientation ?? .upright
                let isOneScan = isSequential && scans == 1 && hasAllChannels
                self.picture.isScalable = isOneScan
                hasAllIntervals =
                    interval == 0 || (isOneScan && restartMarkers == (unitCount + interval - 1) / interval - 1)
                for offset in transforms { correctTransform(in: file, at: offset) }
                return
            }
            guard let length = file.u16(at: offset), length >= 2,
                let segment = file.part(at: offset + 2, count: Int(length) - 2)
            else { break }
            let start = offset + 2
            offset += Int(length)
            switch marker {
            case 0xC0...0xCF where marker != 0xC4 && marker != 0xC8 && marker != 0xCC:
                guard picture == nil else { throw ImagingError(.corrupt, "JPEG: a second frame header") }
                picture = try frame(segment)
                isSequential = marker <= 0xC1
            case 0xE0 where segment.count >= 14 && segment.starts(with: Array("JFIF\0".utf8)):
                if segment.u8(at: 5) != 1 { corrections.append(Correction(offset: start + 5, value: 1)) }
            case 0xE1 where orientation == nil && segment.starts(with: Array("Exif\0\0".utf8)):
                orientation = Orientation(exif: segment)
            case 0xEE where segment.count >= 12 && segment.starts(with: Array("Adobe".utf8)):
                transforms.append(start + 11)
            case 0xDD:
                interval = max(interval, Int(segment.u16(at: 0) ?? 0))
            case 0xDA:
                scans += 1
                hasAllChannels = segment.u8(at: 0).map(Int.init) == picture?.channels
            default:
                break
            }
        }
        throw ImagingError(.corrupt, "JPEG: the file is truncated or damaged (no end marker after \(offset) bytes)")
    }

    /// The next marker that starts a segment or ends the image, and the offset of its content. Compressed data, which
    /// contains `FF 00` and restart markers, is skipped.
    private mutating func marker(in file: BigEndianBytes, from start: Int) -> (UInt8, Int)? {
        var offset = start
        while let byte = file.u8(at: offset), let code = file.u8(at: offset + 1) {
            if byte != 0xFF || code == 0xFF {
                offset += 1
            } else if code <= 0x01 || (0xD0...0xD8).contains(code) {
                if (0xD0...0xD7).contains(code) { restartMarkers += 1 }
                offset += 2
            } else {
                return (code, offset + 2)
            }
        }
        return nil
    }

    private mutating func frame(_ segment: BigEndianBytes) throws(ImagingError) -> PictureHeader {
        guard let precision = segment.u8(at: 0), let height = segment.u16(at: 1), let width = segment.u16(at: 3),
            let channels = segment.u8(at: 5)
        else { throw ImagingError(.corrupt, "JPEG: the frame header is truncated") }
        guard precision == 8 else {
            throw ImagingError(.unsupportedFormat, "JPEG: samples have \(precision) bits, only 8 are supported")
        }
        guard channels == 1 || channels == 3 || channels == 4 else {
            throw ImagingError(.unsupportedFormat, "JPEG: \(channels) channels, expected 1, 3 or 4")
        }
        // A unit has 8 by 8 pixels for each step of the finest channel; of a single channel it is one block.
        let factors = (0..<Int(channels)).map { segment.u8(at: 7 + 3 * $0) ?? 0x11 }
        let (across, down) =
            channels == 1
            ? (8, 8) : (8 * Int(factors.map { $0 >> 4 }.max() ?? 1), 8 * Int(factors.map { $0 & 0xF }.max() ?? 1))
        unitCount = across > 0 && down > 0 ? Self.units(width, across) * Self.units(height, down) : 0
        return PictureHeader(width: Int(width), height: Int(height), channels: Int(channels))
    }

    private static func units(_ side: UInt16, _ size: Int) -> Int { (Int(side) + size - 1) / size }

    /// The decoder takes a transform that it does not know for YCbCr or YCCK, whose codes are 1 and 2.
    private mutating func correctTransform(in file: BigEndianBytes, at offset: Int) {
        let code: UInt8 = picture.channels == 4 ? 2 : 1
        if let transform = file.u8(at: offset), transform != 0, transform != code {
            corrections.append(Correction(offset: offset, value: code))
        }
    }
}
