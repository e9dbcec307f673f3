// SPDX-License-Identifier: Apache-2.0
import Imaging
import Testing

@Suite("Unsupported picture kinds")
struct OtherPictureTests {
    @Test(
        "The error for an unsupported kind names it and a program that converts it",
        arguments: [
            ([0, 0, 0, 24] + Array("ftypheic".utf8), "HEIC"), ([0, 0, 0, 24] + Array("ftypavif".utf8), "AVIF"),
            (Array("BM6".utf8), "BMP"), ([0x49, 0x49, 0x2B, 0], "BigTIFF"),
            ([0, 0, 0, 12] + Array("jP  \r\n".utf8), "JPEG 2000"),
        ] as [([UInt8], String)])
    func named(_ start: [UInt8], _ kind: String) {
        let error = #expect(throws: ImagingError.self) {
            try Image(decodingArray: start + [UInt8](repeating: 0, count: 64))
        }
        #expect(error?.code == .unsupportedFormat)
        #expect(error?.message.contains(kind) == true && error?.message.contains("convert") == true)
    }
}
