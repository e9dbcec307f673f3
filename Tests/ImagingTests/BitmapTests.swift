// SPDX-License-Identifier: Apache-2.0
import Foundation
import Imaging
import Testing

/// BMP and GIF, which have decoders of their own.
@Suite("BMP and GIF")
struct BitmapTests {
    private static func number(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    /// A file with the 40 bytes of header of Windows.
    private static func bitmap(
        _ width: Int, _ height: Int, bits: Int, palette: [[UInt8]] = [], masks: [Int] = [], rows: [[UInt8]]
    ) -> [UInt8] {
        var table: [UInt8] = []
        for colour in palette { table += [colour[2], colour[1], colour[0], 0] }
        for mask in masks { table += number(mask, 4) }
        var data: [UInt8] = []
        for row in rows { data += row + [UInt8](repeating: 0, count: (4 - row.count % 4) % 4) }
        let start = 14 + 40 + table.count
        var file: [UInt8] = Array("BM".utf8)
        for value in [start + data.count, 0, start, 40, width, height] { file += number(value, 4) }
        for value in [1, bits] { file += number(value, 2) }
        for value in [masks.isEmpty ? 0 : 3, data.count, 0, 0, palette.count, 0] { file += number(value, 4) }
        return file + table + data
    }

    @Test("BMP rows are read bottom-up, or top-down with a negative height, and colours as BGR")
    func rows() throws {
        let rows: [[UInt8]] = [[1, 2, 3, 4, 5, 6, 7, 8, 9], [11, 12, 13, 14, 15, 16, 17, 18, 19]]
        let upper: [UInt8] = [13, 12, 11, 16, 15, 14, 19, 18, 17]
        let lower: [UInt8] = [3, 2, 1, 6, 5, 4, 9, 8, 7]
        let up = try Image(decodingArray: Self.bitmap(3, 2, bits: 24, rows: rows))
        #expect(up.width == 3 && up.height == 2 && up.channels == 3)
        #expect(up.pixels == upper + lower)
        #expect(try Image(decodingArray: Self.bitmap(3, -2, bits: 24, rows: rows)).pixels == lower + upper)
    }

    @Test("BMP palettes of 1, 4 and 8 bits, and 32 bits with and without alpha, are decoded")
    func depths() throws {
        let palette: [[UInt8]] = [[10, 20, 30], [200, 100, 50]]
        let expected: [UInt8] = palette[1] + palette[0] + palette[1]
        let depths: [(Int, [UInt8])] = [(1, [0b1010_0000]), (4, [0x10, 0x10]), (8, [1, 0, 1])]
        for (bits, row) in depths {
            let file = Self.bitmap(3, 1, bits: bits, palette: palette, rows: [row])
            #expect(try Image(decodingArray: file).pixels == expected, "\(bits) bits")
        }
        let plain = Self.bitmap(1, 1, bits: 32, rows: [[10, 20, 30, 77]])
        #expect(try Image(decodingArray: plain).pixels == [30, 20, 10])
        let masks = [0xFF0000, 0xFF00, 0xFF]
        let fields = Self.bitmap(1, 1, bits: 32, masks: masks, rows: [[10, 20, 30, 77]])
        #expect(try Image(decodingArray: fields).pixels == [30, 20, 10])
    }

    /// 20x18 pixels in rows that are interlaced, as Pillow 13 wrote them: colour (x² + 3y) mod 16 of (16c, 255 - 16c, 5c).
    private static let gif = Data(
        base64Encoded:
            "R0lGODdhFAASAIMAAAD/ABDvBSDfCjDPD0C/FFCvGWCfHnCPI4B/KJBvLaBfMrBPN8A/PNAvQeAfRvAPSywAAAAAFAASAEAI/wABBCCQ"
            + "AEACAgEEEjSIUGECBAkYBEAQgMHDiBMrXpTokGHCgQUPfiTIoAGAAgwKAGhQ8mTKlS0LECiAoAGBBghk0rSJU2dNAwcUPDDwQMEBoEKJ"
            + "GkX6QMAAAwsELDAwwClUqVStLnDQ9ICDAwIecBXgFazYrgq2DlAwwMGCtA7Wtn2rdgCBAwwGMDhAwC5evXz9WlTQQEACAQ0UJCBsGLFi"
            + "xg8ADEDwAMEAAJEnV76cOaeBBA4KOEhgoMDn0KNLn17A4AGBBQQeMGDtGrZs2ggFFFAQQEEBAQF08/YNXPgBBAsAHACwAMHx5MubP1/p"
            + "IICBBgYCOGhQ/Xr27d0FAwnuezfvXvJ4AwIAOw==")

    @Test("The first frame of an interlaced GIF is decoded")
    func frame() throws {
        let file = [UInt8](try #require(Self.gif))
        let image = try Image(decodingArray: file)
        #expect(image.width == 20 && image.height == 18 && image.channels == 3)
        var expected: [UInt8] = []
        for y in 0..<18 {
            for x in 0..<20 {
                let colour = (x * x + 3 * y) % 16
                expected += [UInt8(16 * colour), UInt8(255 - 16 * colour), UInt8(5 * colour)]
            }
        }
        #expect(image.pixels == expected)
    }

    @Test("Transparent pixels and pixels outside the frame are black")
    func transparent() throws {
        // 3x1 pixels, a frame of two from the second on: colours 1 and 0, of which 0 is transparent. Codes of three bits,
        // from the lowest: clear 4, 1, 0, end 5.
        let codes = 4 | 1 << 3 | 0 << 6 | 5 << 9
        let palette: [UInt8] = [9, 9, 9, 50, 60, 70, 1, 1, 1, 2, 2, 2]
        var file: [UInt8] = Array("GIF89a".utf8)
        file += [3, 0, 1, 0, 0x81, 0, 0]
        file += palette
        file += [0x21, 0xF9, 4, 1, 0, 0, 0, 0]
        file += [0x2C, 1, 0, 0, 0, 2, 0, 1, 0, 0, 2, 2]
        file += Self.number(codes, 2)
        file += [0, 0x3B]
        #expect(try Image(decodingArray: file).pixels == [0, 0, 0, 50, 60, 70, 0, 0, 0])
    }

    @Test("Further frames of a GIF are detected, even after comments; damage after the first frame is ignored")
    func frames() throws {
        let file = [UInt8](try #require(Self.gif))
        // Without the last byte, which ends the file.
        let open = Array(file.dropLast())
        let comment: [UInt8] = [0x21, 0xFE, 2, 65, 66, 1, 67, 0]
        for (tail, isFirst) in [
            ([0x3B], false), ([], false), (comment + [0x3B], false), (Array(comment.dropLast()), false), ([0x2C], true),
            (comment + comment + [0x2C, 0, 0], true),
        ] as [([UInt8], Bool)] {
            let image = try Image(decodingArray: open + tail)
            #expect(image.hasFurtherPictures == isFirst, "\(tail)")
            #expect(image.width == 20 && image.height == 18)
        }
    }

    @Test("Truncated and altered files give an error or a picture of the same size, and excessive sizes are refused")
    func damaged() throws {
        let bitmap = Self.bitmap(
            3, 2, bits: 8, palette: [[1, 2, 3], [4, 5, 6]], rows: [[0, 1, 0], [1, 1, 0]])
        for file in [bitmap, [UInt8](try #require(Self.gif))] {
            let picture = try Image(decodingArray: file)
            // A GIF's last blocks end the file, not the picture.
            for count in 0..<file.count - 3 {
                #expect(throws: ImagingError.self, "\(count)") { try Image(decodingArray: Array(file.prefix(count))) }
            }
            for index in file.indices {
                for change in [1, 0x80, 0xFF] as [UInt8] {
                    var damaged = file
                    damaged[index] ^= change
                    guard let image = try? Image(decodingArray: damaged) else { continue }
                    #expect(image.pixels.count == image.width * image.height * image.channels)
                }
            }
            #expect(picture.channels == 3)
        }
        let sizes: [(Int, Int)] = [(1 << 30, 1), (1, Int(Int32.min)), (65_535, 65_535), (0, 1), (-1, 1)]
        for (width, height) in sizes {
            let file = Self.bitmap(width, height, bits: 24, rows: [[1, 2, 3]])
            #expect(throws: ImagingError.self) { try Image(decodingArray: file) }
        }
        // Run-length codes have no reader here, and say how to convert them.
        var compressed = bitmap
        compressed[30] = 1
        let error = #expect(throws: ImagingError.self) { try Image(decodingArray: compressed) }
        #expect(error?.code == .unsupportedFormat && error?.message.contains("convert FILE") == true)
    }
}
