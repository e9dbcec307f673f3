// SPDX-License-Identifier: Apache-2.0
/// Reads the first frame of a GIF file; transparent pixels become black.
///
/// - Source: CompuServe, Graphics Interchange Format, version 89a.
enum GIFPicture {
    static func begins(_ file: BigEndianBytes) -> Bool {
        file.starts(with: Array("GIF87a".utf8)) || file.starts(with: Array("GIF89a".utf8))
    }

    /// - Throws: ``ImagingError``: `.corrupt`, `.tooLarge`.
    static func image(_ file: BigEndianBytes) throws(ImagingError) -> Image {
        var reader = Reader(file: file, offset: 6)
        let (width, height) = (Int(try reader.u16()), Int(try reader.u16()))
        try Image.check(width: width, height: height)
        let flags = try reader.u8()
        try reader.skip(2)
        let common = try reader.palette(flags)
        var transparent: Int?
        while true {
            switch try reader.u8() {
            case 0x2C:
                var image = try frame(&reader, width, height, common, transparent)
                image.hasFurtherPictures = hasFurtherFrame(after: reader)
                return image
            case 0x21:
                let label = try reader.u8()
                let content = try reader.blocks(maximumBytes: label == 0xF9 ? 255 : nil)
                if label == 0xF9, content.count >= 4 { transparent = content[0] & 1 == 1 ? Int(content[3]) : nil }
            default: throw ImagingError(.corrupt, "GIF: there is no picture in the file")
            }
        }
    }

    /// Whether another frame begins; damage after the first one does not matter.
    private static func hasFurtherFrame(after first: Reader) -> Bool {
        var reader = first
        do throws(ImagingError) {
            while try reader.u8() == 0x21 {
                try reader.skip(1)
                _ = try reader.blocks(maximumBytes: 0)
            }
        } catch { return false }
        return reader.file.u8(at: reader.offset - 1) == 0x2C
    }

    private static func frame(
        _ reader: inout Reader, _ width: Int, _ height: Int, _ common: [[UInt8]]?, _ transparent: Int?
    ) throws(ImagingError) -> Image {
        let (left, top) = (Int(try reader.u16()), Int(try reader.u16()))
        let (columns, rows) = (Int(try reader.u16()), Int(try reader.u16()))
        let flags = try reader.u8()
        guard let colours = try reader.palette(flags) ?? common else {
            throw ImagingError(.corrupt, "GIF: there is no palette")
        }
        guard columns > 0, rows > 0, left + columns <= width, top + rows <= height else {
            throw ImagingError(.corrupt, "GIF: the first frame does not lie in the picture")
        }
        let bits = Int(try reader.u8())
        guard (1...8).contains(bits) else { throw ImagingError(.corrupt, "GIF: codes of \(bits) bits") }
        let indices = try Codes.decoded(try reader.blocks(maximumBytes: nil), bits: bits, count: columns * rows)
        let order = flags & 0x40 == 0 ? Array(0..<rows) : interlaced(rows)
        var pixels = [UInt8](repeating: 0, count: width * height * 3)
        for (line, row) in order.enumerated() {
            for column in 0..<columns {
                let index = Int(indices[line * columns + column])
                guard index != transparent else { continue }
                guard index < colours.count else {
                    throw ImagingError(.corrupt, "GIF: colour \(index) of \(colours.count)")
                }
                let place = 3 * ((top + row) * width + left + column)
                for channel in 0..<3 { pixels[place + channel] = colours[index][channel] }
            }
        }
        return Image(width, height, 3, pixels)
    }

    /// The row order of an interlaced image: every eighth row, then the rows between in three further passes.
    private static func interlaced(_ rows: Int) -> [Int] {
        [(0, 8), (4, 8), (2, 4), (1, 2)].flatMap { start, step in Array(stride(from: start, to: rows, by: step)) }
    }

    private struct Reader {
        let file: BigEndianBytes
        var offset: Int

        mutating func u8() throws(ImagingError) -> UInt8 {
            guard let value = file.u8(at: offset) else { throw Self.cutShort }
            offset += 1
            return value
        }

        mutating func u16() throws(ImagingError) -> UInt16 {
            guard let value = file.littleU16(at: offset) else { throw Self.cutShort }
            offset += 2
            return value
        }

        mutating func skip(_ count: Int) throws(ImagingError) {
            guard count <= file.count - offset else { throw Self.cutShort }
            offset += count
        }

        /// `nil` if the flags say that there is no palette.
        mutating func palette(_ flags: UInt8) throws(ImagingError) -> [[UInt8]]? {
            guard flags & 0x80 != 0 else { return nil }
            var colours: [[UInt8]] = []
            for _ in 0..<(2 << Int(flags & 7)) { colours.append([try u8(), try u8(), try u8()]) }
            return colours
        }

        /// The bytes of a sequence of blocks, which an empty block ends.
        ///
        /// - Parameter maximumBytes: Bytes beyond this number are skipped.
        mutating func blocks(maximumBytes: Int?) throws(ImagingError) -> [UInt8] {
            var bytes: [UInt8] = []
            while true {
                let count = Int(try u8())
                if count == 0 { return bytes }
                let start = offset
                try skip(count)
                if let maximumBytes, bytes.count + count > maximumBytes { continue }
                for place in start..<offset { bytes.append(file.u8(at: place) ?? 0) }
            }
        }

        private static var cutShort: ImagingError { ImagingError(.corrupt, "GIF: the file is cut short") }
    }

    /// LZW decoding: codes of growing width for strings that occurred before (Lempel, Ziv and Welch).
    private enum Codes {
        private static let maximumCodes = 4096

        /// - Parameter count: The number of indices that the image needs; further ones are skipped.
        static func decoded(_ bytes: [UInt8], bits: Int, count: Int) throws(ImagingError) -> [UInt8] {
            let (clear, end) = (1 << bits, 1 << bits + 1)
            // The string of a code is the string of another code plus one index.
            var prefixes = [Int](repeating: 0, count: maximumCodes)
            var lasts = [UInt8](repeating: 0, count: maximumCodes)
            var result: [UInt8] = []
            result.reserveCapacity(count)
            var (next, width, previous) = (end + 1, bits + 1, -1)
            var (held, heldBits, place) = (0, 0, 0)
            var string: [UInt8] = []
            while result.count < count {
                while heldBits < width {
                    guard place < bytes.count else {
                        throw ImagingError(.corrupt, "GIF: \(result.count) of \(count) pixels")
                    }
                    held |= Int(bytes[place]) << heldBits
                    heldBits += 8
                    place += 1
                }
                let code = held & (1 << width - 1)
                held >>= width
                heldBits -= width
                if code == clear {
                    (next, width, previous) = (end + 1, bits + 1, -1)
                    continue
                }
                guard code != end, code < next || (code == next && previous >= 0) else {
                    throw ImagingError(.corrupt, "GIF: code \(code) of \(next)")
                }
                // A code that is just being defined is the previous string plus the first index of that string.
                var walk = code < next ? code : previous
                string.removeAll(keepingCapacity: true)
                while walk >= clear {
                    string.append(lasts[walk])
                    walk = prefixes[walk]
                }
                let first = UInt8(walk)
                result.append(first)
                result.append(contentsOf: string.reversed())
                if code == next { result.append(first) }
                if previous >= 0, next < maximumCodes {
                    (prefixes[next], lasts[next]) = (previous, first)
                    next += 1
                    if next == 1 << width, width < 12 { width += 1 }
                }
                previous = code
            }
            return result
        }
    }
}
