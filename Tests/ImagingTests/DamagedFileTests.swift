// SPDX-License-Identifier: Apache-2.0
import Imaging
import Testing

@Suite("Damaged files")
struct DamagedFileTests {
    private static let formats = [
        "colour-420.jpg", "progressive.jpg", "restarts.jpg", "grey.jpg", "cmyk.jpg", "colour.png", "interlaced.png",
        "palette.png", "lossless.webp", "lossy.webp", "lzw.tif",
    ]

    @Test("A picture truncated anywhere is an error", arguments: formats)
    func truncated(_ name: String) throws {
        let bytes = try Fixtures.bytes(name)
        // WebP files may end in a padding byte that holds nothing.
        let last = name.hasSuffix(".webp") ? bytes.count - 2 : bytes.count - 1
        for count in 0...last {
            let error = #expect(throws: ImagingError.self, "\(count) of \(bytes.count) bytes") {
                try Image(decodingArray: Array(bytes.prefix(count)))
            }
            // So short that its kind cannot be seen.
            #expect(error?.code == .corrupt || (count < 12 && error?.code == .unsupportedFormat))
        }
    }

    @Test("A flipped byte gives an error or a picture of the same size, never a crash", arguments: formats)
    func flipped(_ name: String) throws {
        let bytes = try Fixtures.bytes(name)
        var refused = 0
        for index in stride(from: 2, to: bytes.count, by: 3) {
            var damaged = bytes
            damaged[index] ^= 0x55
            do {
                let image = try Image(decodingArray: damaged)
                #expect(image.pixels.count == image.width * image.height * image.channels)
            } catch { refused += 1 }
        }
        #expect(refused > 0)
    }

    @Test("A damaged PNG is detected by its checksums")
    func pngChecksum() throws {
        var bytes = try Fixtures.bytes("colour.png")
        bytes[bytes.count / 2] ^= 1
        let error = #expect(throws: ImagingError.self) { try Image(decodingArray: bytes) }
        #expect(error?.code == .corrupt)
    }

    @Test("A JPEG scan with missing data is an error rather than a partly grey picture")
    func missingMiddle() throws {
        let bytes = try Fixtures.bytes("colour-420.jpg")
        let damaged = bytes.prefix(bytes.count - 300) + bytes.suffix(2)
        let error = #expect(throws: ImagingError.self) { try Image(decodingArray: Array(damaged)) }
        #expect(error?.code == .corrupt)
    }

    @Test("Unusual header fields are accepted, and do not hide missing scan data")
    func hiddenWarning() throws {
        // The JFIF segment's major version, and the transform of Adobe's.
        for (name, phrase, place) in [("colour-420.jpg", "JFIF\0", 5), ("cmyk.jpg", "Adobe", 11)] {
            var bytes = try Fixtures.bytes(name)
            let field = try #require(bytes.indices.first { bytes[$0...].starts(with: Array(phrase.utf8)) }) + place
            let isAdobe = phrase == "Adobe"
            let usual = bytes[field]
            bytes[field] = isAdobe ? 7 : 3
            // An unknown transform is read as that of YCCK, which is 2.
            if !isAdobe || usual == 2 { #expect(try Image(decodingArray: bytes) == Fixtures.image(name)) }
            #expect(throws: Never.self) { try Image(decodingArray: bytes) }
            let scan = try #require(bytes.indices.last { bytes[$0...].starts(with: [0xFF, 0xDA]) })
            let cut = Array(bytes.prefix(scan + (bytes.count - scan) / 3)) + [0xFF, 0xD9]
            let error = #expect(throws: ImagingError.self) { try Image(decodingArray: cut) }
            #expect(error?.code == .corrupt)
        }
    }

    @Test("Padding does not hide that restart intervals are missing")
    func missingIntervals() throws {
        let bytes = try Fixtures.bytes("restarts.jpg")
        let padding = [UInt8](repeating: 0, count: 40) + [0xFF, 0xD9]
        let padded = Array(bytes.dropLast(2)) + padding
        #expect(try Image(decodingArray: padded) == Fixtures.image("restarts.jpg"))
        let marks = bytes.indices.dropLast().filter { bytes[$0] == 0xFF && (0xD0...0xD7).contains(bytes[$0 + 1]) }
        #expect(!marks.isEmpty)
        for mark in marks {
            let error = #expect(throws: ImagingError.self) {
                try Image(decodingArray: Array(bytes.prefix(mark)) + padding)
            }
            #expect(error?.code == .corrupt)
        }
    }

    @Test("Padding before the end marker of a JPEG, as some cameras write it, is accepted")
    func padding() throws {
        let bytes = try Fixtures.bytes("colour-420.jpg")
        let padded = bytes.dropLast(2) + [UInt8](repeating: 0, count: 40) + bytes.suffix(2)
        #expect(try Image(decodingArray: Array(padded)) == Fixtures.image("colour-420.jpg"))
    }

    @Test("Excessive sizes are refused before memory is allocated")
    func absurdSizes() throws {
        var png = try Fixtures.bytes("colour.png")
        for size: [UInt8] in [[0x7F, 0xFF, 0xFF, 0xFF], [0, 1, 0, 0], [0, 0, 0xFF, 0xFF]] {
            png.replaceSubrange(16..<24, with: size + size)
            Self.expectTooLarge { try Image(decodingArray: png) }
        }
        png.replaceSubrange(16..<24, with: [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1])
        #expect(throws: ImagingError.self) { try Image(decodingArray: png) }
        png.replaceSubrange(16..<24, with: [0, 0, 0, 0, 0, 0, 0, 1])
        #expect(throws: ImagingError.self) { try Image(decodingArray: png) }

        var jpeg = try Fixtures.bytes("colour-420.jpg")
        let frame = try #require(jpeg.indices.first { jpeg[$0...].starts(with: [0xFF, 0xC0]) })
        jpeg.replaceSubrange(frame + 5..<frame + 9, with: [0xFF, 0xFF, 0xFF, 0xFF])
        Self.expectTooLarge { try Image(decodingArray: jpeg) }

        // VP8L: 14 bits of width - 1, 14 bits of height - 1, behind a signature byte.
        var webp = try Fixtures.bytes("lossless.webp")
        let stream = try #require(webp.indices.first { webp[$0...].starts(with: Array("VP8L".utf8)) }) + 8
        #expect(webp[stream] == 0x2F)
        webp.replaceSubrange(stream + 1..<stream + 5, with: [0xFF, 0xFF, 0xFF, webp[stream + 4] | 0x0F])
        Self.expectTooLarge { try Image(decodingArray: webp) }
    }

    private static func expectTooLarge(_ body: () throws -> Image) {
        let error = #expect(throws: ImagingError.self) { try body() }
        #expect(error?.code == .tooLarge)
    }

    @Test("Files that are not pictures are refused with their kind")
    func otherFiles() {
        for text in ["GIF88a", "BM", "%PDF-1.7", "RIFF1234WAVE", "<svg/>", "hello"] {
            let error = #expect(throws: ImagingError.self) { try Image(decodingArray: Array(text.utf8)) }
            #expect(error?.code == .unsupportedFormat)
        }
    }

    @Test("Orientation data beyond its bounds is ignored", arguments: 0..<52)
    func damagedExif(_ offset: Int) throws {
        var bytes = try Fixtures.bytes("orientation-6.jpg")
        let exif = try #require(bytes.indices.first { bytes[$0...].starts(with: Array("Exif\0\0".utf8)) })
        bytes[exif + offset] = 0xFF
        let image = try Image(decodingArray: bytes)
        #expect(image.width * image.height == 13 * 8)
    }

    @Test("Missing files, folders and pipes are unreadable, and the error names them")
    func unreadable() throws {
        let folder = try TemporaryFolder()
        for path in [folder.path + "/missing.jpg", folder.path, "/dev/null"] {
            let error = #expect(throws: ImagingError.self) { try Image(contentsOf: path) }
            #expect(error?.code == .unreadable)
            #expect(error?.message.hasPrefix(path + ": ") == true)
        }
        let empty = try folder.write([], "empty.png")
        let error = #expect(throws: ImagingError.self) { try Image(contentsOf: empty) }
        #expect(error?.code == .corrupt)
    }
}
