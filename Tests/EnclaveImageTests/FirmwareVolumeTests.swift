// SPDX-License-Identifier: Apache-2.0
import Crypto
import EnclaveImage
import Evidence
import Foundation
import Testing

@Suite("Firmware volumes")
struct FirmwareVolumeTests {
    private static let lzma = [UInt8](hex: "98584eee143959429d6edc7bd79403cf")!

    /// A section with this stream behind a header of 24 bits, or of 32.
    private func section(_ stream: [UInt8], isExtended: Bool) -> [UInt8] {
        let headerBytes = isExtended ? 28 : 24
        let size = headerBytes + stream.count
        func number(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(value >> (8 * $0) & 0xFF) } }
        let start = isExtended ? [0xFF, 0xFF, 0xFF, 2] + number(size, 4) : number(size, 3) + [2]
        return start + Self.lzma + number(headerBytes, 2) + [1, 0] + stream
    }

    private let stream: [UInt8] = [0x5D, 0, 0, 0, 1, 40, 0, 0, 0, 0, 0, 0, 0] + Array(1...40)

    @Test("A compressed section is found by its GUID, with either header")
    func sections() {
        for isExtended in [false, true] {
            let firmware = [UInt8](repeating: 0xFF, count: 100) + section(stream, isExtended: isExtended) + [7, 7, 7]
            #expect(CompressedSection.all(in: firmware).map(\.stream) == [stream])
        }
        #expect(CompressedSection.all(in: []) == [])
        // A section that claims more bytes than exist, one whose content has no bounds, and the identifier alone.
        #expect(CompressedSection.all(in: Array(section(stream, isExtended: false).dropLast())) == [])
        var vast = stream
        vast[11] = 1
        #expect(CompressedSection.all(in: section(vast, isExtended: true)) == [])
        #expect(CompressedSection.all(in: Self.lzma) == [])
        let many = (0..<40).flatMap { _ in section(stream, isExtended: false) }
        #expect(CompressedSection.all(in: many).count == 16)
    }

    @Test("The measuring driver is found by its GUID")
    func driver() throws {
        let identifier = try #require([UInt8](hex: "1e2262f007c6c244b0b4c3886331d351"))
        #expect(MeasuringDriver.isIn([1, 2] + identifier + [3]))
        #expect(!MeasuringDriver.isIn([1, 2] + identifier.dropLast() + [3]))
    }
}
