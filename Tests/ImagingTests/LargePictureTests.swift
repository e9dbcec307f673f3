// SPDX-License-Identifier: Apache-2.0
import Imaging
import Tensors
import Testing

@Suite("JPEG pictures over the pixel limit")
struct LargePictureTests {
    /// A grey JPEG file whose left part is bright and whose right part is dark, in blocks of 8 by 8 pixels.
    private struct Halves {
        private var bits = UInt32(0)
        private var bitCount = 0
        private var scan: [UInt8] = []
        private(set) var file: [UInt8] = []

        /// Levels of the two parts: 128 and a step of the quantised mean, 64 pixels of 8, of either sign.
        static let (bright, dark) = (UInt8(228), UInt8(28))

        init(width: Int, height: Int) {
            let (columns, rows) = ((width + 7) / 8, (height + 7) / 8)
            var last = 0
            for _ in 0..<rows {
                for column in 0..<columns {
                    // The step of the table is 8, and the mean of a block is an eighth of its first coefficient.
                    let level = column < columns / 2 ? 100 : -100
                    put(difference: level - last)
                    last = level
                }
            }
            if bitCount > 0 { put((1 << (8 - bitCount)) - 1, count: 8 - bitCount) }
            let size = [height >> 8, height & 0xFF, width >> 8, width & 0xFF].map { UInt8($0) }
            file = [0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0] + [UInt8](repeating: 8, count: 64)
            file += [0xFF, 0xC0, 0, 11, 8] + size + [1, 1, 0x11, 0]
            // Means have codes 0 for no difference, 10 for one of 7 bits and 110 for one of 8; the rest is empty: code 0.
            file += [0xFF, 0xC4, 0, 22, 0x00, 1, 1, 1] + [UInt8](repeating: 0, count: 13) + [0, 7, 8]
            file += [0xFF, 0xC4, 0, 20, 0x10, 1] + [UInt8](repeating: 0, count: 15) + [0]
            file += [0xFF, 0xDA, 0, 8, 1, 1, 0x00, 0, 63, 0] + scan + [0xFF, 0xD9]
        }

        private mutating func put(difference: Int) {
            let size = difference == 0 ? 0 : abs(difference) < 128 ? 7 : 8
            let code = [0: (0, 1), 7: (2, 2), 8: (6, 3)][size] ?? (0, 1)
            put(code.0, count: code.1)
            if size > 0 { put(difference > 0 ? difference : difference + (1 << size) - 1, count: size) }
            put(0, count: 1)
        }

        private mutating func put(_ value: Int, count: Int) {
            bits = bits << UInt32(count) | UInt32(value)
            bitCount += count
            while bitCount >= 8 {
                let byte = UInt8(truncatingIfNeeded: bits >> UInt32(bitCount - 8))
                scan += byte == 0xFF ? [0xFF, 0] : [byte]
                bitCount -= 8
            }
        }
    }

    private func expectHalves(_ image: Image, _ width: Int, _ height: Int, border: Int) {
        #expect(image.width == width && image.height == height && image.channels == 1)
        for row in [0, height / 2, height - 1] {
            let line = image.pixels[row * width..<(row + 1) * width]
            #expect(line.prefix(border).allSatisfy { $0 == Halves.bright })
            #expect(line.suffix(width - border).allSatisfy { $0 == Halves.dark })
        }
    }

    @Test(
        "Large pictures are scaled to a half, or to a quarter if a half is still too large",
        arguments: [(8200, 8201, 2), (16_383, 16_385, 4)])
    func scaled(_ width: Int, _ height: Int, _ factor: Int) throws {
        let image = try Image(decodingArray: Halves(width: width, height: height).file)
        let border = (width + 7) / 8 / 2 * 8 / factor
        expectHalves(image, (width + factor - 1) / factor, (height + factor - 1) / factor, border: border)
    }

    @Test("Pictures within the limit keep their size")
    func kept() throws {
        let image = try Image(decodingArray: Halves(width: 8192, height: 100).file)
        expectHalves(image, 8192, 100, border: 4096)
    }

    @Test("Pictures over 256 million pixels are refused")
    func refused() throws {
        let error = #expect(throws: ImagingError.self) {
            try Image(decodingArray: Halves(width: 65_535, height: 4097).file)
        }
        #expect(error?.code == .tooLarge && error?.message.contains("256 million") == true)
    }

    /// A JPEG file of 16,384 by 16,384 pixels with hardly any data.
    private static func empty(frame: UInt8, channels: UInt8, scans: [[UInt8]]) -> [UInt8] {
        var file: [UInt8] = [0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0] + [UInt8](repeating: 8, count: 64)
        file += [0xFF, frame, 0, 8 + 3 * channels, 8, 0x40, 0, 0x40, 0, channels]
        for channel in 1...channels { file += [channel, 0x11, 0] }
        file += [0xFF, 0xC4, 0, 20, 0x00, 1] + [UInt8](repeating: 0, count: 15) + [0]
        file += [0xFF, 0xC4, 0, 20, 0x10, 1] + [UInt8](repeating: 0, count: 15) + [0]
        for scan in scans {
            file += [0xFF, 0xDA, 0, UInt8(6 + 2 * scan.count), UInt8(scan.count)]
            for channel in scan { file += [channel, 0] }
            file += [0, frame == 0xC2 ? 0 : 63, 0] + [UInt8](repeating: 0, count: 8)
        }
        return file + [0xFF, 0xD9]
    }

    @Test(
        "Large progressive and multi-scan pictures are refused, since the decoder would hold all coefficients"
    )
    func coefficients() throws {
        for file in [
            Self.empty(frame: 0xC2, channels: 4, scans: [[1, 2, 3, 4]]),
            Self.empty(frame: 0xC2, channels: 1, scans: [[1]]),
            Self.empty(frame: 0xC0, channels: 3, scans: [[1]]),
            Self.empty(frame: 0xC0, channels: 3, scans: [[1], [2], [3]]),
            Self.empty(frame: 0xC0, channels: 1, scans: [[1], [1]]),
        ] {
            let error = #expect(throws: ImagingError.self) { try Image(decodingArray: file) }
            #expect(error?.code == .tooLarge && error?.message.contains("64 million") == true)
        }
    }

    @Test("A crop without a resize refuses a picture that was scaled while decoding")
    func cropped() throws {
        let image = try Image(decodingArray: Halves(width: 8200, height: 8201).file)
        func fitted(_ resize: Preprocessing.Resize) throws -> Image {
            try Preprocessor(
                Preprocessing(
                    width: 32, height: 32, channels: .grey, resize: resize, interpolation: .bilinear, mean: [0],
                    std: [1])
            ).fitted(image)
        }
        let error = #expect(throws: ImagingError.self) { try fitted(.none) }
        #expect(error?.code == .tooLarge)
        #expect(try fitted(.stretch).width == 32)
    }
}
