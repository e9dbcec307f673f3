// SPDX-License-Identifier: Apache-2.0
import Imaging
import Tensors
import Testing

@Suite("Resizing")
struct ResizeTests {
    @Test("A resized picture equals Pillow's result in every pixel", arguments: Fixtures.cases.resize)
    func equalsPillow(_ vector: Fixtures.Cases.Resize) throws {
        let interpolation = try #require(Preprocessing.Interpolation(rawValue: vector.interpolation))
        let image = try Fixtures.image(vector.source)
            .resized(width: vector.width, height: vector.height, interpolation)
        let expected = try Fixtures.tensor(vector.expected)
        #expect(image.dimensions == expected.shape.dimensions)
        #expect(image.pixels == (try expected.uint8s()))
    }

    @Test("Resizing to the same size changes nothing", arguments: Preprocessing.Interpolation.allCases)
    func identity(_ interpolation: Preprocessing.Interpolation) throws {
        let image = try Fixtures.image("colour.png")
        #expect(try image.resized(width: image.width, height: image.height, interpolation) == image)
    }

    @Test(
        "A picture of one colour stays so at any size, including black and white",
        arguments: [0, 1, 127, 254, 255] as [UInt8])
    func flat(_ value: UInt8) throws {
        let image = try Image(width: 19, height: 7, channels: 1, pixels: [UInt8](repeating: value, count: 19 * 7))
        for interpolation in Preprocessing.Interpolation.allCases {
            for (width, height) in [(1, 1), (40, 3), (5, 90), (200, 200)] {
                let resized = try image.resized(width: width, height: height, interpolation)
                #expect(resized.pixels == [UInt8](repeating: value, count: width * height))
            }
        }
    }

    @Test("Sizes over the limits are refused, including the intermediate one")
    func limits() throws {
        let tall = try Image(width: 1, height: 60_000, channels: 1, pixels: [UInt8](repeating: 9, count: 60_000))
        for (width, height) in [(0, 5), (5, -1), (70_000, 1), (60_000, 60_000), (8192, 1)] {
            let error = #expect(throws: ImagingError.self) { try tall.resized(width: width, height: height, .bilinear) }
            #expect(error?.code == .tooLarge)
        }
    }
}
