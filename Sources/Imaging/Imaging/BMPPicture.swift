// SPDX-License-Identifier: Apache-2.0
/// Reads uncompressed BMP files, as Windows and microscopes write them.
///
/// - Source: Microsoft, Bitmap Storage (BITMAPFILEHEADER, BITMAPCOREHEADER, BITMAPINFOHEADER and its successors).
enum BMPPicture {
    static func begins(_ file: BigEndianBytes) -> Bool {
        guard file.starts(with: Array("BM".utf8)), let size = file.littleU32(at: 14) else { return false }
        return size == 12 || (40...1024).contains(size)
    }

    /// How a pixel encodes its colour.
    private enum Pixels {
        /// An index of `bits` bits into a palette.
        case palette([[UInt8]], bits: Int)
        /// Blue, green, red, then padding up to `bytes` bytes; the last byte is alpha if `hasAlpha`.
        case colours(bytes: Int, hasAlpha: Bool)

        var bits: Int {
            switch self {
            case .palette(_, let bits): bits
            case .colours(let bytes, _): 8 * bytes
            }
        }
    }

    /// - Throws: ``ImagingError``: `.unsupportedFormat` for compressed files and rare bit depths, `.corrupt`,
    ///   `.tooLarge`.
    static func image(_ file: BigEndianBytes) throws(ImagingError) -> Image {
        guard let start = file.littleU32(at: 10).map(Int.init), let headerBytes = file.littleU32(at: 14).map(Int.init)
        else { throw cutShort }
        let isCore = headerBytes == 12
        let (width, height, depth): (Int, Int, Int)
        if isCore {
            guard let w = file.littleU16(at: 18), let h = file.littleU16(at: 20), let bits = file.littleU16(at: 24)
            else { throw cutShort }
            (width, height, depth) = (Int(w), Int(h), Int(bits))
        } else {
            guard let w = file.littleU32(at: 18), let h = file.littleU32(at: 22), let bits = file.littleU16(at: 28)
            else { throw cutShort }
            (width, height, depth) = (Int(Int32(bitPattern: w)), Int(Int32(bitPattern: h)), Int(bits))
        }
        // A negative height means rows from top to bottom.
        let (rows, isTopDown) = (abs(height), height < 0)
        try Image.check(width: width, height: rows)
        let pixels = try pixels(file, depth: depth, headerBytes: headerBytes)
        let stride = (pixels.bits * width + 31) / 32 * 4
        guard start >= 14 + headerBytes, let data = file.part(at: start, count: stride * rows) else { throw cutShort }
        var result = [UInt8](repeating: 0, count: width * rows * 3)
        try result.withUnsafeMutableBufferPointer { (target) throws(ImagingError) in
            for row in 0..<rows {
                let source = (isTopDown ? row : rows - 1 - row) * stride
                for column in 0..<width {
                    let place = 3 * (row * width + column)
                    switch pixels {
                    case .palette(let colours, let bits):
                        let position = column * bits
                        let byte = data.u8(at: source + position / 8) ?? 0
                        let index = Int(byte >> UInt8(8 - bits - position % 8)) & (1 << bits - 1)
                        guard index < colours.count else {
                            throw ImagingError(.corrupt, "BMP: colour \(index) of \(colours.count)")
                        }
                        for channel in 0..<3 { target[place + channel] = colours[index][channel] }
                    case .colours(let bytes, let hasAlpha):
                        let position = source + column * bytes
                        let alpha = hasAlpha ? UInt32(data.u8(at: position + 3) ?? 0) : 255
                        for channel in 0..<3 {
                            let value = UInt32(data.u8(at: position + 2 - channel) ?? 0)
                            target[place + channel] = UInt8(truncatingIfNeeded: (value * alpha + 127) / 255)
                        }
                    }
                }
            }
        }
        return Image(width, rows, 3, result)
    }

    private static func pixels(
        _ file: BigEndianBytes, depth: Int, headerBytes: Int
    ) throws(ImagingError) -> Pixels {
        let isCore = headerBytes == 12
        let compression = isCore ? 0 : file.littleU32(at: 30) ?? 0
        switch (depth, compression) {
        case (1, 0), (4, 0), (8, 0):
            let stated = isCore ? 0 : Int(file.littleU32(at: 46) ?? 0)
            let count = stated == 0 ? 1 << depth : stated
            let size = isCore ? 3 : 4
            guard count <= 1 << depth, let table = file.part(at: 14 + headerBytes, count: count * size) else {
                throw ImagingError(.corrupt, "BMP: a palette of \(count) colours for \(depth) bits")
            }
            let colours = (0..<count).map { index in (0..<3).map { table.u8(at: index * size + 2 - $0) ?? 0 } }
            return .palette(colours, bits: depth)
        case (24, 0): return .colours(bytes: 3, hasAlpha: false)
        case (32, 0): return .colours(bytes: 4, hasAlpha: false)
        case (32, 3):
            let masks = (0..<3).map { file.littleU32(at: 54 + 4 * $0) }
            guard masks == [0xFF0000, 0xFF00, 0xFF] else { break }
            return .colours(bytes: 4, hasAlpha: headerBytes >= 56 && file.littleU32(at: 66) == 0xFF00_0000)
        default: break
        }
        throw ImagingError(
            .unsupportedFormat,
            "a BMP picture of \(depth) bits with compression \(compression): convert it with `convert FILE picture.png`"
        )
    }

    private static var cutShort: ImagingError { ImagingError(.corrupt, "BMP: the file is cut short") }
}

extension BigEndianBytes {
    func littleU16(at offset: Int) -> UInt16? { u16(at: offset)?.byteSwapped }
    func littleU32(at offset: Int) -> UInt32? { u32(at: offset)?.byteSwapped }
}
