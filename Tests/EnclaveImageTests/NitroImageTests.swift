// SPDX-License-Identifier: Apache-2.0
import Crypto
import EnclaveImage
import Evidence
import Foundation
import TestSupport
import Testing

@Suite("Nitro images")
struct NitroImageTests {
    private struct Vector: Decodable {
        struct Inputs: Decodable {
            let kernelHex: String
            let cmdline: String
            let ramdisks: [String]
            let metadata: String
        }
        struct Result: Decodable {
            let file: String?
            let crc32: String
            let pcr0: String
            let pcr1: String
            let pcr2: String

            private enum CodingKeys: String, CodingKey {
                case file, crc32
                case pcr0 = "PCR0"
                case pcr1 = "PCR1"
                case pcr2 = "PCR2"
            }
        }
        let inputs: Inputs
        let one: Result
        let two: Result?
    }

    /// PCR2 of every image with one ramdisk, a constant that many projects publish.
    private static let emptyPCR2 =
        "21b9efbc184807662e966d34f390821309eeac6802309798826296bf3e8bec7c10edb30948c90ba67310f7b964fc500a"

    private func image(ramdisks: Int = 1, kernel: [UInt8] = Array(0..<200)) throws -> EnclaveImageFormat {
        try EnclaveImageFormat(
            kernel: kernel, commandLine: "reboot=k panic=30",
            ramdisks: (0..<ramdisks).map { Array("ramdisk \($0)".utf8) }, metadata: Array("{\"ImageName\":\"x\"}".utf8))
    }

    @Test(
        "The test vectors' inputs give the expected file, checksum and PCRs",
        .enabled(if: ImageVectors.arePresent, Comment(rawValue: SharedFiles.absence)))
    func vectors() throws {
        let vector = try ImageVectors.json("eif.json", Vector.self)
        for (count, expected) in [(1, vector.one), (2, vector.two)] {
            guard let expected else { continue }
            let image = try EnclaveImageFormat(
                kernel: try #require([UInt8](hex: vector.inputs.kernelHex)), commandLine: vector.inputs.cmdline,
                ramdisks: vector.inputs.ramdisks.prefix(count).map { Array($0.utf8) },
                metadata: Array(vector.inputs.metadata.utf8))
            let bytes = image.encoded()
            if let file = expected.file { #expect(try bytes == ImageVectors.bytes(file)) }
            #expect(Array(bytes[544..<548]).hex == expected.crc32)
            let values = try image.measurement().values
            #expect(values["pcr0"]?.hex == expected.pcr0)
            #expect(values["pcr1"]?.hex == expected.pcr1)
            #expect(values["pcr2"]?.hex == expected.pcr2)
            #expect(try EnclaveImageFormat(parsing: bytes) == image)
        }
    }

    @Test("PCR0 covers all ramdisks, PCR1 only the first, and PCR2 those after the first")
    func registers() throws {
        let (one, two) = (try image().measurement(), try image(ramdisks: 2).measurement())
        #expect(one.values["pcr2"]?.hex == Self.emptyPCR2)
        #expect(one.values["pcr0"] == one.values["pcr1"])
        #expect(two.values["pcr0"] != two.values["pcr1"])
        #expect(two.values["pcr1"] == one.values["pcr1"])
        let other = Array(
            SHA384.hash(data: [UInt8](repeating: 0, count: 48) + SHA384.hash(data: Array("ramdisk 1".utf8))))
        #expect(two.values["pcr2"] == other)
        #expect(one.steps.last { $0.name == "pcr0" }?.value == one.values["pcr0"])
    }

    @Test("Every image reads back, and encodes to the same bytes again")
    func parseBack() throws {
        for count in [1, 2, 7, 29] {
            let image = try image(ramdisks: count)
            let bytes = image.encoded()
            let read = try EnclaveImageFormat(parsing: bytes)
            #expect(read == image)
            #expect(read.encoded() == bytes)
        }
        #expect(throws: ImageError.self) { try image(ramdisks: 30) }
        #expect(throws: ImageError.self) { try image(ramdisks: 0) }
        let signed = try EnclaveImageFormat(
            isArm: true, sections: image().sections + [.init(.signature, [0x80])])
        #expect(try EnclaveImageFormat(parsing: signed.encoded()) == signed)
    }

    @Test("An image whose sections are not in measurement order is refused")
    func order() throws {
        let sections = try image(ramdisks: 2).sections
        let kinds = sections.map(\.kind)
        for order in [[1, 0, 2, 3, 4], [0, 2, 3, 1, 4], [3, 0, 1, 2, 4], [0, 3, 1, 2, 4]] {
            #expect(throws: ImageError.self, "\(order.map { kinds[$0] })") {
                try EnclaveImageFormat(sections: order.map { sections[$0] })
            }
        }
        // The metadata section is not measured, and may be anywhere.
        #expect(throws: Never.self) { try EnclaveImageFormat(sections: [2, 0, 1, 3, 4].map { sections[$0] }) }
    }

    @Test(
        "1,000 mutations fail the checksum; with it corrected each is refused, changes a PCR or changes unmeasured data"
    )
    func mutations() throws {
        let original = try image(ramdisks: 2)
        let bytes = original.encoded()
        let registers = try original.measurement().values
        var mutations = Mutations(seed: 22)
        var (refused, different) = (0, 0)
        for number in 0..<1000 {
            var changed = mutations.change(bytes, in: 0..<bytes.count)
            guard changed != bytes else { continue }
            #expect(throws: ImageError.self, "mutation \(number)") { try EnclaveImageFormat(parsing: changed) }
            guard changed.count >= 548 else { continue }
            changed.replaceSubrange(544..<548, with: Self.bigEndian(Self.checksum(changed)))
            guard let read = try? EnclaveImageFormat(parsing: changed) else {
                refused += 1
                continue
            }
            // A section whose type was changed to a signature is not a valid one.
            guard let values = try? read.measurement().values else {
                refused += 1
                continue
            }
            if values != registers {
                different += 1
            } else {
                // The platform measures neither the metadata nor the header's defaults.
                #expect(
                    read[.kernel] == original[.kernel] && read[.ramdisk] == original[.ramdisk], "mutation \(number)")
                #expect(read[.commandLine] == original[.commandLine], "mutation \(number)")
            }
        }
        #expect(refused > 300 && different > 50)
    }

    /// Bit by bit, not by a table.
    static func checksum(_ bytes: [UInt8]) -> UInt32 {
        ~(bytes[..<544] + bytes[548...]).reduce(UInt32.max) { state, byte in
            (0..<8).reduce(state ^ UInt32(byte)) { value, _ in value & 1 == 0 ? value >> 1 : value >> 1 ^ 0xEDB8_8320 }
        }
    }

    static func bigEndian(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    @Test("The metadata has the required members and no build time")
    func metadata() throws {
        let json = try NitroMetadata(name: "infenclave", version: "1.0", kernelVersion: "6.12").encoded()
        let members = try #require(JSONSerialization.jsonObject(with: Data(json)) as? [String: Any])
        #expect(Set(members.keys) == ["ImageName", "ImageVersion", "BuildMetadata", "DockerInfo"])
        let build = try #require(members["BuildMetadata"] as? [String: String])
        #expect(build["BuildTime"] == "1970-01-01T00:00:00+00:00")
        #expect(
            Set(build.keys) == ["BuildTime", "BuildTool", "BuildToolVersion", "OperatingSystem", "KernelVersion"])
    }
}
