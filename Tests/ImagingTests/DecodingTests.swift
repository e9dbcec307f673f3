// SPDX-License-Identifier: Apache-2.0
import Imaging
import Tensors
import Testing

@Suite("Decoding")
struct DecodingTests {
    /// Lossy decoders of different versions may round differently; the vectors name theirs in cases.json.
    private static func tolerance(_ file: String) -> Int {
        file.hasSuffix(".jpg") || file == "lossy.webp" ? 1 : 0
    }

    @Test(
        "A picture decodes to the same pixels as with Pillow",
        arguments: Fixtures.cases.decode + Fixtures.cases.decodeTIFF)
    func decodes(_ vector: Fixtures.Cases.Decode) throws {
        let image = try Fixtures.image(vector.file)
        let expected = try Fixtures.tensor(vector.expected)
        #expect(image.dimensions == expected.shape.dimensions)
        #expect(try largestDifference(image, expected) <= Self.tolerance(vector.file))
    }

    @Test("The eight orientations give eight different pictures")
    func orientationsDiffer() throws {
        let images = try (1...8).map { try Fixtures.image("orientation-\($0).jpg") }
        #expect(Set(images).count == 8)
        #expect(images.map(\.width) == [13, 13, 13, 13, 8, 8, 8, 8])
    }

    @Test("A file's kind is determined by its first bytes, not its name")
    func sniffs() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(try Fixtures.bytes("colour.png"), "picture.jpg")
        #expect(try Image(contentsOf: path) == Fixtures.image("colour.png"))
    }

    @Test("An animation is refused as an animation")
    func animation() throws {
        let error = #expect(throws: ImagingError.self) { try Fixtures.image("animation.webp") }
        #expect(error?.code == .unsupportedFormat)
        #expect(error?.message.contains("animation") == true)
    }

    @Test("Grey becomes three equal channels, and colour becomes luma")
    func channels() throws {
        let grey = try Fixtures.image("grey.png")
        let colour = grey.rgb()
        #expect(colour.channels == 3)
        #expect(
            (0..<3).allSatisfy { channel in
                grey.pixels.indices.allSatisfy { colour.pixels[3 * $0 + channel] == grey.pixels[$0] }
            })
        #expect(colour.grey() == grey)
    }

    @Test(
        "A picture written as PNG decodes to the same pixels",
        arguments: ["colour.png", "grey.png", "colour-420.jpg"])
    func encodes(_ name: String) throws {
        let image = try Fixtures.image(name)
        let file = try image.pngBytes()
        #expect(try Image(decodingArray: file) == image)
        #expect(try image.pngBytes() == file)
    }

    @Test("A pixel array of the wrong length is refused")
    func mismatch() {
        for (width, height, channels, count) in [(2, 2, 3, 11), (2, 2, 2, 8), (0, 2, 1, 0), (-1, -1, 1, 1)] {
            #expect(throws: ImagingError.self) {
                try Image(
                    width: width, height: height, channels: channels, pixels: [UInt8](repeating: 0, count: count))
            }
        }
    }
}
