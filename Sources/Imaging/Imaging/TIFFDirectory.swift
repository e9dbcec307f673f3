// SPDX-License-Identifier: Apache-2.0
import CImageCodecs

/// The first directory of a TIFF file, and its blocks of data.
struct TIFFDirectory {
    enum Tag: UInt16 {
        case width = 256
        case height = 257
        case bitsPerSample = 258
        case compression = 259
        case photometric = 262
        case stripOffsets = 273
        case samplesPerPixel = 277
        case rowsPerStrip = 278
        case stripByteCounts = 279
        case planar = 284
        case predictor = 317
        case colourMap = 320
        case tileWidth = 322
        case tileHeight = 323
        case tileOffsets = 324
        case tileByteCounts = 325
        case extraSamples = 338
        case sampleFormat = 339
    }

    private struct Entry {
        /// Bytes of a value: 1, 2 or 4.
        let size: Int
        let count: Int
        let offset: Int
    }

    let isLittle: Bool
    private let file: BigEndianBytes
    private var entries: [Tag: Entry] = [:]
    /// Offset of the directory in the file.
    private let start: Int

    /// - Throws: ``ImagingError`` `.corrupt`.
    init(_ file: BigEndianBytes) throws(ImagingError) {
        self.file = file
        let isLittle = file.u8(at: 0) == UInt8(ascii: "I")
        self.isLittle = isLittle
        guard let start = file.u32(at: 4).map({ Int(isLittle ? $0.byteSwapped : $0) }) else { throw Self.cutShort }
        self.start = start
        guard let count = short(start) else { throw Self.cutShort }
        for index in 0..<count {
            let offset = start + 2 + 12 * index
            guard let tag = short(offset), let type = short(offset + 2), let values = long(offset + 4) else {
                throw Self.cutShort
            }
            // Bytes, shorts and longs.
            guard let tag = Tag(rawValue: UInt16(tag)), let size = [1: 1, 3: 2, 4: 4][type], entries[tag] == nil
            else { continue }
            // Values of up to four bytes are in the entry itself.
            let place = size * values <= 4 ? offset + 8 : long(offset + 8)
            guard let place, place <= file.count - size * values else { throw Self.cutShort }
            entries[tag] = Entry(size: size, count: values, offset: place)
        }
        switch number(.compression) ?? 1 {
        case 1, 5, 8, 32773, 32946: break
        case 7: throw Self.rare("JPEG data")
        case let other: throw Self.rare("compression \(other)")
        }
        let predictor = number(.predictor) ?? 1
        guard (1...2).contains(predictor) else { throw Self.rare("predictor \(predictor)") }
    }

    /// A value of a tag; `nil` if there is none.
    func number(_ tag: Tag, _ index: Int = 0) -> Int? {
        guard let entry = entries[tag], index < entry.count else { return nil }
        let place = entry.offset + index * entry.size
        return switch entry.size {
        case 1: file.u8(at: place).map(Int.init)
        case 2: short(place)
        default: long(place)
        }
    }

    /// Whether a further picture follows. Smaller versions of this one, and masks, are none.
    var hasFurtherPictures: Bool {
        var place = start
        // The chain of directories of a damaged file may be a circle.
        for _ in 0..<16 {
            guard let count = short(place), let next = long(place + 2 + 12 * count), ![0, start].contains(next),
                let entries = short(next)
            else { return false }
            let kind = (0..<entries).map { next + 2 + 12 * $0 }.first { short($0) == 254 }.flatMap { long($0 + 8) }
            if (kind ?? 0) & 0b101 == 0 { return true }
            place = next
        }
        return false
    }

    /// The colours of all indices: red, green, blue each.
    func palette(bits: Int) throws(ImagingError) -> [UInt8] {
        let count = 1 << bits
        var colours: [UInt8] = []
        for index in 0..<count {
            for channel in 0..<3 {
                guard let value = number(.colourMap, channel * count + index) else {
                    throw ImagingError(.corrupt, "TIFF: a palette of fewer than \(count) colours")
                }
                colours.append(UInt8(truncatingIfNeeded: value >> 8))
            }
        }
        return colours
    }

