// SPDX-License-Identifier: Apache-2.0
/// Reads the first picture of a TIFF file: grey, RGB or a palette, of 1, 4, 8 or 16 bits, in strips or tiles, plain or
/// compressed by LZW, Deflate or PackBits.
///
/// - Source: Adobe, TIFF, revision 6.0, and its technical notes (Deflate, alpha).
enum TIFFPicture {
    static func begins(_ file: BigEndianBytes) -> Bool {
        file.starts(with: Array("II*\0".utf8)) || file.starts(with: Array("MM\0*".utf8))
    }

    /// - Throws: ``ImagingError``: `.unsupportedFormat` for rare forms, `.corrupt`, `.tooLarge`.
    static func image(_ file: BigEndianBytes) throws(ImagingError) -> Image {
        let directory = try TIFFDirectory(file)
        let samples = try TIFFSamples(directory)
        let blocks = try Blocks(directory, samples)
        let (width, height) = (samples.width, samples.height)
        var pixels = [UInt8](repeating: 0, count: width * height * samples.channels)
        for index in 0..<blocks.across * blocks.down {
            let (left, top) = (index % blocks.across * blocks.width, index / blocks.across * blocks.height)
            // A strip ends with the picture, a tile does not.
            let rows = blocks.areTiles ? blocks.height : min(blocks.height, height - top)
            let stride = samples.rowBytes(blocks.width)
            var bytes = try directory.block(index, stored: blocks.stored, byteCount: stride * rows)
            if directory.number(.predictor) == 2 { samples.accumulate(&bytes, stride: stride) }
            for row in 0..<min(rows, height - top) {
                samples.convert(
                    bytes, from: row * stride, count: min(blocks.width, width - left), to: &pixels,
                    at: (top + row) * width + left)
            }
        }
        var image = Orientation(exif: file).applied(to: Image(width, height, samples.channels, pixels))
        image.hasFurtherPictures = directory.hasFurtherPictures
        return image
    }

    /// The strips or tiles of a picture.
    private struct Blocks {
        let width, height, across, down: Int
        let areTiles: Bool
        let stored: (offsets: TIFFDirectory.Tag, byteCounts: TIFFDirectory.Tag)

        /// Limit of the bytes of a block.
        private static let maximumBytes = 256 << 20

        init(_ directory: TIFFDirectory, _ samples: TIFFSamples) throws(ImagingError) {
            areTiles = directory.number(.tileWidth) != nil
            if areTiles {
                (width, height) = (directory.number(.tileWidth) ?? 0, directory.number(.tileHeight) ?? 0)
                stored = (.tileOffsets, .tileByteCounts)
            } else {
                width = samples.width
                height = min(directory.number(.rowsPerStrip) ?? samples.height, samples.height)
                stored = (.stripOffsets, .stripByteCounts)
            }
            guard width > 0, height > 0, width <= Image.maximumSide, height <= Image.maximumSide else {
                throw ImagingError(.corrupt, "TIFF: blocks of \(width)x\(height) pixels")
            }
            across = (samples.width + width - 1) / width
            down = (samples.height + height - 1) / height
            // Tiles beyond the picture are decoded, too.
            guard samples.rowBytes(width) * height <= Self.maximumBytes,
                across * width * (areTiles ? down * height : samples.height) <= 2 * Image.maximumPixelCount
            else { throw ImagingError(.tooLarge, "TIFF: blocks of \(width)x\(height) pixels") }
        }
    }
}

/// The samples of a pixel, as they are stored.
struct TIFFSamples {
    private enum Colours {
        case grey(isInverted: Bool)
        case rgb
        case palette([UInt8])
    }

    let width, height: Int
    private let colours: Colours
    private let bits, perPixel: Int
    /// The position of the high byte of a sample of 16 bits.
    private let highByte: Int
    private let isLittle: Bool
    /// The alpha sample with which colours still have to be multiplied, if there is one.
    private let alpha: Int?

    /// Channels of the picture: 1 or 3.
    var channels: Int { if case .grey = colours { 1 } else { 3 } }

    /// Limit of samples per pixel, most of which are passed over.
    private static let maximumSamples = 16

