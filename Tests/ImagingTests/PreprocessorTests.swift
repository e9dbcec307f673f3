// SPDX-License-Identifier: Apache-2.0
import Imaging
import Tensors
import Testing

@Suite("Picture preprocessing")
struct PreprocessorTests {
    @Test(
        "Pixels and normalised tensor are bit-identical to those of Pillow and NumPy",
        arguments: Fixtures.cases.preprocess)
    func equalsPillow(_ vector: Fixtures.Cases.Preprocess) throws {
        let image = try Fixtures.image(vector.source)
        let preprocessor = Preprocessor(vector.preprocessing)
        let (pixels, tensor) = (try preprocessor.pixels(of: image), try preprocessor.tensor(of: image))
        let expected = (pixels: try Fixtures.tensor(vector.pixels), tensor: try Fixtures.tensor(vector.tensor))
        #expect(pixels.type == expected.pixels.type)
        #expect(tensor.type == expected.tensor.type)
        // A lossy source may decode differently by one step in another version; see DecodingTests.
        if vector.source.hasSuffix(".jpg") {
            #expect(try largestDifference(pixels.uint8s(), expected.pixels.uint8s()) <= 1)
        } else {
            #expect(try pixels.uint8s() == expected.pixels.uint8s())
            #expect(try tensor.floats().map(\.bitPattern) == expected.tensor.floats().map(\.bitPattern))
        }
    }

    @Test("A picture smaller than the crop is refused with both sizes")
    func tooSmall() throws {
        let image = try Fixtures.image("colour.png")
        let preprocessing = try Preprocessing(
            width: 34, height: 20, channels: .rgb, resize: .none, interpolation: .bilinear, mean: [0, 0, 0],
            std: [1, 1, 1])
        let error = #expect(throws: ImagingError.self) { try Preprocessor(preprocessing).pixels(of: image) }
        #expect(error?.code == .tooSmall)
        #expect(error?.message.contains("33x25") == true)
        #expect(error?.message.contains("34x20") == true)
    }

    @Test("A resize of the shorter side is refused if the longer side stays below the crop")
    func tooSmallAfterResizing() throws {
        let square = try Image(width: 30, height: 30, channels: 1, pixels: [UInt8](repeating: 0, count: 900))
        let preprocessing = try Preprocessing(
            width: 40, height: 20, channels: .grey, resize: .shorterSide(20), interpolation: .bilinear, mean: [0],
            std: [1])
        let error = #expect(throws: ImagingError.self) { try Preprocessor(preprocessing).tensor(of: square) }
        #expect(error?.code == .tooSmall)
    }

    @Test("A picture with an extreme aspect ratio is refused when resized")
    func tooLong() throws {
        let strip = try Image(width: 60_000, height: 1, channels: 1, pixels: [UInt8](repeating: 0, count: 60_000))
        let error = #expect(throws: ImagingError.self) { try Preprocessor(.imageNet).pixels(of: strip) }
        #expect(error?.code == .tooLarge)
    }

    @Test("A longer side of n + 0.5 pixels is rounded to even", arguments: [(773, 386), (775, 388), (769, 384)])
    func halves(_ width: Int, _ resized: Int) throws {
        // The widest crop shows how wide the picture became.
        let image = try Image(width: width, height: 512, channels: 1, pixels: [UInt8](repeating: 9, count: width * 512))
        func preprocessing(width: Int) throws -> Preprocessing {
            try Preprocessing(
                width: width, height: 256, channels: .grey, resize: .shorterSide(256), interpolation: .bilinear,
                mean: [0], std: [1])
        }
        #expect(try Preprocessor(preprocessing(width: resized)).pixels(of: image).byteCount == resized * 256)
        #expect(throws: ImagingError.self) { try Preprocessor(preprocessing(width: resized + 1)).pixels(of: image) }
    }

    @Test("A letterboxed narrow strip keeps at least one row")
    func thinLetterbox() throws {
        let strip = try Image(width: 900, height: 1, channels: 1, pixels: [UInt8](repeating: 200, count: 900))
        let preprocessing = try Preprocessing(
            width: 9, height: 5, channels: .grey, resize: .letterbox(fill: 3), interpolation: .bilinear, mean: [0],
            std: [1])
        let pixels = try Preprocessor(preprocessing).pixels(of: strip).uint8s()
        let rows = [3, 3, 200, 3, 3] as [UInt8]
        #expect(pixels == rows.flatMap { [UInt8](repeating: $0, count: 9) })
    }
}