    /// The decompressed bytes of a strip or tile.
    func block(
        _ index: Int, stored: (offsets: Tag, byteCounts: Tag), byteCount: Int
    ) throws(ImagingError) -> [UInt8] {
        guard let offset = number(stored.offsets, index),
            let count = number(stored.byteCounts, index) ?? (index == 0 ? file.count - offset : nil),
            let data = file.part(at: offset, count: count)
        else { throw Self.cutShort }
        switch number(.compression) ?? 1 {
        case 5: return try TIFFCodes.unpackedLZW(data, byteCount: byteCount)
        case 32773: return try TIFFCodes.unpackedRuns(data, byteCount: byteCount)
        case 8, 32946:
            // Deflate expands a byte to at most 1,032 bytes.
            guard byteCount <= 1032 * (data.count + 1) else { throw Self.cutShort }
            var bytes = [UInt8](repeating: 0, count: byteCount)
            try CodecMessage.check("TIFF") { message in
                bytes.withUnsafeMutableBufferPointer { target in
                    data.withBytes { source in
                        icc_inflate(source.baseAddress, source.count, target.baseAddress, target.count, message)
                    }
                }
            }
            return bytes
        default:
            guard let part = data.part(at: 0, count: byteCount) else { throw Self.cutShort }
            return part.withBytes { Array($0) }
        }
    }

    private func short(_ offset: Int) -> Int? {
        file.u16(at: offset).map { Int(isLittle ? $0.byteSwapped : $0) }
    }

    private func long(_ offset: Int) -> Int? {
        file.u32(at: offset).map { Int(isLittle ? $0.byteSwapped : $0) }
    }

    static var cutShort: ImagingError { ImagingError(.corrupt, "TIFF: the file is cut short") }

    static func rare(_ what: String) -> ImagingError {
        ImagingError(
            .unsupportedFormat, "a TIFF picture with \(what): convert it with `convert FILE picture.png`")
    }
}

/// Compressions without a library.
enum TIFFCodes {
    /// Runs of equal bytes, and bytes as they are (PackBits).
    static func unpackedRuns(_ data: BigEndianBytes, byteCount: Int) throws(ImagingError) -> [UInt8] {
        var result: [UInt8] = []
        var place = 0
        while result.count < byteCount {
            guard let control = data.u8(at: place), let first = data.u8(at: place + 1) else {
                throw TIFFDirectory.cutShort
            }
            place += 1
            switch Int8(bitPattern: control) {
            case -128: break
            case let length where length < 0:
                result.append(contentsOf: repeatElement(first, count: 1 - Int(length)))
                place += 1
            case let length:
                guard let bytes = data.part(at: place, count: Int(length) + 1) else { throw TIFFDirectory.cutShort }
                bytes.withBytes { result.append(contentsOf: $0) }
                place += Int(length) + 1
            }
        }
        result.removeLast(result.count - byteCount)
        return result
    }

    /// Codes of 9 to 12 bits, the highest bit first, for strings that occurred before (Lempel, Ziv and Welch).
    static func unpackedLZW(_ data: BigEndianBytes, byteCount: Int) throws(ImagingError) -> [UInt8] {
        let (clear, end, maximumCodes) = (256, 257, 4096)
        // The string of a code is where it occurred first in the result, and its length.
        var strings = [(start: Int, count: Int)](repeating: (0, 0), count: maximumCodes)
        var result: [UInt8] = []
        var (next, width) = (end + 1, 9)
        var previous: (start: Int, count: Int)?
        var (held, heldBits, place) = (0, 0, 0)
        while result.count < byteCount {
            while heldBits < width {
                guard let byte = data.u8(at: place) else { throw TIFFDirectory.cutShort }
                held = (held << 8 | Int(byte)) & 0xFF_FFFF
                heldBits += 8
                place += 1
            }
            let code = held >> (heldBits - width) & (1 << width - 1)
            heldBits -= width
            if code == clear {
                (next, width, previous) = (end + 1, 9, nil)
                continue
            }
            guard code != end, code < next || code == next && previous != nil else {
                throw ImagingError(.corrupt, "TIFF: code \(code) of \(next)")
            }
            let start = result.count
            if let previous, next < maximumCodes {
                // The previous string and the first byte of this one, which follows it.
                strings[next] = (previous.start, previous.count + 1)
                next += 1
                // Widths grow one code early.
                if next + 1 == 1 << width, width < 12 { width += 1 }
            }
            if code < clear {
                result.append(UInt8(code))
            } else {
                let string = strings[code]
                for index in string.start..<string.start + string.count { result.append(result[index]) }
            }
            previous = (start, result.count - start)
        }
        result.removeLast(result.count - byteCount)
        return result
    }
}