    init(_ directory: TIFFDirectory) throws(ImagingError) {
        (width, height) = (directory.number(.width) ?? 0, directory.number(.height) ?? 0)
        try Image.check(width: width, height: height)
        perPixel = directory.number(.samplesPerPixel) ?? 1
        bits = directory.number(.bitsPerSample) ?? 1
        isLittle = directory.isLittle
        highByte = isLittle ? 1 : 0
        let (perPixel, bits) = (perPixel, bits)
        let photometric = directory.number(.photometric) ?? 1
        guard (1...Self.maximumSamples).contains(perPixel),
            (0..<perPixel).allSatisfy({ directory.number(.bitsPerSample, $0) ?? bits == bits })
        else { throw TIFFDirectory.rare("\(perPixel) samples of different sizes") }
        guard directory.number(.sampleFormat) ?? 1 == 1 else { throw TIFFDirectory.rare("signed or real numbers") }
        guard directory.number(.planar) ?? 1 == 1 || perPixel == 1 else { throw TIFFDirectory.rare("separate planes") }
        let used: Int
        switch (photometric, bits) {
        case (0, 1), (0, 4), (0, 8), (0, 16), (1, 1), (1, 4), (1, 8), (1, 16):
            (colours, used) = (.grey(isInverted: photometric == 0), 1)
        case (2, 8), (2, 16): (colours, used) = (.rgb, 3)
        case (3, 1), (3, 4), (3, 8):
            (colours, used) = (.palette(try directory.palette(bits: bits)), 1)
        default:
            throw TIFFDirectory.rare("colours of kind \(photometric) and \(bits) bits")
        }
        guard perPixel >= used, perPixel == 1 || bits >= 8 else {
            throw TIFFDirectory.rare("\(perPixel) samples of \(bits) bits")
        }
        // 2 is unassociated alpha: colours are not multiplied by it yet.
        alpha = perPixel > used && directory.number(.extraSamples) == 2 ? used : nil
    }

    /// Bytes of a row of this many pixels.
    func rowBytes(_ width: Int) -> Int { (width * perPixel * bits + 7) / 8 }

    /// Undoes the horizontal predictor: adds to each pixel the pixel on its left.
    func accumulate(_ bytes: inout [UInt8], stride: Int) {
        guard bits >= 8, stride > 0 else { return }
        let step = perPixel * bits / 8
        let isLittle = isLittle
        bytes.withUnsafeMutableBufferPointer { bytes in
            var start = 0
            while start + stride <= bytes.count {
                if bits == 8 {
                    for index in Swift.stride(from: start + step, to: start + stride, by: 1) {
                        bytes[index] &+= bytes[index - step]
                    }
                } else {
                    let low = isLittle ? 0 : 1
                    for index in Swift.stride(from: start + step, to: start + stride - 1, by: 2) {
                        let (a, b) = (index - step, index)
                        let sum =
                            (UInt16(bytes[a + 1 - low]) << 8 | UInt16(bytes[a + low]))
                            &+ (UInt16(bytes[b + 1 - low]) << 8 | UInt16(bytes[b + low]))
                        bytes[b + low] = UInt8(truncatingIfNeeded: sum)
                        bytes[b + 1 - low] = UInt8(truncatingIfNeeded: sum >> 8)
                    }
                }
                start += stride
            }
        }
    }

    /// Converts pixels of a row.
    ///
    /// - Parameters:
    ///   - start: The row's first byte.
    ///   - place: The first pixel of the result.
    func convert(_ bytes: [UInt8], from start: Int, count: Int, to pixels: inout [UInt8], at place: Int) {
        func sample(_ pixel: Int, _ index: Int) -> UInt8 {
            switch bits {
            case 8: return bytes[start + pixel * perPixel + index]
            case 16: return bytes[start + 2 * (pixel * perPixel + index) + highByte]
            default:
                let position = pixel * bits
                return bytes[start + position / 8] >> UInt8(8 - bits - position % 8) & UInt8(1 << bits - 1)
            }
        }
        for pixel in 0..<count {
            let factor = alpha.map { UInt32(sample(pixel, $0)) } ?? 255
            func multiplied(_ value: UInt8) -> UInt8 {
                factor == 255 ? value : UInt8(truncatingIfNeeded: (UInt32(value) * factor + 127) / 255)
            }
            switch colours {
            case .grey(let isInverted):
                // One bit becomes 0 or 255, four bits become multiples of 17.
                let value = bits < 8 ? sample(pixel, 0) * UInt8(255 / (1 << bits - 1)) : sample(pixel, 0)
                pixels[place + pixel] = multiplied(isInverted ? 255 - value : value)
            case .rgb:
                for channel in 0..<3 { pixels[3 * (place + pixel) + channel] = multiplied(sample(pixel, channel)) }
            case .palette(let table):
                let colour = Int(sample(pixel, 0))
                for channel in 0..<3 { pixels[3 * (place + pixel) + channel] = multiplied(table[3 * colour + channel]) }
            }
        }
    }
}
