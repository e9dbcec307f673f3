// SPDX-License-Identifier: Apache-2.0
import Imaging
import Testing

/// TIFF files, which have a decoder of their own. ``DecodingTests`` compares whole pictures with Pillow's.
@Suite("TIFF")
struct TIFFTests {
    /// Six tiles of 16 by 16 grey pixels of 16 bits, for 30 by 35 pixels, with the highest byte first.
    private static func tiles() throws -> [UInt8] { try Fixtures.bytes("tiles-16.tif") }

    /// The file with another value of a tag that has one LONG.
    private static func tiles(_ tag: UInt16, _ value: UInt32) throws -> [UInt8] {
        var file = try tiles()
        let entry: [UInt8] = [UInt8(tag >> 8), UInt8(truncatingIfNeeded: tag), 0, 4, 0, 0, 0, 1]
        let place = try #require(file.indices.first { file[$0...].starts(with: entry) })
        for index in 0..<4 { file[place + 8 + index] = UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32(index))) }
        return file
    }

    private static func error(_ file: [UInt8]) -> ImagingError? {
        do throws(ImagingError) {
            _ = try Image(decodingArray: file)
            return nil
        } catch { return error }
    }

    @Test(
        "The error for an unsupported TIFF file names the reason and a program that converts it",
        arguments: [(259, 7, "JPEG"), (259, 4, "compression 4"), (262, 5, "kind 5"), (258, 12, "12 bits")]
            as [(UInt16, UInt32, String)])
    func rare(_ tag: UInt16, _ value: UInt32, _ name: String) throws {
        let error = try #require(Self.error(try Self.tiles(tag, value)))
        #expect(error.code == .unsupportedFormat && error.message.contains(name), "\(error)")
        #expect(error.message.contains("convert FILE"))
    }

    @Test(
        "Excessive sizes are refused before memory is allocated",
        arguments: [
            (256, 0), (256, UInt32.max), (257, 1 << 20), (322, 0), (322, 1 << 17), (323, UInt32.max), (322, 1 << 15),
        ] as [(UInt16, UInt32)])
    func absurd(_ tag: UInt16, _ value: UInt32) throws {
        let error = try #require(Self.error(try Self.tiles(tag, value)))
        #expect([.corrupt, .tooLarge].contains(error.code), "\(error)")
    }

    @Test("Truncated and altered files give an error or a picture of the same size")
    func damaged() throws {
        let file = try Self.tiles()
        for count in file.indices { #expect(Self.error(Array(file.prefix(count))) != nil, "\(count)") }
        for index in file.indices {
            var damaged = file
            damaged[index] ^= 0x55
            guard let image = try? Image(decodingArray: damaged) else { continue }
            #expect(image.pixels.count == image.width * image.height * image.channels)
        }
    }

    @Test(
        "Further pages of a TIFF file are reported; a thumbnail or a mask is not a page",
        arguments: [([0], true), ([1], false), ([4], false), ([1, 0], true), ([], false)] as [([UInt8], Bool)])
    func pages(_ kinds: [UInt8], _ isFirst: Bool) throws {
        var file = try Self.tiles()
        func place(_ offset: Int) -> Int { file[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) } }
        func set(_ offset: Int, _ value: Int) {
            for index in 0..<4 { file[offset + index] = UInt8(truncatingIfNeeded: value >> (24 - 8 * index)) }
        }
        let first = place(4)
        var link = first + 2 + 12 * (Int(file[first]) << 8 | Int(file[first + 1]))
        for kind in kinds {
            set(link, file.count)
            link = file.count + 2 + 12
            file += [0, 1, 0, 254, 0, 4, 0, 0, 0, 1, 0, 0, 0, kind, 0, 0, 0, 0]
        }
        #expect(try Image(decodingArray: file).hasFurtherPictures == isFirst)
        if kinds == [1] {
            // A directory that names itself as the next.
            set(link, link - 14)
            #expect(try !Image(decodingArray: file).hasFurtherPictures)
        }
    }
}
